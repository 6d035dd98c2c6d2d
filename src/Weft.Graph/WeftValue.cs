using System.Buffers.Text;
using System.Text;

namespace Weft.Graph;

/// <summary>What a field can hold.</summary>
public enum WeftValueKind
{
    /// <summary>Nothing: a deleted field (a tombstone).</summary>
    Null = 0,

    /// <summary>True or false.</summary>
    Boolean,

    /// <summary>A finite double.</summary>
    Number,

    /// <summary>Text, at most 1 MiB of UTF-8.</summary>
    Text,

    /// <summary>A link to another node.</summary>
    Link,
}

/// <summary>One value: null, a Boolean, a finite number, text, or a link.</summary>
/// <remarks>
/// Held as the UTF-8 JSON text that JavaScript would write, because that text is what HAM compares, what goes over the
/// wire and what is stored: nothing is encoded twice. Source: docs/spec/graph.md, section 1.
/// </remarks>
public readonly struct WeftValue : IEquatable<WeftValue>
{
    private static readonly byte[] NullJson = "null"u8.ToArray();
    private static readonly byte[] TrueJson = "true"u8.ToArray();
    private static readonly byte[] FalseJson = "false"u8.ToArray();

    private readonly byte[]? _json; // Null stands for the null value, so that default(WeftValue) is one.

    private WeftValue(byte[] json) => _json = json;

    /// <summary>The null value: a deleted field.</summary>
    public static WeftValue Null => default;

    /// <summary>What kind of value this is.</summary>
    public WeftValueKind Kind => Json[0] switch
    {
        (byte)'n' => WeftValueKind.Null,
        (byte)'t' or (byte)'f' => WeftValueKind.Boolean,
        (byte)'"' => WeftValueKind.Text,
        (byte)'{' => WeftValueKind.Link,
        _ => WeftValueKind.Number,
    };

    /// <summary>True for the null value.</summary>
    public bool IsNull => Kind == WeftValueKind.Null;

    /// <summary>The JSON text, exactly as JavaScript writes it.</summary>
    public ReadOnlySpan<byte> Json => _json ?? NullJson;

    /// <summary>The JSON text as memory that may be kept; it is never written again.</summary>
    public ReadOnlyMemory<byte> JsonMemory => _json ?? NullJson;

    /// <summary>A Boolean.</summary>
    public static WeftValue Boolean(bool value) => new(value ? TrueJson : FalseJson);

    /// <summary>A number.</summary>
    /// <exception cref="ArgumentException">Not finite.</exception>
    public static WeftValue Number(double value)
    {
        if (!double.IsFinite(value))
        {
            throw new ArgumentException("A number must be finite.", nameof(value));
        }

        Span<byte> text = stackalloc byte[32];
        return new(text[..JsonText.FormatNumber(value, text)].ToArray());
    }

    /// <summary>A text. Its length is judged by <see cref="FieldRules"/>, not here.</summary>
    public static WeftValue Text(ReadOnlySpan<char> value) => new(JsonText.Quote(value));

    /// <summary>A link to the node <paramref name="soul"/>.</summary>
    public static WeftValue Link(string soul)
    {
        ArgumentException.ThrowIfNullOrEmpty(soul);
        byte[] quoted = JsonText.Quote(soul);
        byte[] json = new byte[quoted.Length + 6];
        "{\"#\":"u8.CopyTo(json);
        quoted.CopyTo(json, 5);
        json[^1] = (byte)'}';
        return new(json);
    }

    /// <summary>Wraps JSON text that is known to be in JavaScript's form, for codecs and stores. It is not checked.</summary>
    /// <param name="json">Never written again by the caller.</param>
    public static WeftValue FromCanonicalJson(byte[] json) => json is [(byte)'n', ..] ? default : new(json);

    /// <summary>The Boolean, or null when this is none.</summary>
    public bool? AsBoolean() => Kind == WeftValueKind.Boolean ? Json[0] == (byte)'t' : null;

    /// <summary>The number, or null when this is none.</summary>
    public double? AsNumber() =>
        Kind == WeftValueKind.Number && Utf8Parser.TryParse(Json, out double value, out _) ? value : null;

    /// <summary>The text, or null when this is none.</summary>
    public string? AsText() => Kind == WeftValueKind.Text ? JsonText.Unescape(Json[1..^1]) : null;

    /// <summary>The soul this links to, or null when this is no link.</summary>
    public string? AsLink() => Kind == WeftValueKind.Link ? JsonText.Unescape(Json[6..^2]) : null;

    /// <summary>Compares as HAM does: the JSON texts, by UTF-16 code units.</summary>
    /// <returns>Below 0, 0 or above 0 as this is smaller, equal or larger.</returns>
    public int CompareTo(WeftValue other) => JsonText.Compare(Json, other.Json);

    /// <inheritdoc/>
    public bool Equals(WeftValue other) => ReferenceEquals(_json, other._json) || Json.SequenceEqual(other.Json);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is WeftValue other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.AddBytes(Json);
        return hash.ToHashCode();
    }

    /// <summary>The JSON text.</summary>
    public override string ToString() => Encoding.UTF8.GetString(Json);

    /// <summary>A text; null gives the null value.</summary>
    public static implicit operator WeftValue(string? value) => value is null ? default : Text(value);

    /// <summary>A number.</summary>
    public static implicit operator WeftValue(double value) => Number(value);

    /// <summary>A Boolean.</summary>
    public static implicit operator WeftValue(bool value) => Boolean(value);

    /// <summary>True when both have the same JSON text.</summary>
    public static bool operator ==(WeftValue left, WeftValue right) => left.Equals(right);

    /// <summary>True when the JSON texts differ.</summary>
    public static bool operator !=(WeftValue left, WeftValue right) => !left.Equals(right);
}
