using System.Text.Json;
using Weft.Primitives;

namespace Weft.Graph.Access;

/// <summary>A certificate of SEA: lets others write into the graph of the key that signed it.</summary>
/// <remarks>
/// Source: gun.js 0.2020.1241, sea.js "check.pub" and "SEA.certify": c, e, w, wb; r and rb are about reading.
/// </remarks>
internal sealed class SeaCertificate
{
    private const int PatternsMax = 256; // Of one certificate; gun.js knows no bound.

    private readonly List<SeaLex> _paths = [];
    private bool _isForAll;
    private string? _holder;
    private double _expires = double.PositiveInfinity;
    private JsonElement? _block;

    /// <summary>The owner's signature over it.</summary>
    public required SeaSignature Signature { get; init; }

    /// <summary>Reads a certificate as it stands in a value under "+".</summary>
    /// <param name="json">The object {"m":…,"s":…}.</param>
    /// <param name="owner">The key that must have signed it.</param>
    /// <returns>Null when it is none.</returns>
    /// <exception cref="JsonException">What it says is too deep or not JSON.</exception>
    public static SeaCertificate? Read(JsonElement json, string owner)
    {
        if (json.ValueKind != JsonValueKind.Object
            || !json.TryGetProperty("m", out JsonElement said)
            || !json.TryGetProperty("s", out JsonElement signature)
            || SeaSignature.TryRead(owner, said, signature) is not SeaSignature signed)
        {
            return null;
        }

        if (said.ValueKind == JsonValueKind.String)
        {
            // What was signed as text is read as JSON afterwards, as gun.js does with every text.
            string text = said.GetString()!;
            text = text.StartsWith("SEA{", StringComparison.Ordinal) ? text[3..] : text;
            using var parsed = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = ScriptJson.DepthMax });
            said = parsed.RootElement.Clone();
        }

        var certificate = new SeaCertificate { Signature = signed };
        return said.ValueKind == JsonValueKind.Object && certificate.Fill(said) ? certificate : null;
    }

    /// <summary>Judges a write by it; the signatures are judged elsewhere.</summary>
    public WeftError Judge(in FieldWrite write, string writer)
    {
        if (!(write.State <= _expires))
        {
            return WeftError.CertificateExpired;
        }

        if (!_isForAll && _holder != writer)
        {
            return WeftError.CertificateRefused;
        }

        int slash = write.Soul.IndexOf('/');
        string path = slash < 0 ? "" : write.Soul[(slash + 1)..];
        foreach (SeaLex lex in _paths)
        {
            if (lex.Covers(path, write.Field))
            {
                return lex.Names(writer, path, write.Field) ? WeftError.None : WeftError.CertificateRefused;
            }
        }

        return WeftError.CertificateRefused;
    }

    /// <summary>The field that tells whether a writer is blocked, or null.</summary>
    public SeaBlock? BlockOf(string owner, string writer) => _block switch
    {
        { ValueKind: JsonValueKind.String } text when text.GetString()!.StartsWith('~') =>
            new SeaBlock(text.GetString()!, null, writer),
        { ValueKind: JsonValueKind.String } text => new SeaBlock($"~{owner}", text.GetString()!, writer),
        { ValueKind: JsonValueKind.Object } link when link.TryGetProperty("#", out JsonElement soul)
            && soul.ValueKind == JsonValueKind.String => new SeaBlock(soul.GetString()!, null, writer),
        _ => null,
    };

    private bool Fill(JsonElement said)
    {
        if (!said.TryGetProperty("c", out JsonElement holders) || !said.TryGetProperty("w", out JsonElement paths))
        {
            return false;
        }

        // A list of several keys never matches in gun.js, only a list or text with "*" does; certify() makes a text of
        // a list with one key.
        _isForAll = holders.ValueKind switch
        {
            JsonValueKind.String => holders.GetString()!.Contains('*'),
            JsonValueKind.Array => holders.EnumerateArray().Any(
                item => item.ValueKind == JsonValueKind.String && item.GetString() == "*"),
            _ => false,
        };
        _holder = holders.ValueKind == JsonValueKind.String ? holders.GetString() : null;
        if (said.TryGetProperty("e", out JsonElement expires))
        {
            _expires = expires.ValueKind switch
            {
                JsonValueKind.Number when expires.TryGetDouble(out double at) => at,
                JsonValueKind.String => ScriptNumber.ParseFloat(expires.GetString()),
                _ => double.NaN, // An end that nobody can read has passed; gun.js would take it for none.
            };
        }

        _block = said.TryGetProperty("wb", out JsonElement block) && IsTruthy(block) ? block : null;
        IEnumerable<JsonElement> listed = paths.ValueKind == JsonValueKind.Array ? paths.EnumerateArray() : [paths];
        foreach (JsonElement path in listed.Take(PatternsMax))
        {
            if (SeaLex.Read(path) is not SeaLex lex)
            {
                break; // gun.js stumbles over it, and takes nothing that earlier patterns did not cover.
            }

            _paths.Add(lex);
        }

        return true;
    }

    private static bool IsTruthy(JsonElement json) =>
        json.ValueKind == JsonValueKind.Object
        || (json.ValueKind == JsonValueKind.String && json.GetString()!.Length > 0);
}

/// <summary>Where a certificate's owner keeps who is blocked: 1 or true there refuses the write.</summary>
/// <param name="Soul">The node to begin at.</param>
/// <param name="Through">A field of it that links to the list; null when the node itself is the list.</param>
/// <param name="Field">The field of the list: the writer's key.</param>
public sealed record SeaBlock(string Soul, string? Through, string Field);
