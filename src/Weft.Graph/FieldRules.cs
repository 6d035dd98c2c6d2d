using System.Text;
using Weft.Primitives;

namespace Weft.Graph;

/// <summary>The bounds of souls, fields, values and states; the one place that judges them, for every way in.</summary>
/// <remarks>Source: docs/spec/graph.md, section 4.</remarks>
public static class FieldRules
{
    /// <summary>Bytes of the longest soul, in UTF-8.</summary>
    public const int SoulBytesMax = 4_096;

    /// <summary>Bytes of the longest field name, in UTF-8.</summary>
    public const int FieldBytesMax = 1_024;

    /// <summary>Bytes of the longest text value, in UTF-8: 1 MiB.</summary>
    public const int TextBytesMax = 1_048_576;

    /// <summary>The field name that GUN keeps for metadata; no field may have it.</summary>
    public const string MetadataField = "_";

    private const int EmptyLinkBytes = 8; // {"#":""}

    /// <summary>Judges one write.</summary>
    /// <returns><see cref="WeftError.None"/>, or what is wrong with it.</returns>
    public static WeftError Check(in FieldWrite write)
    {
        WeftError error = CheckSoul(write.Soul);
        if (error == WeftError.None)
        {
            error = CheckField(write.Field);
        }

        if (error == WeftError.None)
        {
            error = CheckValue(write.Value);
        }

        return error != WeftError.None ? error
            : double.IsFinite(write.State) ? WeftError.None
            : WeftError.StateInvalid;
    }

    /// <summary>A soul is 1 to <see cref="SoulBytesMax"/> bytes of well-formed text.</summary>
    public static WeftError CheckSoul(string? soul) =>
        IsName(soul, SoulBytesMax) ? WeftError.None : WeftError.SoulInvalid;

    /// <summary>A field name is 1 to <see cref="FieldBytesMax"/> bytes of well-formed text, and not "_".</summary>
    public static WeftError CheckField(string? field) =>
        IsName(field, FieldBytesMax) && field != MetadataField ? WeftError.None : WeftError.FieldInvalid;

    /// <summary>A text value has at most <see cref="TextBytesMax"/> bytes; a link points to a valid soul.</summary>
    public static WeftError CheckValue(WeftValue value)
    {
        if (value.Json.Length <= SoulBytesMax && !MayLinkNowhere(value.Json))
        {
            return WeftError.None; // The quick way: too short to break any bound.
        }

        return value.Kind switch
        {
            WeftValueKind.Text when value.Json.Length - 2 > TextBytesMax
                && Encoding.UTF8.GetByteCount(value.AsText()!) > TextBytesMax => WeftError.TooLarge,
            WeftValueKind.Link => CheckSoul(value.AsLink()),
            _ => WeftError.None,
        };
    }

    /// <summary>Throws when a bound is broken, before any effect.</summary>
    /// <exception cref="ArgumentException">Soul, field or value is not valid.</exception>
    public static void ThrowIfInvalid(string soul, string field, WeftValue value)
    {
        ThrowIf(CheckSoul(soul), nameof(soul));
        ThrowIf(CheckField(field), nameof(field));
        ThrowIf(CheckValue(value), nameof(value));
    }

    /// <summary>Throws when the soul is not valid.</summary>
    /// <exception cref="ArgumentException">The soul is not valid.</exception>
    public static void ThrowIfInvalidSoul(string soul) => ThrowIf(CheckSoul(soul), nameof(soul));

    /// <summary>A short link can still name no soul at all, or one with a lone surrogate, which is always escaped.</summary>
    private static bool MayLinkNowhere(ReadOnlySpan<byte> json) =>
        json[0] == '{' && (json.Length <= EmptyLinkBytes || json.Contains((byte)'\\'));

    private static void ThrowIf(WeftError error, string parameter)
    {
        if (error != WeftError.None)
        {
            throw new ArgumentException($"{ErrorCatalogue.Code(error)}: {ErrorCatalogue.Find(error).Cause}", parameter);
        }
    }

    private static bool IsName(string? name, int bytesMax)
    {
        if (string.IsNullOrEmpty(name) || name.Length > bytesMax)
        {
            return false;
        }

        int bytes = 0;
        for (int i = 0; i < name.Length; i++)
        {
            char unit = name[i];
            if (char.IsSurrogate(unit))
            {
                if (i + 1 == name.Length || !char.IsSurrogatePair(unit, name[i + 1]))
                {
                    return false;
                }

                bytes += 4;
                i++;
                continue;
            }

            bytes += unit < 0x80 ? 1 : unit < 0x800 ? 2 : 3;
        }

        return bytes <= bytesMax;
    }
}
