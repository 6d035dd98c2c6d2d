using System.Text.Json;

namespace Weft.Graph.Access;

/// <summary>One pattern of a certificate's paths, matched as gun.js's String.match does, slips included.</summary>
/// <remarks>
/// Peers that run gun.js judge the same writes by the same patterns, so a stricter match here would only split
/// replicas.
/// Source: gun.js 0.2020.1241, "String.match" and sea.js "check.pub".
/// </remarks>
internal sealed class SeaLex
{
    private Bounds? _soul;   // "#": on the path.
    private Bounds? _field;  // ".": on the field.
    private Bounds _whole;   // The pattern itself, on path and field.
    private bool _isNamed;   // "+" holds "*": path or field must contain the writer's key.

    /// <summary>Reads a pattern.</summary>
    /// <returns>Null when it is neither text nor object, or holds what cannot match.</returns>
    public static SeaLex? Read(JsonElement json)
    {
        var lex = new SeaLex();
        if (json.ValueKind == JsonValueKind.String)
        {
            lex._whole = new Bounds { Equal = json.GetString(), HasEqual = true };
            return lex;
        }

        if (json.ValueKind != JsonValueKind.Object)
        {
            return null;
        }

        lex._whole = Bounds.Read(json);
        lex._soul = Part(json, "#");
        lex._field = Part(json, ".");
        lex._isNamed = json.TryGetProperty("+", out JsonElement plus)
            && plus.ValueKind is JsonValueKind.String or JsonValueKind.Array
            && (plus.ValueKind == JsonValueKind.String
                ? plus.GetString()!.Contains('*')
                : plus.EnumerateArray().Any(item => item.ValueKind == JsonValueKind.String && item.GetString() == "*"));
        return lex;
    }

    /// <summary>True when the pattern covers a field.</summary>
    /// <param name="path">What stands behind the first "/" of the soul; may be empty.</param>
    /// <param name="field">The field.</param>
    public bool Covers(string path, string field) =>
        (Match(path, _soul) && Match(field, _field))
        || (_field is null && Match(path, _soul))
        || (_soul is null && Match(field, _field))
        || (_soul ?? _whole).Match(path.Length > 0 ? $"{path}/{field}" : field);

    /// <summary>True when the writer's key stands where the pattern wants it, or need not stand anywhere.</summary>
    public bool Names(string writer, string path, string field) =>
        !_isNamed || path.Length == 0 || path.Contains(writer, StringComparison.Ordinal)
        || field.Contains(writer, StringComparison.Ordinal);

    private static bool Match(string text, Bounds? bounds) => bounds is Bounds known && known.Match(text);

    /// <summary>A part that JavaScript takes for false counts as absent.</summary>
    private static Bounds? Part(JsonElement json, string name)
    {
        if (!json.TryGetProperty(name, out JsonElement part))
        {
            return null;
        }

        return part.ValueKind switch
        {
            JsonValueKind.String when part.GetString()!.Length > 0 =>
                new Bounds { Equal = part.GetString(), HasEqual = true },
            JsonValueKind.Object => Bounds.Read(part),
            JsonValueKind.Number or JsonValueKind.True or JsonValueKind.Array => new Bounds { IsOdd = true },
            _ => null,
        };
    }

    /// <summary>The members "=", "*", "&gt;" and "&lt;" of a pattern.</summary>
    private readonly struct Bounds
    {
        public string? Equal { get; init; }

        public bool HasEqual { get; init; }

        public string? Prefix { get; init; }

        public bool HasPrefix { get; init; }

        public string? From { get; init; }

        public string? To { get; init; }

        /// <summary>Holds what is no text: it never matches here, whatever JavaScript would make of it.</summary>
        public bool IsOdd { get; init; }

        public static Bounds Read(JsonElement json)
        {
            bool isOdd = false;
            string? equal = Text(json, "=", ref isOdd);
            string? prefix = Text(json, "*", ref isOdd);
            string? from = Text(json, ">", ref isOdd);
            string? to = Text(json, "<", ref isOdd);
            return new Bounds
            {
                Equal = equal,
                HasEqual = equal is not null,
                Prefix = prefix,
                HasPrefix = prefix is not null,
                From = from,
                To = to,
                IsOdd = isOdd,
            };
        }

        public bool Match(string text)
        {
            if (IsOdd)
            {
                return false;
            }

            if (text == First(Equal, First(Prefix, First(From, To))))
            {
                return true;
            }

            if (HasEqual)
            {
                return false;
            }

            string? start = First(Prefix, From);
            if (start is not null && text.StartsWith(start, StringComparison.Ordinal))
            {
                return true;
            }

            return !HasPrefix && (From is not null || To is not null)
                && (From is null || string.CompareOrdinal(text, From) >= 0)
                && (To is null || string.CompareOrdinal(text, To) <= 0);
        }

        /// <summary>JavaScript's "||": an empty text is false.</summary>
        private static string? First(string? left, string? right) => string.IsNullOrEmpty(left) ? right : left;

        private static string? Text(JsonElement json, string name, ref bool isOdd)
        {
            if (!json.TryGetProperty(name, out JsonElement value))
            {
                return null;
            }

            isOdd |= value.ValueKind != JsonValueKind.String;
            return value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        }
    }
}
