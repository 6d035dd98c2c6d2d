using System.Buffers;
using System.Text;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Output;

namespace Weft.Cli.Commands;

/// <summary>One <c>k=text</c>, <c>k:=json</c> or <c>k:@soul</c> of a command line.</summary>
/// <param name="Name">The field.</param>
/// <param name="Json">The value as JSON text.</param>
internal readonly record struct FieldPair(string Name, string Json)
{
    /// <summary>Reads one word. The first '=' or ':@' counts, so that a value may hold further ones.</summary>
    /// <exception cref="CliException">Wrong usage.</exception>
    public static FieldPair Parse(string word)
    {
        int link = word.IndexOf(":@", StringComparison.Ordinal);
        int equal = word.IndexOf('=');
        if (link > 0 && (equal < 0 || link < equal))
        {
            return new FieldPair(word[..link], LinkJson(word[(link + 2)..]));
        }

        if (equal <= 0 || (equal == 1 && word[0] == ':'))
        {
            throw CliException.Usage(
                $"\"{word}\" is no field; write name=text, name:=json or name:@soul",
                "weft put SOUL name=Ada born:=1815");
        }

        return word[equal - 1] == ':'
            ? new FieldPair(word[..(equal - 1)], CheckedJson(word[..(equal - 1)], word[(equal + 1)..]))
            : new FieldPair(word[..equal], TextJson(word[(equal + 1)..]));
    }

    /// <summary>The body of a PATCH.</summary>
    public static byte[] Body(IEnumerable<FieldPair> pairs)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, JsonForm.Writer))
        {
            writer.WriteStartObject();
            writer.WriteStartObject("fields");
            foreach (FieldPair pair in pairs)
            {
                writer.WritePropertyName(pair.Name);
                writer.WriteRawValue(pair.Json);
            }

            writer.WriteEndObject();
            writer.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>A link as JSON.</summary>
    public static string LinkJson(string soul) => soul.Length > 0
        ? $"{{\"#\":{TextJson(soul)}}}"
        : throw CliException.Usage("a link needs a soul after \":@\"");

    /// <summary>A text as JSON.</summary>
    public static string TextJson(string text) =>
        "\"" + JsonEncodedText.Encode(text, JsonForm.Writer.Encoder).Value + "\"";

    private static string CheckedJson(string name, string json)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            return Encoding.UTF8.GetByteCount(json) > 0 ? json : "null";
        }
        catch (JsonException error)
        {
            throw CliException.Usage(
                $"the value of \"{name}\" is not JSON ({error.Message}); text is written with = instead of :=");
        }
    }
}
