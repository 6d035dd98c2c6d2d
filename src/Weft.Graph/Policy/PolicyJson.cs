using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Weft.Graph.Policy;

/// <summary>
/// One value of a policy's JSON, read with every bound checked, and written in the one canonical form.
/// </summary>
/// <remarks>
/// Canonical: members sorted by the UTF-16 code units of their names, each name once, no white space, texts and numbers
/// as JavaScript writes them. Two peers that hash the same rules must hash the same bytes.
/// </remarks>
internal sealed class PolicyJson
{
    /// <summary>Objects and lists in each other.</summary>
    public const int DepthMax = 8;

    /// <summary>Values in a document, counting names.</summary>
    public const int ValuesMax = 16_384;

    private PolicyJson(JsonTokenType kind, string text = "", byte[]? number = null)
    {
        Kind = kind;
        Text = text;
        Number = number ?? [];
    }

    /// <summary>StartObject, StartArray, String, Number, True, False or Null.</summary>
    public JsonTokenType Kind { get; }

    /// <summary>What a text holds.</summary>
    public string Text { get; }

    /// <summary>The canonical JSON of a number.</summary>
    public byte[] Number { get; }

    /// <summary>The members of an object, in order.</summary>
    public List<KeyValuePair<string, PolicyJson>> Members { get; } = [];

    /// <summary>The elements of a list.</summary>
    public List<PolicyJson> Elements { get; } = [];

    public static PolicyJson Object(params IEnumerable<KeyValuePair<string, PolicyJson>> members)
    {
        var made = new PolicyJson(JsonTokenType.StartObject);
        made.Members.AddRange(members.OrderBy(member => member.Key, StringComparer.Ordinal));
        return made;
    }

    public static PolicyJson Array(params IEnumerable<PolicyJson> elements)
    {
        var made = new PolicyJson(JsonTokenType.StartArray);
        made.Elements.AddRange(elements);
        return made;
    }

    public static PolicyJson Of(string text) => new(JsonTokenType.String, text);

    public static PolicyJson Of(double number) =>
        new(JsonTokenType.Number, number: WeftValue.Number(number).Json.ToArray());

    public static PolicyJson Of(bool value) => new(value ? JsonTokenType.True : JsonTokenType.False);

    /// <summary>The value of a Boolean, number or text.</summary>
    public WeftValue ToValue() => Kind switch
    {
        JsonTokenType.String => WeftValue.Text(Text),
        JsonTokenType.Number => WeftValue.FromCanonicalJson(Number),
        JsonTokenType.True or JsonTokenType.False => WeftValue.Boolean(Kind == JsonTokenType.True),
        _ => WeftValue.Null,
    };

    /// <summary>The member of an object, or null.</summary>
    public PolicyJson? Find(string name) => Members.Find(member => member.Key == name).Value;

    /// <summary>Reads JSON in any layout. Never throws on what the bytes are.</summary>
    /// <returns>Null when it is no JSON, breaks a bound, or has a name twice.</returns>
    public static PolicyJson? Read(ReadOnlySpan<byte> json)
    {
        if (json.Length > PolicyLimits.DocumentBytesMax || !Utf8.IsValid(json))
        {
            return null;
        }

        try
        {
            var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = DepthMax });
            int left = ValuesMax;
            return reader.Read() && ReadValue(ref reader, ref left) is { } value && !reader.Read() ? value : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Writes the canonical form.</summary>
    public void Write(IBufferWriter<byte> writer)
    {
        switch (Kind)
        {
            case JsonTokenType.StartObject:
                Put(writer, '{');
                for (int i = 0; i < Members.Count; i++)
                {
                    if (i > 0)
                    {
                        Put(writer, ',');
                    }

                    JsonText.WriteQuoted(writer, Members[i].Key);
                    Put(writer, ':');
                    Members[i].Value.Write(writer);
                }

                Put(writer, '}');
                break;
            case JsonTokenType.StartArray:
                Put(writer, '[');
                for (int i = 0; i < Elements.Count; i++)
                {
                    if (i > 0)
                    {
                        Put(writer, ',');
                    }

                    Elements[i].Write(writer);
                }

                Put(writer, ']');
                break;
            case JsonTokenType.String:
                JsonText.WriteQuoted(writer, Text);
                break;
            case JsonTokenType.Number:
                writer.Write(Number);
                break;
            default:
                writer.Write(ToValue().Json);
                break;
        }
    }

    /// <summary>The canonical bytes.</summary>
    public byte[] ToBytes()
    {
        var writer = new ArrayBufferWriter<byte>();
        Write(writer);
        return writer.WrittenSpan.ToArray();
    }

    private static PolicyJson? ReadValue(ref Utf8JsonReader reader, ref int left)
    {
        if (--left < 0)
        {
            return null;
        }

        switch (reader.TokenType)
        {
            case JsonTokenType.StartObject:
                return ReadObject(ref reader, ref left);
            case JsonTokenType.StartArray:
                var list = new PolicyJson(JsonTokenType.StartArray);
                while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                {
                    if (ReadValue(ref reader, ref left) is not { } element)
                    {
                        return null;
                    }

                    list.Elements.Add(element);
                }

                return list;
            case JsonTokenType.String:
                return Of(JsonText.Unescape(reader.ValueSpan));
            case JsonTokenType.Number:
                return reader.TryGetDouble(out double number) && double.IsFinite(number) ? Of(number) : null;
            default:
                return new PolicyJson(reader.TokenType);
        }
    }

    private static PolicyJson? ReadObject(ref Utf8JsonReader reader, ref int left)
    {
        var made = new PolicyJson(JsonTokenType.StartObject);
        bool sorted = true;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = JsonText.Unescape(reader.ValueSpan);
            sorted &= made.Members.Count == 0 || string.CompareOrdinal(made.Members[^1].Key, name) < 0;
            if (!reader.Read() || --left < 0 || ReadValue(ref reader, ref left) is not { } value)
            {
                return null;
            }

            made.Members.Add(new(name, value));
        }

        if (!sorted)
        {
            made.Members.Sort((a, b) => string.CompareOrdinal(a.Key, b.Key));
            for (int i = 1; i < made.Members.Count; i++)
            {
                if (made.Members[i].Key == made.Members[i - 1].Key)
                {
                    return null; // A name twice has two meanings.
                }
            }
        }

        return made;
    }

    private static void Put(IBufferWriter<byte> writer, char symbol)
    {
        writer.GetSpan(1)[0] = (byte)symbol;
        writer.Advance(1);
    }

    /// <inheritdoc/>
    public override string ToString() => Encoding.UTF8.GetString(ToBytes());
}
