namespace Weft.Protocols.Rendezvous;

/// <summary>What a message is.</summary>
public enum RendezvousKind
{
    /// <summary>Asks to be found under a namespace.</summary>
    Register = 0,

    /// <summary>Answers that.</summary>
    RegisterResponse = 1,

    /// <summary>Asks to be found no more; nobody answers.</summary>
    Unregister = 2,

    /// <summary>Asks who is there.</summary>
    Discover = 3,

    /// <summary>Answers that.</summary>
    DiscoverResponse = 4,
}

/// <summary>How a rendezvous point answers.</summary>
public enum RendezvousStatus
{
    /// <summary>Done.</summary>
    Ok = 0,

    /// <summary>The namespace is empty or too long.</summary>
    InvalidNamespace = 100,

    /// <summary>The record does not open, or is not the asking peer's own.</summary>
    InvalidSignedPeerRecord = 101,

    /// <summary>The time is too long.</summary>
    InvalidTtl = 102,

    /// <summary>The cookie is not one of this rendezvous point for this namespace.</summary>
    InvalidCookie = 103,

    /// <summary>Not for this peer.</summary>
    NotAuthorized = 200,

    /// <summary>The rendezvous point failed.</summary>
    InternalError = 300,

    /// <summary>There is no room.</summary>
    Unavailable = 400,
}

/// <summary>One peer under one namespace.</summary>
/// <param name="Namespace">The namespace: 1 to 255 bytes of UTF-8.</param>
/// <param name="SignedRecord">The peer's signed record.</param>
/// <param name="Ttl">How long it stays; zero says nothing of it.</param>
public sealed record RendezvousRegistration(string Namespace, ReadOnlyMemory<byte> SignedRecord, TimeSpan Ttl);

/// <summary>One message of the rendezvous protocol; <see cref="Kind"/> says which of the others count.</summary>
/// <param name="Kind">What it is.</param>
public sealed record RendezvousMessage(RendezvousKind Kind)
{
    /// <summary>The namespace of an Unregister or a Discover; empty for all.</summary>
    public string Namespace { get; init; } = "";

    /// <summary>The one of a Register, the found ones of a DiscoverResponse.</summary>
    public IReadOnlyList<RendezvousRegistration> Registrations { get; init; } = [];

    /// <summary>How many a Discover wants at most; 0 says nothing of it.</summary>
    public int Limit { get; init; }

    /// <summary>Where a Discover goes on; what a DiscoverResponse gives for that.</summary>
    public ReadOnlyMemory<byte> Cookie { get; init; }

    /// <summary>The answer.</summary>
    public RendezvousStatus Status { get; init; }

    /// <summary>The answer in words; at most 256 bytes.</summary>
    public string StatusText { get; init; } = "";

    /// <summary>How long the registration of a RegisterResponse stays.</summary>
    public TimeSpan Ttl { get; init; }
}
