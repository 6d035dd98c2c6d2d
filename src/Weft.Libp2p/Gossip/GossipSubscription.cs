using System.Runtime.CompilerServices;
using Weft.Protocols.Gossip;

namespace Weft.Libp2p.Gossip;

/// <summary>What a subscriber is given: a message, or how many were lost because it was slow.</summary>
/// <param name="Message">The message; null for a gap.</param>
/// <param name="Missed">Messages dropped here; 0 for a message.</param>
public readonly record struct GossipDelivery(GossipMessage? Message, long Missed);

/// <summary>One subscriber's line. Bounded: the oldest messages are dropped, and a gap says how many.</summary>
public sealed class GossipSubscription : IAsyncDisposable
{
    private readonly GossipService _service;
    private readonly int _max;
    private readonly int _bytesMax;
    private readonly Lock _gate = new();
    private readonly Queue<GossipMessage> _line = [];
    private TaskCompletionSource? _waiting;
    private long _bytes;
    private long _missed;
    private bool _isOver;

    internal GossipSubscription(GossipService service, string topic, int max, int bytesMax)
    {
        _bytesMax = bytesMax;
        _service = service;
        _max = max;
        Topic = topic;
    }

    /// <summary>The topic's name.</summary>
    public string Topic { get; }

    /// <summary>
    /// Gives what came since the subscription was made, and then each message as it comes; one reader.
    /// </summary>
    /// <param name="cancellationToken">Ends the reading with <see cref="OperationCanceledException"/>.</param>
    /// <returns>It ends when the subscription or the service is disposed.</returns>
    public async IAsyncEnumerable<GossipDelivery> ReadAllAsync(
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (TryTake(out GossipDelivery next, out Task? wait))
            {
                yield return next;
            }
            else if (wait is null)
            {
                yield break;
            }
            else
            {
                await wait.WaitAsync(cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Takes what is there without waiting.</summary>
    /// <returns>False when nothing is.</returns>
    public bool TryRead(out GossipDelivery delivery) => TryTake(out delivery, out _);

    /// <summary>Ends it; the topic is left when nobody else here has joined it.</summary>
    public ValueTask DisposeAsync()
    {
        Complete();
        _service.Remove(this);
        return default;
    }

    internal void Post(GossipMessage message)
    {
        lock (_gate)
        {
            if (_isOver || _max == 0)
            {
                return;
            }

            while (_line.Count >= _max || (_bytes + message.Frame.Length > _bytesMax && _line.Count > 0))
            {
                _bytes -= _line.Dequeue().Frame.Length;
                _missed++;
            }

            _line.Enqueue(message);
            _bytes += message.Frame.Length;
            Wake();
        }
    }

    internal void Complete()
    {
        lock (_gate)
        {
            _isOver = true;
            Wake();
        }
    }

    private void Wake()
    {
        _waiting?.TrySetResult();
        _waiting = null;
    }

    private bool TryTake(out GossipDelivery delivery, out Task? wait)
    {
        lock (_gate)
        {
            wait = null;
            if (_missed > 0)
            {
                delivery = new(null, _missed); // Before what came after it.
                _missed = 0;
                return true;
            }

            if (_line.TryDequeue(out GossipMessage? message))
            {
                _bytes -= message.Frame.Length;
                delivery = new(message, 0);
                return true;
            }

            delivery = default;
            if (!_isOver)
            {
                _waiting ??= new(TaskCreationOptions.RunContinuationsAsynchronously);
                wait = _waiting.Task;
            }

            return false;
        }
    }
}
