using System.Threading.Channels;
using Weft.Libp2p;
using Weft.Libp2p.Connections;
using Weft.Node.Events;
using Weft.Primitives;
using Weft.Protocols.Mesh;

namespace Weft.Node.Network;

/// <summary>Whether a part of the mesh is unreachable.</summary>
/// <param name="IsPartitioned">True while one is.</param>
/// <param name="Since">When its first peer was lost; null without a partition.</param>
/// <param name="Away">The peers that are away, in the order of their ids.</param>
/// <param name="Here">Peers that are connected.</param>
/// <param name="Count">Partitions since the start, this one among them.</param>
public sealed record PartitionState(
    bool IsPartitioned, DateTimeOffset? Since, IReadOnlyList<PeerId> Away, int Here, long Count);

/// <summary>Feeds the core of partitions with the connections of the host, and tells what it says.</summary>
internal sealed class PartitionWatch : IAsyncDisposable
{
    private const int InputsMax = 4_096;

    private readonly NodeNetwork _network;
    private readonly PartitionCore _core;
    private readonly Outbox<PartitionOutput> _outbox = new();
    private readonly Channel<(PeerId Peer, ConnectionEnd End, bool IsTimer)> _inputs =
        Channel.CreateBounded<(PeerId, ConnectionEnd, bool)>(new BoundedChannelOptions(InputsMax) { SingleReader = true });
    private readonly CancellationTokenSource _stopping = new();
    private readonly ITimer _timer;
    private Task _loops = Task.CompletedTask;
    private WeftInstant _due = WeftInstant.Never;
    private PartitionState _state = new(false, null, [], 0, 0);

    public PartitionWatch(NodeNetwork network, PartitionOptions options)
    {
        _network = network;
        _core = new PartitionCore(options);
        _timer = network.Node.Time.CreateTimer(
            _ => _inputs.Writer.TryWrite((default, default, true)), null, Timeout.InfiniteTimeSpan,
            Timeout.InfiniteTimeSpan);
    }

    /// <summary>As it stands.</summary>
    public PartitionState State => Volatile.Read(ref _state) with { Here = _network.Host.Use.Peers };

    private WeftInstant Now => new((long)_network.Node.Time.GetElapsedTime(0).TotalMicroseconds);

    public Task StartAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        IAsyncEnumerable<PeerEvent> events = _network.Host.WatchAsync(_stopping.Token);
        _loops = Task.WhenAll(Task.Run(() => ReadAsync(events), CancellationToken.None), Task.Run(RunAsync, CancellationToken.None));
        return Task.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _loops.ConfigureAwait(false);
        await _timer.DisposeAsync().ConfigureAwait(false);
        _stopping.Dispose();
    }

    private async Task ReadAsync(IAsyncEnumerable<PeerEvent> events)
    {
        try
        {
            await foreach (PeerEvent happened in events.ConfigureAwait(false))
            {
                if (happened.Kind is PeerEventKind.Connected or PeerEventKind.Disconnected)
                {
                    await _inputs.Writer.WriteAsync((happened.Peer, happened.End, false), _stopping.Token)
                        .ConfigureAwait(false);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The node stops.
        }
    }

    private async Task RunAsync()
    {
        try
        {
            await foreach ((PeerId peer, ConnectionEnd end, bool isTimer) in _inputs.Reader.ReadAllAsync(_stopping.Token)
                .ConfigureAwait(false))
            {
                if (isTimer)
                {
                    _due = WeftInstant.Never;
                    _core.OnTimer(Now, _outbox);
                }
                else if (_network.Host.Find(peer) is not null)
                {
                    _core.OnUp(peer, Now, _outbox); // By what is there now: there may be another connection with it.
                }
                else
                {
                    // A cable that is pulled is silence, a way that is gone an error. All else is somebody's wish.
                    _core.OnDown(peer, end is not (ConnectionEnd.Broken or ConnectionEnd.Silent), Now, _outbox);
                }

                Apply();
            }
        }
        catch (OperationCanceledException)
        {
            // The node stops.
        }
    }

    private void Apply()
    {
        for (int i = 0; i < _outbox.Count; i++)
        {
            PartitionOutput output = _outbox[i];
            if (output.Kind == PartitionOutputKind.StartTimer)
            {
                if (output.Due < _due)
                {
                    _due = output.Due;
                    TimeSpan wait = _due - Now + TimeSpan.FromMilliseconds(1);
                    _timer.Change(wait > TimeSpan.Zero ? wait : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
                }

                continue;
            }

            Tell(output);
        }

        _outbox.Clear();
    }

    private void Tell(in PartitionOutput output)
    {
        IReadOnlyList<PeerId> peers = output.Peers!;
        PartitionState before = _state;
        bool isOn = output.Kind is PartitionOutputKind.Began or PartitionOutputKind.Grew;
        DateTimeOffset since = _network.Node.Time.GetUtcNow() - (Now - output.Since);
        Volatile.Write(ref _state, new(
            isOn, isOn ? since : null, isOn ? peers : [], output.Left,
            before.Count + (output.Kind == PartitionOutputKind.Began ? 1 : 0)));
        long seconds = (long)(Now - output.Since).TotalSeconds;
        switch (output.Kind)
        {
            case PartitionOutputKind.Began:
                NetworkLog.Partitioned(_network.Log, peers.Count, output.Left);
                break;
            case PartitionOutputKind.Grew:
                NetworkLog.PartitionGrew(_network.Log, peers.Count, output.Left);
                break;
            case PartitionOutputKind.Healed:
                NetworkLog.PartitionHealed(_network.Log, seconds, peers.Count);
                break;
            default:
                NetworkLog.PartitionGivenUp(_network.Log, seconds, peers.Count);
                break;
        }

        NodeEvents events = _network.Node.Events;
        if (events.IsWatched)
        {
            events.Post(events.New(isOn ? NodeEventKind.PartitionBegin : NodeEventKind.PartitionEnd) with
            {
                State = output.Kind.ToString().ToLowerInvariant(),
                Count = peers.Count,
                Reason = peers.Count == 0 ? null : string.Join(' ', peers.Take(3)),
            });
        }
    }
}
