using System.Globalization;
using System.Text;
using System.Text.Json;
using Weft.Graph;
using Weft.Primitives;

namespace Weft.Server.Http;

/// <summary>
/// A small body that is one object with known members. Unknown and repeated members are refused, so that a misspelt
/// limit is an error and not a token without limits.
/// </summary>
internal sealed class BodyMembers : IDisposable
{
    private const int BytesMax = 64 << 10;
    private const int DepthMax = 4;

    private readonly JsonDocument _document;

    private BodyMembers(JsonDocument document) => _document = document;

    /// <summary>Reads the body of a request.</summary>
    /// <param name="call">The request.</param>
    /// <param name="known">The members it may have.</param>
    /// <exception cref="ApiException">RequestMalformed or TooLarge.</exception>
    internal static async ValueTask<BodyMembers> ReadAsync(ApiCall call, params string[] known)
    {
        ReadOnlyMemory<byte> body = await call.ReadBodyAsync();
        if (body.Length > BytesMax)
        {
            throw new ApiException(
                WeftError.TooLarge, $"The body has {body.Length} bytes; at most {BytesMax} are taken.");
        }

        JsonBody.ThrowIfNoUtf8(body.Span);
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(
                body, new JsonDocumentOptions { MaxDepth = DepthMax, AllowDuplicateProperties = false });
        }
        catch (JsonException broken)
        {
            throw JsonBody.Malformed(broken);
        }
        catch (InvalidOperationException)
        {
            // The search for repeated names throws on a name with a lone surrogate.
            throw new ApiException(WeftError.RequestMalformed, "A name in the body is not well-formed text.");
        }

        var members = new BodyMembers(document);
        string list = string.Join(", ", known);
        if (document.RootElement.ValueKind != JsonValueKind.Object)
        {
            throw members.Refused($"The body is not an object; it may have {list}.", null);
        }

        foreach (JsonProperty member in document.RootElement.EnumerateObject())
        {
            string name = NameOf(member);
            if (!known.Contains(name, StringComparer.Ordinal))
            {
                throw members.Refused($"\"{LogText.Clean(name)}\" is not known here; the body may have {list}.", null);
            }
        }

        return members;
    }

    /// <summary>A text; null when it is absent or null.</summary>
    /// <exception cref="ApiException">It is something else, or too long.</exception>
    internal string? Text(string name, int lengthMax)
    {
        if (Find(name) is not { } value)
        {
            return null;
        }

        string? text = value.ValueKind == JsonValueKind.String ? Unescape(value) : null;
        return text is not null && text.Length <= lengthMax
            ? text
            : throw Refused($"\"{name}\" is not a text of at most {lengthMax} characters.", name);
    }

    /// <summary>A text that must be there.</summary>
    /// <exception cref="ApiException">It is absent, something else, or too long.</exception>
    internal string Required(string name, int lengthMax) =>
        Text(name, lengthMax) ?? throw Refused($"\"{name}\" is missing.", name);

    /// <summary>A whole number; null when it is absent or null.</summary>
    /// <exception cref="ApiException">It is something else, or out of bounds.</exception>
    internal long? Whole(string name, long min, long max) =>
        Find(name) is not { } value ? null
        : value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out long number)
            && number >= min && number <= max
            ? number
        : throw Refused(
            string.Create(CultureInfo.InvariantCulture, $"\"{name}\" is not a whole number of {min} to {max}."), name);

    /// <summary>True or false; false when it is absent or null.</summary>
    /// <exception cref="ApiException">It is something else.</exception>
    internal bool Flag(string name) => Find(name) is { } value
        && (value.ValueKind is JsonValueKind.True or JsonValueKind.False
            ? value.ValueKind == JsonValueKind.True
            : throw Refused($"\"{name}\" is neither true nor false.", name));

    /// <summary>A list of texts; empty when it is absent or null.</summary>
    /// <exception cref="ApiException">It is something else, too long, or has a text that is too long.</exception>
    internal IReadOnlyList<string> Texts(string name, int countMax, int lengthMax)
    {
        if (Find(name) is not { } value)
        {
            return [];
        }

        if (value.ValueKind != JsonValueKind.Array || value.GetArrayLength() > countMax)
        {
            throw Refused($"\"{name}\" is not a list of at most {countMax} texts.", name);
        }

        var texts = new List<string>(value.GetArrayLength());
        foreach (JsonElement item in value.EnumerateArray())
        {
            string? text = item.ValueKind == JsonValueKind.String ? Unescape(item) : null;
            texts.Add(text is not null && text.Length <= lengthMax
                ? text
                : throw Refused($"\"{name}\" has an item that is not a text of at most {lengthMax} characters.", name));
        }

        return texts;
    }

    /// <inheritdoc/>
    public void Dispose() => _document.Dispose();

    /// <summary>A refusal of the body.</summary>
    internal ApiException Refused(string detail, string? name)
    {
        Dispose();
        return new(WeftError.RequestMalformed, detail) { Path = name };
    }

    private JsonElement? Find(string name)
    {
        foreach (JsonProperty member in _document.RootElement.EnumerateObject())
        {
            if (NameOf(member) == name)
            {
                return member.Value.ValueKind == JsonValueKind.Null ? null : member.Value;
            }
        }

        return null;
    }

    // The reader of the platform throws on a lone surrogate, which any client can send.
    private static string Unescape(JsonElement text) =>
        JsonText.Unescape(Encoding.UTF8.GetBytes(text.GetRawText()).AsSpan()[1..^1]);

    private static string NameOf(JsonProperty member)
    {
        try
        {
            return member.Name;
        }
        catch (InvalidOperationException)
        {
            return "\ufffd"; // Not well-formed text, so none of the known names.
        }
    }
}
