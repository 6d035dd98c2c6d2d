namespace Weft.Libp2p.Streams;

/// <summary>How streams of a protocol are treated, at the side that sets the rules.</summary>
public sealed record StreamRules
{
    /// <summary>The rules of a protocol that sets none.</summary>
    public static StreamRules Default { get; } = new();

    /// <summary>
    /// The protocol also runs over limited connections, which a relay cuts after some time and bytes. Default: false.
    /// </summary>
    public bool AllowsLimited { get; init; }
}
