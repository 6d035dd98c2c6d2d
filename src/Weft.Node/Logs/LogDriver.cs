using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Weft.Crypto;
using Weft.Log;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Node.Logs;

/// <summary>
/// Drives all logs of a node and their connections on one loop: it feeds <see cref="LogHubCore"/>, carries out its
/// outputs, and gathers what callers append, so that many of them share a signature and a flush.
/// </summary>
/// <remarks>
/// A turn takes what waits, up to a bound; then the appends of each log are written under one signature, and one flush
/// of the store covers everything the turn wrote. The next turn does not wait for it. A head is shown, and an append
/// answered, when the flush that covers it is done.
/// </remarks>
internal sealed partial class LogDriver : IAsyncDisposable
{
    private const int TurnMax = 512;

    private readonly IStore _store;
    private readonly ICrypto _crypto;
    private readonly TimeProvider _time;
    private readonly LogOptions _options;
    private readonly ILogger _logger;
    private readonly LogHubCore _hub;
    private readonly Outbox<LogHubOutput> _outbox = new();
    private readonly Dictionary<Hash32, OpenLog> _logs = [];
    private readonly Dictionary<string, OpenLog> _names = new(StringComparer.Ordinal);
    private readonly HashSet<OpenLog> _touched = [];
    private readonly Channel<Action> _work;
    private readonly CancellationTokenSource _stopping = new();
    private readonly byte[] _seed = new byte[Hash32.Length];
    private Task _loop = Task.CompletedTask;

    public LogDriver(IStore store, ICrypto crypto, TimeProvider time, LogOptions options, ILogger logger)
    {
        _store = store;
        _crypto = crypto;
        _time = time;
        _options = options;
        _logger = logger;
        _hub = new LogHubCore(crypto, options.ConnectionsMax);
        _work = Channel.CreateBounded<Action>(new BoundedChannelOptions(options.QueueMax) { SingleReader = true });
        KeyGenerator.Fill(_seed); // Another one at each start: connections for logs do not say who the node is.
    }

    public LogOptions Options => _options;

    public ICrypto Crypto => _crypto;

    private ILogShelf Shelf => _store.Logs
        ?? throw new WeftException(WeftError.LogUnknown, "The store of this node keeps no logs.");

    private WeftInstant Now => new(_time.GetTimestamp() / (_time.TimestampFrequency / 1_000_000));

    /// <summary>Opens every log of the store, and starts the loop.</summary>
    public void Start()
    {
        foreach (StoredLog stored in _store.Logs?.List() ?? [])
        {
            try
            {
                OpenStored(stored);
            }
            catch (Exception broken) when (broken is InvalidDataException or WeftException)
            {
                LogDriverLog.CannotOpen(_logger, stored.Key, broken.Message);
            }
        }

        _outbox.Clear();
        _loop = Task.Run(RunAsync);
    }

