using Weft.Primitives;
using Weft.Protocols.Peers;

namespace Weft.Protocols.Dialing;

/// <summary>
/// One dial of one peer: which of its addresses are tried, in what order, how many at once, and how long each may take.
/// </summary>
/// <remarks>
/// Pure; one caller at a time. The most promising address goes first; the next joins when the first has not answered
/// soon, or at once when one fails; the first that answers wins. Ways through a relay wait until direct ones had their
/// chance. Source: RFC 8305, "Happy Eyeballs"; docs/spec/libp2p.md.
/// </remarks>
/// <param name="peer">Who is dialled; empty for whoever is at the address.</param>
/// <param name="options">The ceilings and times.</param>
public sealed class DialCore(PeerId peer, DialOptions options)
{
    private readonly List<Candidate> _waiting = [];
    private readonly Dictionary<int, Candidate> _running = [];
    private readonly Dictionary<int, Candidate> _resolving = [];
    private readonly HashSet<Multiaddr> _seen = [];
    private WeftInstant _nextAt;
    private int _next = 1;
    private int _attempts;
    private int _names;
    private bool _hasFailed;

    /// <summary>True once it has succeeded or failed: nothing more is asked.</summary>
    public bool IsOver { get; private set; }

    /// <summary>Begins.</summary>
    /// <param name="known">What is known of the peer's addresses, the most promising first.</param>
    /// <param name="nearest">
    /// The nearest scope a name may lead to that others told of: no stranger's name opens a door within this machine.
    /// </param>
    /// <param name="ignoresBackoff">Somebody wants it now: addresses that failed a short while ago are tried, too.</param>
    /// <param name="now">The moment.</param>
    /// <param name="outbox">Takes the outputs.</param>
    public void Start(
        IReadOnlyList<BookEntry> known, AddressScope nearest, bool ignoresBackoff, WeftInstant now, Outbox<DialOutput> outbox)
    {
        ArgumentNullException.ThrowIfNull(known);
        ArgumentNullException.ThrowIfNull(outbox);
        WeftInstant soonest = WeftInstant.Never;
        foreach (BookEntry entry in known)
        {
            if (entry.RetryAt > now && !ignoresBackoff)
            {
                soonest = entry.RetryAt < soonest ? entry.RetryAt : soonest;
                continue;
            }

            AddressScope least = entry.Source >= PeerSource.Connected ? AddressScope.Process : nearest;
            Take(new(entry.Address, entry.RoundTrip, entry.HasWorked, least, Depth: 0), outbox);
        }

        if (_waiting.Count + _resolving.Count == 0)
        {
            bool isBackedOff = soonest != WeftInstant.Never;
            Fail(isBackedOff ? DialFailure.BackedOff : DialFailure.NoAddress, soonest, outbox);
            return;
        }

        _nextAt = now;
        Go(now, outbox);
    }

    /// <summary>What a name stands for; nothing when it could not be found.</summary>
    public void OnResolved(int attempt, IReadOnlyList<Multiaddr> found, WeftInstant now, Outbox<DialOutput> outbox)
    {
        ArgumentNullException.ThrowIfNull(found);
        if (IsOver || !_resolving.Remove(attempt, out Candidate asked))
        {
            return;
        }

        foreach (Multiaddr address in found.Take(options.AttemptsMax))
        {
            bool isSame = address.Equals(asked.Address); // Nobody resolves it: the transport is asked to.
            AddressScope scope = AddressScopes.Of(address);
            if (!isSame && (scope == AddressScope.None || scope < asked.Least))
            {
                continue;
            }

            Take(asked with { Address = address, Depth = isSame ? int.MaxValue : asked.Depth + 1 }, outbox);
        }

        Go(now, outbox);
    }

    /// <summary>An attempt has led to the peer.</summary>
    /// <returns>False when the dial is over already: the connection is not wanted.</returns>
    public bool OnConnected(int attempt, Outbox<DialOutput> outbox)
    {
        ArgumentNullException.ThrowIfNull(outbox);
        if (IsOver || !_running.Remove(attempt))
        {
            return false;
        }

        IsOver = true;
        foreach (int other in _running.Keys.Concat(_resolving.Keys).Order())
        {
            outbox.Add(new(DialOutputKind.Cancel, other));
        }

        outbox.Add(new(DialOutputKind.Succeeded, attempt));
        return true;
    }

    /// <summary>An attempt has failed.</summary>
    public void OnFailed(int attempt, WeftInstant now, Outbox<DialOutput> outbox)
    {
        if (!IsOver && _running.Remove(attempt))
        {
            _hasFailed = true;
            _nextAt = now; // What failed holds nobody up.
            Go(now, outbox);
        }
    }

    /// <summary>A timer asked for has come.</summary>
    public void OnTimer(WeftInstant now, Outbox<DialOutput> outbox)
    {
        if (!IsOver)
        {
            Go(now, outbox);
        }
    }

