using System.Buffers;
using System.Text.Unicode;

namespace Weft.Crypto;

/// <summary>Names a group: who owns it, and what he calls it.</summary>
/// <param name="Owner">The one key that adds and removes members.</param>
/// <param name="Name">1 to 128 characters of well-formed text.</param>
public readonly record struct GroupName(Ed25519PublicKey Owner, string Name)
{
    /// <summary>What the soul of a group begins with; the owner's key, "/" and the name follow.</summary>
    public const string SoulPrefix = "weft:group/";

    /// <summary>Characters of the longest name.</summary>
    public const int NameLengthMax = 128;

    /// <summary>The node that holds the group's epochs.</summary>
    public string Soul => $"{SoulPrefix}{Owner}/{Name}";

    /// <summary>True when the name is within its bounds.</summary>
    public static bool IsName(string? name)
    {
        Span<byte> utf8 = stackalloc byte[NameLengthMax * 3];
        return name is { Length: > 0 and <= NameLengthMax }
            && Utf8.FromUtf16(name, utf8, out _, out _, replaceInvalidSequences: false) == OperationStatus.Done;
    }

    /// <summary>Reads the soul of a group.</summary>
    public static bool TryParse(string soul, out GroupName group)
    {
        group = default;
        const int nameAt = 11 + Ed25519PublicKey.TextLength + 1; // The prefix, the key, a slash.
        if (soul.Length <= nameAt || !soul.StartsWith(SoulPrefix, StringComparison.Ordinal) || soul[nameAt - 1] != '/'
            || !Ed25519PublicKey.TryParse(soul.AsSpan(SoulPrefix.Length, Ed25519PublicKey.TextLength), out var owner)
            || !IsName(soul[nameAt..]))
        {
            return false;
        }

        group = new(owner, soul[nameAt..]);
        return true;
    }

    /// <summary>The soul.</summary>
    public override string ToString() => Soul;
}
