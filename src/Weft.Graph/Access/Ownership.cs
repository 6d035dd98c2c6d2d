using System.Buffers;
using Weft.Crypto;

namespace Weft.Graph.Access;

/// <summary>Reads from a soul who owns it. The one place that decides it, for every way in.</summary>
/// <remarks>
/// Ordinary souls cost one scan and no allocation. Source: docs/spec/ownership.md, section 1; for souls with "~" gun.js
/// 0.2020.1241, sea.js, "SEA.opt.pub" and "check".
/// </remarks>
public static class Ownership
{
    /// <summary>Souls of the system start so.</summary>
    public const string SystemPrefix = "weft:";

    /// <summary>The policy of a prefix: this, then the prefix.</summary>
    public const string PrefixPolicy = "weft:policy/prefix/";

    /// <summary>The policy of one node: this, then its soul.</summary>
    public const string NodePolicy = "weft:policy/node/";

    /// <summary>Rotation and recovery of a native key: this, then its text.</summary>
    public const string KeyRecords = "weft:key/";

    /// <summary>Revocations by a native key: this, then its text.</summary>
    public const string Revocations = "weft:revoked/";

    /// <summary>A group: this, then the key of its owner, "/" and a name.</summary>
    public const string Groups = "weft:group/";

    private static readonly SearchValues<char> Marks = SearchValues.Create('~', '$', '#', '<');

    /// <summary>Tells who owns a soul.</summary>
    /// <param name="soul">Any text; whether it is a valid soul is judged elsewhere.</param>
    public static SoulOwner Of(ReadOnlySpan<char> soul)
    {
        int mark = soul.IndexOfAny(Marks);
        bool isSystem = soul.StartsWith(SystemPrefix, StringComparison.Ordinal);
        if (mark < 0 && !isSystem)
        {
            return default;
        }

        return isSystem ? OfSystem(soul) : OfMarked(soul, mark);
    }

    private static SoulOwner OfMarked(ReadOnlySpan<char> soul, int mark)
    {
        double age = AgeOf(soul[mark..]);
        if (soul.StartsWith("~@", StringComparison.Ordinal))
        {
            return new(soul.Length == 2 ? SoulOwnerKind.AliasList : SoulOwnerKind.Alias, AgeMaxMs: age);
        }

        // The key that comes first owns. A "~" that carries none, as in "a~b", is an ordinary character.
        int sea = SeaKey.Find(soul, out string? pub);
        int native = FindNative(soul, out Ed25519PublicKey key, out bool isKey);
        if (native >= 0 && (sea < 0 || native < sea))
        {
            return isKey ? new(SoulOwnerKind.Native, key, AgeMaxMs: age) : new(SoulOwnerKind.Nobody);
        }

        if (sea >= 0)
        {
            return pub is null ? new(SoulOwnerKind.Nobody) : new(SoulOwnerKind.Sea, Sea: pub, AgeMaxMs: age);
        }

        return new(soul.Contains('#') ? SoulOwnerKind.Content : SoulOwnerKind.Everybody, AgeMaxMs: age);
    }

    private static SoulOwner OfSystem(ReadOnlySpan<char> soul)
    {
        if (Rest(soul, PrefixPolicy, out ReadOnlySpan<char> governed) || Rest(soul, NodePolicy, out governed))
        {
            // A policy belongs to whoever owns what it governs; what has no owner is the network's to govern.
            SoulOwner owner = governed.StartsWith(SystemPrefix, StringComparison.Ordinal)
                ? new(SoulOwnerKind.Nobody)
                : Of(governed);
            return owner.Kind is SoulOwnerKind.Native or SoulOwnerKind.Sea or SoulOwnerKind.Nobody
                ? owner with { AgeMaxMs = 0 }
                : new(SoulOwnerKind.Network);
        }

        if (Rest(soul, KeyRecords, out ReadOnlySpan<char> rest) || Rest(soul, Revocations, out rest))
        {
            return OfKey(rest);
        }

        if (Rest(soul, Groups, out rest) && rest.Length > Ed25519PublicKey.TextLength + 1
            && rest[Ed25519PublicKey.TextLength] == '/')
        {
            return OfKey(rest[..Ed25519PublicKey.TextLength]);
        }

        return new(SoulOwnerKind.Nobody);
    }

    private static SoulOwner OfKey(ReadOnlySpan<char> text) => Ed25519PublicKey.TryParse(text, out Ed25519PublicKey key)
        ? new(SoulOwnerKind.Native, key)
        : new(SoulOwnerKind.Nobody);

    private static bool Rest(ReadOnlySpan<char> soul, string prefix, out ReadOnlySpan<char> rest)
    {
        bool starts = soul.StartsWith(prefix, StringComparison.Ordinal);
        rest = starts ? soul[prefix.Length..] : default;
        return starts;
    }

    /// <summary>Finds the first "$" with a run of exactly 43 characters of base64url behind it.</summary>
    private static int FindNative(ReadOnlySpan<char> soul, out Ed25519PublicKey key, out bool isKey)
    {
        key = default;
        isKey = false;
        int from = 0;
        while (true)
        {
            int at = soul[from..].IndexOf('$');
            if (at < 0)
            {
                return -1;
            }

            ReadOnlySpan<char> rest = soul[(from + at + 1)..];
            int run = rest.IndexOfAnyExcept(SeaKey.Alphabet);
            run = run < 0 ? rest.Length : run;
            if (run == Ed25519PublicKey.TextLength)
            {
                isKey = Ed25519PublicKey.TryParse(rest[..run], out key);
                return from + at;
            }

            from += at + 1;
        }
    }

    /// <summary>The bound of "&lt;?N", read as JavaScript's parseFloat does; 0 for none.</summary>
    private static double AgeOf(ReadOnlySpan<char> soul)
    {
        int at = soul.IndexOf("<?", StringComparison.Ordinal);
        if (at < 0)
        {
            return 0;
        }

        ReadOnlySpan<char> rest = soul[(at + 2)..];
        int next = rest.IndexOf("<?", StringComparison.Ordinal);
        double seconds = ScriptNumber.ParseFloat(next < 0 ? rest : rest[..next]);
        return double.IsNaN(seconds) ? 0 : seconds * 1_000;
    }
}
