using Weft.Primitives;

namespace Weft.Protocols.Kad;

/// <summary>How many peers must agree that a record is kept, or give it.</summary>
public readonly record struct KadQuorum
{
    private readonly int _count; // Above 0: so many. 0: one. -1: most. -2: all.

    private KadQuorum(int count) => _count = count;

    /// <summary>One peer. The default.</summary>
    public static KadQuorum One => default;

    /// <summary>More than half of the peers the record belongs to.</summary>
    public static KadQuorum Majority => new(-1);

    /// <summary>Every peer the record belongs to.</summary>
    public static KadQuorum All => new(-2);

    /// <summary>So many peers, or all when there are fewer.</summary>
    /// <param name="count">1 and up.</param>
    public static KadQuorum Of(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        return new(count);
    }

    /// <summary>Reads "one", "majority", "all" or a number.</summary>
    public static bool TryParse(string? text, out KadQuorum quorum)
    {
        quorum = text switch
        {
            "one" => One,
            "majority" => Majority,
            "all" => All,
            _ => int.TryParse(text, out int count) && count > 0 ? new(count) : new(int.MinValue),
        };
        return quorum._count != int.MinValue;
    }

    /// <summary>How many that is of so many peers: at least 1.</summary>
    public int Of(PeerCount peers) => Math.Max(1, _count switch
    {
        -1 => (peers.Count / 2) + 1,
        -2 => peers.Count,
        _ => _count,
    });

    /// <inheritdoc/>
    public override string ToString() => _count switch
    {
        -1 => "majority",
        -2 => "all",
        0 => "one",
        _ => _count.ToString(System.Globalization.CultureInfo.InvariantCulture),
    };
}

/// <summary>A number of peers, so that it is not mistaken for a quorum.</summary>
/// <param name="Count">0 and up.</param>
public readonly record struct PeerCount(int Count);

/// <summary>How a command ended.</summary>
public enum KadStatus
{
    /// <summary>Done: found, stored as often as asked.</summary>
    Done = 0,

    /// <summary>Everyone was asked, and nobody has it.</summary>
    NotFound = 1,

    /// <summary>Found or stored, but not as often as asked.</summary>
    QuorumMissed = 2,

    /// <summary>The deadline passed; what there is by then is given.</summary>
    TimedOut = 3,

    /// <summary>There is no peer to ask.</summary>
    NoPeers = 4,

    /// <summary>Too many commands are at work.</summary>
    Busy = 5,

    /// <summary>The key's validator, or this peer's own store, refuses the record. Nothing was sent.</summary>
    Refused = 6,

    /// <summary>The caller gave up.</summary>
    Cancelled = 7,
}

/// <summary>The number of a command.</summary>
/// <param name="Value">1 and up.</param>
public readonly record struct KadQueryId(long Value);

/// <summary>What came of a command.</summary>
public sealed record KadResult
{
    /// <summary>Which command.</summary>
    public KadQueryId Query { get; init; }

    /// <summary>How it ended.</summary>
    public KadStatus Status { get; init; }

    /// <summary>The peers closest to the key that answered, nearest first.</summary>
    public IReadOnlyList<KadPeer> Peers { get; init; } = [];

    /// <summary>The best record; empty when there is none.</summary>
    public KadRecord Record { get; init; }

    /// <summary>Peers that provide the key.</summary>
    public IReadOnlyList<KadPeer> Providers { get; init; } = [];

    /// <summary>Peers that gave a valid record, or keep it now; this one included when it does.</summary>
    public int Copies { get; init; }

    /// <summary>Who keeps the record now, after a put; this peer included when it does.</summary>
    public IReadOnlyList<PeerId> Holders { get; init; } = [];

    /// <summary>Peers that should keep the record, by what the lookup found.</summary>
    public int Wanted { get; init; }

    /// <summary>Peers that were given the best record because they had none or an older one.</summary>
    public int Repaired { get; init; }

    /// <summary>Records that came and were refused by the validator.</summary>
    public int Invalid { get; init; }

    /// <summary>The most steps from this peer to one of <see cref="Peers"/>.</summary>
    public int Hops { get; init; }

    /// <summary>The steps from this peer to the nearest of <see cref="Peers"/>; 0 when there is none.</summary>
    public int NearestHops { get; init; }

    /// <summary>Questions asked.</summary>
    public int Requests { get; init; }

    /// <summary>Questions that were not answered in time, or not at all.</summary>
    public int TimeOuts { get; init; }

    /// <summary>How long it took.</summary>
    public TimeSpan Duration { get; init; }

    /// <summary>True when the peers around the key stood too close together, and its whole region was asked.</summary>
    public bool IsRegion { get; init; }
}