    /// <summary>Asks something on the loop.</summary>
    public async Task<T> AskAsync<T>(Func<T> ask, CancellationToken cancellationToken = default)
    {
        var answer = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        await PostAsync(
            () =>
            {
                try
                {
                    answer.TrySetResult(ask());
                }
                catch (Exception failure) when (failure is WeftException or ArgumentException or InvalidDataException)
                {
                    answer.TrySetException(failure);
                }
            },
            cancellationToken).ConfigureAwait(false);
        try
        {
            return await answer.Task.WaitAsync(_stopping.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            throw new WeftException(WeftError.NodeUnavailable, "The node is stopping.");
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_stopping.IsCancellationRequested)
        {
            return;
        }

        await _stopping.CancelAsync().ConfigureAwait(false);
        _work.Writer.TryComplete();
        await _loop.ConfigureAwait(false);
        await FlushLastAsync().ConfigureAwait(false);
        foreach (OpenLog log in _logs.Values)
        {
            log.Dispose();
        }

        System.Security.Cryptography.CryptographicOperations.ZeroMemory(_seed);
    }

    private async ValueTask PostAsync(Action work, CancellationToken cancellationToken = default)
    {
        try
        {
            await _work.Writer.WriteAsync(work, cancellationToken).ConfigureAwait(false);
        }
        catch (ChannelClosedException)
        {
            throw new WeftException(WeftError.NodeUnavailable, "The node is stopping.");
        }
    }

    /// <summary>For what must not wait: timers and flushes. Nothing of it is lost while the loop runs.</summary>
    private void Post(Action work)
    {
        if (!_work.Writer.TryWrite(work))
        {
            _ = PostLaterAsync(work);
        }
    }

    private async Task PostLaterAsync(Action work)
    {
        try
        {
            await _work.Writer.WriteAsync(work).ConfigureAwait(false);
        }
        catch (ChannelClosedException)
        {
            // The loop has ended.
        }
    }

    private async Task RunAsync()
    {
        while (await _work.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            try
            {
                await _store.WaitForRoomAsync().ConfigureAwait(false);
                for (int i = 0; i < TurnMax && _work.Reader.TryRead(out Action? work); i++)
                {
                    lock (_guard)
                    {
                        work();
                        Carry();
                    }
                }

                lock (_guard)
                {
                    WriteAppends();
                    Carry();
                }

                StartFlush(Durability.Buffered);
                StartFlush(Durability.Disk);
            }
            catch (WeftException failure)
            {
                LogDriverLog.StoreFailed(_logger, failure);
            }
            catch (Exception bug) when (bug is not OutOfMemoryException)
            {
                LogDriverLog.Broken(_logger, bug);
            }
        }
    }

    /// <summary>Carries out what the hub answered.</summary>
    private void Carry()
    {
        for (int i = 0; i < _outbox.Count; i++)
        {
            LogHubOutput output = _outbox[i];
            switch (output.Kind)
            {
                case LogHubOutputKind.Send:
                    SendTo(output.Connection, output.Bytes);
                    break;
                case LogHubOutputKind.Close:
                    CloseLink(output.Connection, output.Reason);
                    break;
                case LogHubOutputKind.Established:
                    NoteEstablished(output.Connection, output.Key);
                    break;
                case LogHubOutputKind.Asked:
                    LogDriverLog.Asked(_logger, output.Connection, output.Key);
                    break;
                case LogHubOutputKind.StartTimer:
                    StartTimer(output.Key, output.Due);
                    break;
                default:
                    OnEvent(_logs[output.Key], output.Event);
                    break;
            }
        }

        _outbox.Clear();
    }

    private void OnEvent(OpenLog log, in ReplicationOutput happened)
    {
        _touched.Add(log);
        switch (happened.Kind)
        {
            case ReplicationOutputKind.Stored:
                if (log.BlockWaiters.Remove(happened.Index, out List<TaskCompletionSource>? waiting))
                {
                    waiting.ForEach(one => log.Arrived.Enqueue((log.Core.LastCommit, one)));
                }

                break;
            case ReplicationOutputKind.Done:
                if (log.Downloads.Remove(happened.Index, out TaskCompletionSource? done))
                {
                    log.Arrived.Enqueue((log.Core.LastCommit, done));
                }

                break;
            case ReplicationOutputKind.Forked:
                log.NoteCut(happened.Index);
                LogDriverLog.Forked(_logger, log.Key, happened.Index);
                break;
            case ReplicationOutputKind.Conflict:
                LogDriverLog.Conflict(_logger, log.Key);
                log.Signal();
                break;
            case ReplicationOutputKind.Refused:
                LogDriverLog.Refused(_logger, log.Key, happened.Peer, happened.Verdict);
                break;
            case ReplicationOutputKind.Recovered:
                LogDriverLog.Recovered(_logger, log.Key, happened.Index);
                break;
        }
    }

    private void StartTimer(Hash32 key, WeftInstant due)
    {
        OpenLog log = _logs[key];
        log.Timer ??= _time.CreateTimer(
            _ => Post(() => OnTimer(log)), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        log.Due.Add(due);
        SetTimer(log);
    }

    private void OnTimer(OpenLog log)
    {
        WeftInstant now = Now;
        log.Due.RemoveWhere(due => due <= now);
        _hub.OnTimer(log.Key, now, _outbox);
        SetTimer(log);
    }

    private void SetTimer(OpenLog log)
    {
        if (log.Due.Count > 0)
        {
            TimeSpan wait = log.Due.Min - Now;
            TimeSpan atLeast = TimeSpan.FromMilliseconds(1); // A timer may ring early: then once more.
            log.Timer!.Change(wait < atLeast ? atLeast : wait, Timeout.InfiniteTimeSpan);
        }
    }
}
