using System.Text.Json;
using System.Text.Unicode;
using Weft.Graph;
using Weft.Primitives;

namespace Weft.Server.Http;

/// <summary>Reads values and names out of JSON that a client sent. Every refusal says where and why.</summary>
internal static class JsonBody
{
    /// <summary>Levels of the deepest document that is read.</summary>
    internal const int DepthMax = 64;

    internal static readonly JsonReaderOptions Options = new() { MaxDepth = DepthMax };

    /// <summary>Refuses bytes that are no UTF-8; the JSON reader itself would let them through.</summary>
    /// <exception cref="ApiException">RequestMalformed.</exception>
    internal static void ThrowIfNoUtf8(ReadOnlySpan<byte> json)
    {
        if (!Utf8.IsValid(json))
        {
            throw new ApiException(WeftError.RequestMalformed, "The body holds bytes that are no UTF-8.");
        }
    }

    /// <summary>A body that is one value.</summary>
    /// <exception cref="ApiException">RequestMalformed or ValueInvalid.</exception>
    internal static WeftValue ReadValue(ReadOnlySpan<byte> json)
    {
        ThrowIfNoUtf8(json);
        try
        {
            var reader = new Utf8JsonReader(json, Options);
            if (!reader.Read())
            {
                throw new ApiException(WeftError.RequestMalformed, "The body is empty; a JSON value is wanted.");
            }

            WeftError error = WeftValueReader.Read(ref reader, out WeftValue value);
            ThrowIfInvalid(error, "value");
            Finish(ref reader);
            return value;
        }
        catch (JsonException broken)
        {
            throw Malformed(broken);
        }
    }

    /// <summary>True when the property at which the reader stands has this name, however it is escaped.</summary>
    /// <remarks>The reader's own comparison throws on a lone surrogate, which any client can send.</remarks>
    internal static bool IsName(ref readonly Utf8JsonReader reader, ReadOnlySpan<byte> name) =>
        reader.ValueIsEscaped
            ? JsonText.Canonical(reader.ValueSpan).AsSpan()[1..^1].SequenceEqual(name)
            : reader.ValueSpan.SequenceEqual(name);

    /// <summary>Makes a refused value a problem.</summary>
    internal static void ThrowIfInvalid(WeftError error, string path)
    {
        if (error == WeftError.None)
        {
            return;
        }

        throw new ApiException(error, error switch
        {
            WeftError.TooLarge => $"The text has more than {FieldRules.TextBytesMax} bytes.",
            WeftError.SoulInvalid => "The link points to what is no valid soul.",
            _ => ErrorCatalogue.Find(error).Cause,
        }) { Path = path };
    }

    /// <summary>Requires that nothing but white space follows.</summary>
    internal static void Finish(ref Utf8JsonReader reader)
    {
        if (reader.Read())
        {
            throw new ApiException(WeftError.RequestMalformed, "Something follows the JSON value.");
        }
    }

    /// <summary>What the JSON reader refused, as a problem.</summary>
    internal static ApiException Malformed(JsonException broken) => new(
        WeftError.RequestMalformed,
        $"This is not JSON: line {(broken.LineNumber ?? 0) + 1}, byte {(broken.BytePositionInLine ?? 0) + 1}; "
        + $"at most {DepthMax} levels are read.");
}
