using Weft.Libp2p.Transport;

namespace Weft.Libp2p;

/// <content>Inbound handshakes: who says too little for too long gives way to others.</content>
public sealed partial class Libp2pHost
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan GiveWayMax = TimeSpan.FromSeconds(1);

    private readonly LinkedList<PendingHandshake> _pending = [];

    /// <summary>
    /// Takes room for an inbound connection. Where the handshakes are all in use, the one that has been at it the longest is
    /// ended, if it has had its time: so silent peers hold up nobody for long, however many come.
    /// </summary>
    /// <returns>Null when there is room; else why not, for the log.</returns>
    private async ValueTask<string?> TryEnterAsync(ITransportConnection transport)
    {
        string? refusal = _resources.TryOpenInbound(transport);
        if (refusal is null || !_resources.IsFullOfHandshakes)
        {
            return refusal;
        }

        PendingHandshake? slowest;
        lock (_pending)
        {
            slowest = _pending.First?.Value;
            if (slowest is null || _options.Time.GetElapsedTime(slowest.Since) < Patience)
            {
                return refusal;
            }

            _pending.RemoveFirst();
        }

        slowest.Transport.Abort();
        await Task.WhenAny(slowest.Ended, Task.Delay(GiveWayMax, _options.Time)).ConfigureAwait(false);
        return _resources.TryOpenInbound(transport);
    }

    private PendingHandshake Begin(ITransportConnection transport)
    {
        var pending = new PendingHandshake(transport, _options.Time.GetTimestamp(), _pending);
        lock (_pending)
        {
            pending.Place = _pending.AddLast(pending);
        }

        return pending;
    }

    /// <summary>A handshake in progress; disposed when it has ended, well or not.</summary>
    private sealed class PendingHandshake(ITransportConnection transport, long since, LinkedList<PendingHandshake> all)
        : IDisposable
    {
        private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

        internal ITransportConnection Transport => transport;

        internal long Since => since;

        internal Task Ended => _ended.Task;

        internal LinkedListNode<PendingHandshake>? Place { get; set; }

        public void Dispose()
        {
            lock (all)
            {
                if (Place?.List is not null)
                {
                    all.Remove(Place);
                }
            }

            _ended.TrySetResult();
        }
    }
}
