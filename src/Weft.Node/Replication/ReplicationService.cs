using System.Security.Cryptography;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Weft.Graph;
using Weft.Node.Network;
using Weft.Node.Sync;
using Weft.Primitives;
using Weft.Protocols.Replication;

namespace Weft.Node.Replication;

/// <summary>
/// Drives <see cref="ReplicaCore"/>: follows the node's commits, publishes in topics, stores at responsible peers. It
/// decides nothing. One loop owns the core.
/// </summary>
/// <remarks>Source: docs/spec/replication.md.</remarks>
internal sealed partial class ReplicationService : IAsyncDisposable
{
    /// <summary>What bears this origin came through a topic.</summary>
    internal const long GossipOrigin = SyncService.FirstOrigin - 1;

    /// <summary>What bears this origin was read from responsible peers.</summary>
    internal const long RecordOrigin = SyncService.FirstOrigin - 2;

    private const int InputsMax = 4_096;
    private const int InputsPerTurn = 64;
    private const int ChangesPerTurn = 512;

    private readonly NodeNetwork _network;
    private readonly WeftNode _node;
    private readonly ReplicaCore _core;
    private readonly ILogger _log;
    private readonly Outbox<ReplicaOutput> _outbox = new();
    private readonly List<HubChange> _taken = [];
    private readonly ChangeReader _changes;
    private readonly CancellationTokenSource _stopping = new();
    private readonly ITimer _timer;
    private readonly Channel<Action> _inputs = Channel.CreateBounded<Action>(
        new BoundedChannelOptions(InputsMax) { SingleReader = true });
    private WeftInstant _timerDue = WeftInstant.Never;
    private long _plansVersion = -1;
    private Task _loop = Task.CompletedTask;
    private Task _pump = Task.CompletedTask;

    public ReplicationService(NodeNetwork network, IReadOnlyList<string> interests)
    {
        _network = network;
        _node = network.Node;
        _log = _node.Loggers.CreateLogger("Weft.Replication");
        var random = new WeftRandom(BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong))));
        _core = new(network.Options.Replication, _node.Plans, interests, random);
        _changes = _node.Changes.Follow();
        _timer = _node.Time.CreateTimer(
            _ => _inputs.Writer.TryWrite(OnTimer), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        Topics = new(network, _node.Plans);
    }

    /// <summary>The topics of prefixes.</summary>
    internal ReplicaTopics Topics { get; }

    private WeftInstant Now => new((long)_node.Time.GetElapsedTime(0).TotalMicroseconds);

    public Task StartAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        _node.Graph.NetworkAsker = this;
        _loop = Task.Run(RunAsync, CancellationToken.None);
        _pump = Task.Run(PumpAsync, CancellationToken.None);
        return Task.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        _node.Graph.NetworkAsker = null;
        await _stopping.CancelAsync().ConfigureAwait(false);
        _changes.Dispose();
        _inputs.Writer.TryComplete();
        await _loop.ConfigureAwait(false);
        await _pump.ConfigureAwait(false);
        await _timer.DisposeAsync().ConfigureAwait(false);
        await Topics.DisposeAsync().ConfigureAwait(false);
        _stopping.Dispose();
    }

    // The ring rings at each commit; the loop takes what has come by then in one turn.
    private async Task PumpAsync()
    {
        try
        {
            while (await _changes.WaitAsync(_stopping.Token).ConfigureAwait(false))
            {
                await _inputs.Writer.WriteAsync(static () => { }, _stopping.Token).ConfigureAwait(false);
            }
        }
        catch (Exception over) when (over is OperationCanceledException or ChannelClosedException)
        {
            // The node stops.
        }
    }

    private async Task RunAsync()
    {
        try
        {
            do
            {
                for (int i = 0; i < InputsPerTurn && _inputs.Reader.TryRead(out Action? input); i++)
                {
                    input();
                    await ApplyAsync().ConfigureAwait(false);
                }

                await TakeChangesAsync().ConfigureAwait(false);
                if (_timerDue <= Now)
                {
                    OnTimer(); // It rang while there was no room to say so.
                    await ApplyAsync().ConfigureAwait(false);
                }
            }
            while (await _inputs.Reader.WaitToReadAsync(_stopping.Token).ConfigureAwait(false));
        }
        catch (OperationCanceledException)
        {
            // The node stops.
        }
        catch (Exception bug)
        {
            ReplicationLog.Failed(_log, "its loop has ended", bug); // The graph goes on, and sessions carry it.
        }
    }

    private async ValueTask TakeChangesAsync()
    {
        long version = _node.Plans.Version;
        if (version != _plansVersion)
        {
            _plansVersion = version;
            _core.OnPlans(_outbox);
            await ApplyAsync().ConfigureAwait(false);
        }

        int count;
        do
        {
            _taken.Clear();

            // What the ring has lost by now reaches peers by comparison, and responsible peers at the next change.
            count = _changes.TryRead(_taken, ChangesPerTurn, out _);
            foreach (HubChange change in _taken)
            {
                if (change.Field.State != Ham.DroppedState)
                {
                    StoredField field = change.Field;
                    var write = new FieldWrite(change.Soul, field.Field, field.Value, field.State, field.Extras);
                    _core.OnChange(write, change.Origin < RecordOrigin, Now, _outbox);
                }
            }

            _core.Flush(_outbox);
            await ApplyAsync().ConfigureAwait(false);
        }
        while (count == ChangesPerTurn);
    }

    private async ValueTask ApplyAsync()
    {
        for (int i = 0; i < _outbox.Count; i++)
        {
            ReplicaOutput output = _outbox[i];
            switch (output.Kind)
            {
                case ReplicaOutputKind.Publish:
                    await Topics.PublishAsync(output.Plan, output.Writes!, _stopping.Token).ConfigureAwait(false);
                    break;
                case ReplicaOutputKind.Join:
                    Topics.Join(output.Plan);
                    break;
                case ReplicaOutputKind.Leave:
                    await Topics.LeaveAsync(output.Plan).ConfigureAwait(false);
                    break;
                case ReplicaOutputKind.Store:
                    StartStore(output.Soul, output.Plan);
                    break;
                case ReplicaOutputKind.Scan:
                    StartScan(output.Soul);
                    break;
                case ReplicaOutputKind.StartTimer:
                    StartTimer(output.Due);
                    break;
            }
        }

        _outbox.Clear();
    }

    private void StartTimer(WeftInstant due)
    {
        if (due < _timerDue)
        {
            WeftInstant now = Now;
            _timerDue = due;
            TimeSpan wait = due <= now ? TimeSpan.Zero : due - now;
            _timer.Change(wait + TimeSpan.FromMilliseconds(1), Timeout.InfiniteTimeSpan);
        }
    }

    private void OnTimer()
    {
        _timerDue = WeftInstant.Never;
        _core.OnTimer(Now, _outbox);
    }

    private async ValueTask PostAsync(Action input)
    {
        try
        {
            await _inputs.Writer.WriteAsync(input, _stopping.Token).ConfigureAwait(false);
        }
        catch (Exception over) when (over is OperationCanceledException or ChannelClosedException
            or ObjectDisposedException)
        {
            // The node stops; nobody waits for the answer.
        }
    }
}
