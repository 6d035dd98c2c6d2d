namespace Weft.Graph.Policy;

/// <summary>The version of a policy that judges a write. Immutable.</summary>
public sealed class PolicyInForce
{
    internal PolicyInForce(
        string scope, bool isNode, int version, double state, PolicyDocument document, int bytes)
    {
        Scope = scope;
        IsNode = isNode;
        Version = version;
        State = state;
        Document = document;
        Bytes = bytes;
    }

    /// <summary>The prefix or soul it is about.</summary>
    public string Scope { get; }

    /// <summary>True when it is about the one soul <see cref="Scope"/>.</summary>
    public bool IsNode { get; }

    /// <summary>The number of the version, 1 to <see cref="PolicyLimits.VersionsMax"/>.</summary>
    public int Version { get; }

    /// <summary>From which state it is in force.</summary>
    public double State { get; }

    /// <summary>What it says.</summary>
    public PolicyDocument Document { get; }

    /// <summary>Bytes of its text as it is stored.</summary>
    internal int Bytes { get; }
}
