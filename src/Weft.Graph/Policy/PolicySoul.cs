using Weft.Crypto;
using Weft.Graph.Access;

namespace Weft.Graph.Policy;

/// <summary>Which of the system's records a soul holds.</summary>
internal enum PolicySoulKind
{
    /// <summary>None of them: an ordinary soul.</summary>
    None = 0,

    /// <summary>The versions of a prefix's policy.</summary>
    Prefix,

    /// <summary>The versions of one node's policy.</summary>
    Node,

    /// <summary>Rotation and recovery of a key.</summary>
    Key,

    /// <summary>Grants a key took back.</summary>
    Revoked,

    /// <summary>A group; its fields are no matter of the policy.</summary>
    Group,

    /// <summary>A soul of the system that means nothing: nobody writes it.</summary>
    Reserved,
}

/// <summary>Tells the system's souls apart.</summary>
/// <param name="Kind">Which it is.</param>
/// <param name="Text">The prefix or soul a policy is about.</param>
/// <param name="Key">The key the record is about.</param>
internal readonly record struct PolicySoul(PolicySoulKind Kind, string Text = "", Ed25519PublicKey Key = default)
{
    /// <summary>True for every soul of the system, meaningful or not.</summary>
    public static bool IsSystem(string soul) => soul.StartsWith(Ownership.SystemPrefix, StringComparison.Ordinal);

    /// <summary>Reads a soul.</summary>
    public static PolicySoul Of(string soul)
    {
        if (!IsSystem(soul))
        {
            return default;
        }

        if (soul.StartsWith(Ownership.PrefixPolicy, StringComparison.Ordinal))
        {
            return About(PolicySoulKind.Prefix, soul[Ownership.PrefixPolicy.Length..]);
        }

        if (soul.StartsWith(Ownership.NodePolicy, StringComparison.Ordinal))
        {
            string node = soul[Ownership.NodePolicy.Length..];
            return node.Length == 0 ? new(PolicySoulKind.Reserved) : About(PolicySoulKind.Node, node);
        }

        if (soul.StartsWith(Ownership.Groups, StringComparison.Ordinal))
        {
            return new(PolicySoulKind.Group);
        }

        PolicySoulKind kind = soul.StartsWith(Ownership.KeyRecords, StringComparison.Ordinal) ? PolicySoulKind.Key
            : soul.StartsWith(Ownership.Revocations, StringComparison.Ordinal) ? PolicySoulKind.Revoked
            : PolicySoulKind.Reserved;
        int start = kind == PolicySoulKind.Key ? Ownership.KeyRecords.Length : Ownership.Revocations.Length;
        return kind != PolicySoulKind.Reserved
            && Ed25519PublicKey.TryParse(soul.AsSpan(start), out Ed25519PublicKey key)
            ? new(kind, Key: key)
            : new(PolicySoulKind.Reserved);
    }

    // The system's own souls obey no document: else a policy could lock the door to its successor.
    private static PolicySoul About(PolicySoulKind kind, string text) =>
        IsSystem(text) ? new(PolicySoulKind.Reserved) : new(kind, text);
}
