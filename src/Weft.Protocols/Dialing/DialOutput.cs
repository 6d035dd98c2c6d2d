using Weft.Primitives;
using Weft.Protocols.Peers;

namespace Weft.Protocols.Dialing;

/// <summary>How a peer is dialled.</summary>
public sealed class DialOptions
{
    /// <summary>
    /// Wait before the next address is tried beside those that have not answered: 10 ms and up. Default: 250 ms, as
    /// RFC 8305 advises.
    /// </summary>
    public TimeSpan AttemptDelay { get; set; } = TimeSpan.FromMilliseconds(250);

    /// <summary>Attempts at once: 1 and up. Default: 8.</summary>
    public int ParallelMax { get; set; } = 8;

    /// <summary>Addresses tried in one dial: 1 and up. Default: 32.</summary>
    public int AttemptsMax { get; set; } = 32;

    /// <summary>Names looked up in one dial. Default: 16.</summary>
    public int NamesMax { get; set; } = 16;

    /// <summary>How often a name may lead to another. Default: 4.</summary>
    public int NameDepthMax { get; set; } = 4;

    /// <summary>The shortest time an address has to answer, however near it was before. Default: 3 s.</summary>
    public TimeSpan TimeoutMin { get; set; } = TimeSpan.FromSeconds(3);

    /// <summary>The time an address has to answer that was never reached. Default: 10 s.</summary>
    public TimeSpan TimeoutMax { get; set; } = TimeSpan.FromSeconds(10);
}

/// <summary>What a dial asks its driver to do.</summary>
public enum DialOutputKind
{
    /// <summary>Look the name up that <see cref="DialOutput.Address"/> begins with.</summary>
    Resolve = 0,

    /// <summary>Open a connection.</summary>
    Dial,

    /// <summary>Give an attempt up.</summary>
    Cancel,

    /// <summary>Call <see cref="DialCore.OnTimer"/> then; late and double calls are harmless.</summary>
    StartTimer,

    /// <summary>This attempt is the connection; the dial is over.</summary>
    Succeeded,

    /// <summary>No address leads to the peer; the dial is over.</summary>
    Failed,
}

/// <summary>Why a dial failed.</summary>
public enum DialFailure
{
    /// <summary>It has not.</summary>
    None = 0,

    /// <summary>No address is known, or no name leads to one.</summary>
    NoAddress,

    /// <summary>Every address has failed a short while ago; nothing was tried.</summary>
    BackedOff,

    /// <summary>Every address was tried.</summary>
    AllFailed,
}

/// <summary>One wish of a <see cref="DialCore"/>.</summary>
/// <param name="Kind">What to do.</param>
/// <param name="Attempt">The number of the attempt or question; the answer names it.</param>
/// <param name="Address">Where to dial, or what to look up.</param>
/// <param name="Timeout">How long an attempt may take until the transport is connected.</param>
/// <param name="Due">When to call, or when a dial that is backed off may begin.</param>
/// <param name="Failure">Why it failed.</param>
public readonly record struct DialOutput(
    DialOutputKind Kind,
    int Attempt = 0,
    Multiaddr? Address = null,
    TimeSpan Timeout = default,
    WeftInstant Due = default,
    DialFailure Failure = DialFailure.None);