    private void Take(in Candidate candidate, Outbox<DialOutput> outbox)
    {
        bool isResolved = candidate.Depth == int.MaxValue;
        if (!IsFor(candidate.Address) || (!_seen.Add(Bare(candidate.Address)) && !isResolved))
        {
            return;
        }

        if (!isResolved && IsName(candidate))
        {
            if (_names < options.NamesMax && candidate.Depth < options.NameDepthMax)
            {
                _names++;
                _resolving.Add(_next, candidate);
                outbox.Add(new(DialOutputKind.Resolve, _next++, candidate.Address));
            }
        }
        else if (_waiting.Count < options.AttemptsMax)
        {
            _waiting.Insert(PlaceOf(candidate), candidate);
        }
    }

    private static Multiaddr Bare(Multiaddr address) => address.WithoutPeer() ?? address;

    private bool IsFor(Multiaddr address) => peer.IsEmpty || address.Peer.IsEmpty || address.Peer == peer;

    /// <summary>
    /// Names that are looked up here. Those before more than a port are left to the transport, which wants to see the
    /// name, where the operator gave them; where others did, what the name leads to has to be judged first.
    /// </summary>
    private static bool IsName(in Candidate candidate) => candidate.Address.Parts[0].Code switch
    {
        MultiaddrCode.DnsAddr => true,
        MultiaddrCode.Dns or MultiaddrCode.Dns4 or MultiaddrCode.Dns6 => candidate.Least > AddressScope.Process
            || candidate.Address.IsOf(candidate.Address.Parts[0].Code, MultiaddrCode.Tcp),
        _ => false,
    };

    /// <summary>
    /// What worked before, then the families of addresses in turns, then ways through a relay; else as the book had it.
    /// </summary>
    private int PlaceOf(in Candidate candidate)
    {
        int rank = RankOf(candidate);
        int at = 0;
        while (at < _waiting.Count && RankOf(_waiting[at]) <= rank)
        {
            at++;
        }

        if (rank != 1)
        {
            return at;
        }

        // In turns: behind the first of the other family that is not followed by one of its own.
        int first = _waiting.FindIndex(one => RankOf(one) == 1);
        bool isSix = candidate.IsSix;
        for (int i = Math.Max(first, 0); i + 1 < at; i++)
        {
            if (_waiting[i].IsSix != isSix && _waiting[i + 1].IsSix != isSix)
            {
                return i + 1;
            }
        }

        return at;
    }

    private static int RankOf(in Candidate candidate) =>
        candidate.Address.TryFind(MultiaddrCode.Circuit, out _) ? 2 : candidate.HasWorked ? 0 : 1;

    private void Go(WeftInstant now, Outbox<DialOutput> outbox)
    {
        while (_waiting.Count > 0 && _running.Count < options.ParallelMax && _attempts < options.AttemptsMax
            && (_nextAt <= now || _running.Count == 0) && !(IsRelay(_waiting[0]) && _resolving.Count > 0))
        {
            Candidate candidate = _waiting[0];
            _waiting.RemoveAt(0);
            _attempts++;
            _running.Add(_next, candidate);
            TimeSpan timeout = TimeoutOf(candidate);
            outbox.Add(new(DialOutputKind.Dial, _next++, candidate.Address, timeout));
            _nextAt = now + DelayAfter(candidate);
        }

        if (_running.Count + _resolving.Count == 0)
        {
            Fail(_hasFailed ? DialFailure.AllFailed : DialFailure.NoAddress, WeftInstant.Never, outbox);
        }
        else if (_waiting.Count > 0 && _attempts < options.AttemptsMax && _running.Count > 0)
        {
            outbox.Add(new(DialOutputKind.StartTimer, Due: _nextAt));
        }
    }

    private static bool IsRelay(in Candidate candidate) => RankOf(candidate) == 2;

    /// <summary>A near peer that does not answer at once is not there; the next has its turn sooner.</summary>
    private TimeSpan DelayAfter(in Candidate candidate)
    {
        if (_waiting.Count > 0 && IsRelay(_waiting[0]) && !IsRelay(candidate))
        {
            return 2 * options.AttemptDelay;
        }

        return candidate.RoundTrip > TimeSpan.Zero
            ? TimeSpan.FromTicks(Math.Clamp(3 * candidate.RoundTrip.Ticks, options.AttemptDelay.Ticks / 5, options.AttemptDelay.Ticks))
            : options.AttemptDelay;
    }

    private TimeSpan TimeoutOf(in Candidate candidate) => candidate.RoundTrip > TimeSpan.Zero
        ? TimeSpan.FromTicks(Math.Clamp(
            10 * candidate.RoundTrip.Ticks,
            Math.Min(options.TimeoutMin.Ticks, options.TimeoutMax.Ticks),
            options.TimeoutMax.Ticks))
        : options.TimeoutMax;

    private void Fail(DialFailure failure, WeftInstant due, Outbox<DialOutput> outbox)
    {
        IsOver = true;
        outbox.Add(new(DialOutputKind.Failed, Due: due, Failure: failure));
    }

    private readonly record struct Candidate(
        Multiaddr Address, TimeSpan RoundTrip, bool HasWorked, AddressScope Least, int Depth)
    {
        internal bool IsSix => Address.Parts[0].Code is MultiaddrCode.Ip6 or MultiaddrCode.Ip6Zone;
    }
}
