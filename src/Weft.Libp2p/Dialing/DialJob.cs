using System.Threading.Channels;
using Weft.Libp2p.Connections;
using Weft.Primitives;
using Weft.Protocols.Dialing;
using Weft.Protocols.Peers;

namespace Weft.Libp2p.Dialing;

/// <summary>Drives one <see cref="DialCore"/>: names and attempts in, its wishes out.</summary>
internal sealed class DialJob(
    Libp2pHost host,
    Libp2pOptions options,
    PeerId peer,
    Multiaddr? extra,
    bool ignoresBackoff,
    CancellationTokenSource stop) // No timer and no link, so nothing is lost when it is never disposed.
{
    private readonly DialCore _core = new(peer, options.Dialing);
    private readonly Outbox<DialOutput> _outbox = new();

    // Each attempt and each name posts once; there are never more of them than this.
    private readonly Channel<Happening> _happenings =
        Channel.CreateBounded<Happening>(options.Dialing.AttemptsMax + options.Dialing.NamesMax + 1);
    private readonly Dictionary<int, CancellationTokenSource> _running = [];
    private Exception? _failure;
    private ReachedPeer? _winner;
    private WeftInstant _due = WeftInstant.Never;

    internal PeerId Peer => peer;

    internal TaskCompletionSource<PeerConnection> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Callers that wait; the dialler's gate guards it.</summary>
    internal int Waiters { get; set; }

    internal void Cancel() => stop.Cancel();

    /// <summary>True when another caller wants more tried than this dial does.</summary>
    internal bool IsLess(Multiaddr? wanted, bool wantsAll) =>
        stop.IsCancellationRequested || (wanted is not null && !wanted.Equals(extra)) || (wantsAll && !ignoresBackoff);

    internal async Task<PeerConnection> RunAsync()
    {
        try
        {
            _core.Start(Known(), host.Book.Nearest, ignoresBackoff, host.Book.Now, _outbox);
            while (true)
            {
                if (Act() is { } connection)
                {
                    return connection;
                }

                await WaitAsync().ConfigureAwait(false);
            }
        }
        finally
        {
            _happenings.Writer.TryComplete();
            while (_happenings.Reader.TryRead(out Happening late))
            {
                Drop(late);
            }

            foreach (CancellationTokenSource attempt in _running.Values)
            {
                await attempt.CancelAsync().ConfigureAwait(false);
            }
        }
    }

    private List<BookEntry> Known()
    {
        var known = new List<BookEntry>();
        if (extra is not null)
        {
            known.Add(new(extra, PeerSource.Configured, WeftInstant.Never, HasWorked: false, 0, default, default));
        }

        if (!peer.IsEmpty)
        {
            known.AddRange(host.Book.Find(peer));
        }

        return known;
    }

    private async Task WaitAsync()
    {
        TimeSpan wait = _due == WeftInstant.Never ? Timeout.InfiniteTimeSpan : _due - host.Book.Now;
        if (wait > TimeSpan.Zero || wait == Timeout.InfiniteTimeSpan)
        {
            using var timer = CancellationTokenSource.CreateLinkedTokenSource(stop.Token, host.Stopping);
            using ITimer? ring = wait == Timeout.InfiniteTimeSpan
                ? null
                : options.Time.CreateTimer(
                    static state => ((CancellationTokenSource)state!).Cancel(), timer, wait, Timeout.InfiniteTimeSpan);
            try
            {
                await _happenings.Reader.WaitToReadAsync(timer.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                stop.Token.ThrowIfCancellationRequested();
                host.Stopping.ThrowIfCancellationRequested();
            }
        }

        _outbox.Clear();
        if (_happenings.Reader.TryRead(out Happening happened))
        {
            Take(happened);
        }
        else
        {
            _due = WeftInstant.Never;
            _core.OnTimer(host.Book.Now, _outbox);
        }
    }

    private void Take(in Happening happened)
    {
        if (_running.Remove(happened.Attempt, out CancellationTokenSource? source))
        {
            source.Dispose();
        }

        if (happened.Found is { } found)
        {
            _failure = happened.Error is { } error ? Better(_failure, error) : _failure;
            _core.OnResolved(happened.Attempt, found, host.Book.Now, _outbox);
        }
        else if (happened.Reached is { } reached)
        {
            if (!_core.OnConnected(happened.Attempt, _outbox))
            {
                Drop(happened);
                return;
            }

            _winner = reached;
        }
        else
        {
            _failure = Better(_failure, happened.Error!);
            _core.OnFailed(happened.Attempt, host.Book.Now, _outbox);
        }
    }

    /// <summary>Carries out the core's wishes.</summary>
    /// <returns>The connection, once there is one.</returns>
    private PeerConnection? Act()
    {
        for (int i = 0; i < _outbox.Count; i++)
        {
            DialOutput output = _outbox[i];
            switch (output.Kind)
            {
                case DialOutputKind.Resolve:
                    _ = ResolveAsync(output.Attempt, output.Address!, Running(output.Attempt));
                    break;
                case DialOutputKind.Dial:
                    _ = AttemptAsync(output.Attempt, output.Address!, output.Timeout, Running(output.Attempt));
                    break;
                case DialOutputKind.Cancel:
                    if (_running.TryGetValue(output.Attempt, out CancellationTokenSource? attempt))
                    {
                        attempt.Cancel();
                    }

                    break;
                case DialOutputKind.StartTimer:
                    _due = output.Due;
                    break;
                case DialOutputKind.Succeeded:
                    return host.Admit(_winner!);
                case DialOutputKind.Failed:
                    throw Failed(output);
            }
        }

        _outbox.Clear();
        return null;
    }

    private CancellationToken Running(int attempt)
    {
        var source = CancellationTokenSource.CreateLinkedTokenSource(stop.Token, host.Stopping);
        _running.Add(attempt, source);
        return source.Token;
    }

    private async Task AttemptAsync(int attempt, Multiaddr address, TimeSpan timeout, CancellationToken token)
    {
        Multiaddr full = peer.IsEmpty || !address.Peer.IsEmpty ? address : address.WithPeer(peer);
        Happening happened;
        try
        {
            happened = new(attempt, Reached: await host.ReachAsync(full, timeout, token).ConfigureAwait(false));
        }
        catch (Exception error)
        {
            if (!token.IsCancellationRequested && error is Libp2pException { Error: not WeftError.ConnectionLimit })
            {
                host.Book.OnFailed(peer, address);
            }

            happened = new(attempt, Error: error);
        }

        if (!_happenings.Writer.TryWrite(happened))
        {
            Drop(happened); // The dial is over.
        }
    }

    private async Task ResolveAsync(int attempt, Multiaddr name, CancellationToken token)
    {
        IReadOnlyList<Multiaddr> found = [];
        string reason = "it leads to no address of the peer";
        try
        {
            using CancellationTokenSource deadline = host.Deadline(options.DialTimeout, token);
            found = options.Names is { } names
                ? await names.ResolveAsync(
                    peer.IsEmpty || !name.Peer.IsEmpty ? name : name.WithPeer(peer), deadline.Token).ConfigureAwait(false)
                : name.Parts[0].Code == MultiaddrCode.DnsAddr ? [] : [name];
        }
        catch (Exception error) when (error is IOException or OperationCanceledException)
        {
            reason = error.Message; // A name nobody can look up is a name without addresses.
        }

        _happenings.Writer.TryWrite(new(
            attempt,
            Found: found,
            Error: found.Count > 0
                ? null
                : new Libp2pException(WeftError.PeerUnreachable, $"The name in {name} cannot be dialled: {reason}.")));
    }

    private void Drop(in Happening late)
    {
        if (late.Reached is { } reached)
        {
            host.Refuse(reached);
        }
    }

    private Libp2pException Failed(in DialOutput output)
    {
        if (output.Failure == DialFailure.BackedOff)
        {
            return new(
                WeftError.PeerUnreachable,
                $"{peer} could not be reached a short while ago; the next try is due in "
                + $"{Math.Max(0, (output.Due - host.Book.Now).TotalSeconds):0.0} s.");
        }

        if (!peer.IsEmpty && output.Failure == DialFailure.AllFailed)
        {
            host.Book.OnUnreachable(peer);
        }

        return _failure switch
        {
            Libp2pException known => known,
            { } other => new(WeftError.PeerUnreachable, $"{Name} cannot be reached: {other.Message}", other),
            null => new(WeftError.PeerUnreachable, $"No address of {Name} is known. Give one: connect by address first."),
        };
    }

    private string Name => peer.IsEmpty ? extra!.ToString() : peer.ToString();

    /// <summary>A wrong peer tells more than a timeout, and that more than a refusal.</summary>
    private static Exception Better(Exception? known, Exception next)
    {
        return Weight(next) >= Weight(known) ? next : known!;

        static int Weight(Exception? error) => error switch
        {
            null => 0,
            Libp2pException { Error: WeftError.PeerWrong } => 4,
            Libp2pException { Error: WeftError.HandshakeFailed or WeftError.ProtocolUnsupported } => 3,
            Libp2pException { Error: WeftError.AddressInvalid } => 1,
            _ => 2,
        };
    }

    private readonly record struct Happening(
        int Attempt, ReachedPeer? Reached = null, IReadOnlyList<Multiaddr>? Found = null, Exception? Error = null);
}

/// <summary>A connection that was opened, and is not the host's yet.</summary>
/// <param name="Upgraded">The connection.</param>
/// <param name="Address">Where it was opened.</param>
/// <param name="Took">How long that took.</param>
internal sealed record ReachedPeer(UpgradedConnection Upgraded, Multiaddr Address, TimeSpan Took);
