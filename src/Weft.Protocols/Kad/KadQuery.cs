using Weft.Primitives;

namespace Weft.Protocols.Kad;

internal enum KadQueryKind
{
    FindNode,
    Put,

    /// <summary>A put of a state: this peer keeps it only when it is one of the closest.</summary>
    Store,
    Get,
    Provide,
    FindProviders,
    Refresh,
    Replicate,
}

internal enum KadPhase
{
    /// <summary>Looking for the peers closest to the key.</summary>
    Lookup,

    /// <summary>Looking over the region of the key.</summary>
    Region,

    /// <summary>Handing the record, the announcement or the question to the peers found.</summary>
    Spread,
}

/// <summary>A command at work.</summary>
internal sealed class KadQuery(KadQueryId id, KadQueryKind kind, byte[] key, in KadKey target, KadLookup lookup)
{
    internal readonly KadKey Target = target;

    internal KadQueryId Id { get; } = id;

    internal KadQueryKind Kind { get; } = kind;

    internal byte[] Key { get; } = key;

    /// <summary>The lookup at work: of the key, or of a place in its region.</summary>
    internal KadLookup Lookup { get; set; } = lookup;

    /// <summary>The lookup of the key itself.</summary>
    internal KadLookup Main { get; } = lookup;

    internal KadPhase Phase { get; set; }

    internal WeftInstant StartedAt { get; init; }

    internal bool IsUpkeep { get; init; }

    internal KadQuorum Quorum { get; init; }

    /// <summary>Peers that keep the record.</summary>
    internal int Copies { get; set; }

    internal int Requests { get; set; }

    internal int TimeOuts { get; set; }

    // A record to put, or the best one found.
    internal KadRecord Record { get; set; }

    /// <summary>What was sent: answers may have been merged into <see cref="Record"/> since.</summary>
    internal KadRecord Sent { get; init; }

    internal uint TtlSeconds { get; set; }

    internal int Stored => Holders.Count;

    /// <summary>Who keeps the record now, this peer included.</summary>
    internal List<PeerId> Holders { get; } = [];

    /// <summary>A record that this peer keeps only when it is one of the closest.</summary>
    internal bool IsState { get; init; }

    /// <summary>This peer is one of the closest.</summary>
    internal bool IsSelfOne { get; set; }

    internal int Wanted { get; set; }

    internal int Invalid { get; set; }

    internal int Repaired { get; set; }

    /// <summary>Who gave which value, in the order of the answers; an empty record for none.</summary>
    internal List<(PeerId Peer, KadRecord Record)> Values { get; } = [];

    internal int Found { get; set; }

    internal Dictionary<PeerId, KadPeer> Providers { get; } = [];

    internal List<KadPeer> ProviderList { get; } = [];

    internal int ProvidersWanted { get; init; }

    internal bool IsRegion { get; set; }

    /// <summary>Bits that a peer of the region shares with the key.</summary>
    internal int RegionBits { get; set; }

    /// <summary>The first look around: buckets are refreshed after it.</summary>
    internal bool IsJoin { get; init; }

    internal bool IsFinished { get; set; }

    /// <summary>Places of the region still to be looked up.</summary>
    internal Queue<byte[]> RegionKeys { get; } = [];

    /// <summary>The key that the lookup at work sends: of the region's places, another than the command's.</summary>
    internal byte[] LookupKey { get; set; } = key;

    /// <summary>Peers found in the region.</summary>
    internal List<Candidate> Region { get; } = [];

    /// <summary>Questions of the last phase without an answer.</summary>
    internal int Spreading { get; set; }

    internal HashSet<long> Asks { get; } = [];
}

/// <summary>A question on its way.</summary>
internal sealed class KadAsk(long id, PeerId peer, WeftInstant sentAt)
{
    internal long Id { get; } = id;

    internal PeerId Peer { get; } = peer;

    internal WeftInstant SentAt { get; } = sentAt;

    internal KadQuery? Query { get; init; }

    /// <summary>Set in a lookup.</summary>
    internal Candidate? Candidate { get; init; }

    internal KadLookup? Lookup { get; init; }

    internal KadMessageKind Kind { get; init; }

    internal bool IsSlow { get; set; }
}
