using System.Buffers;
using System.Text.Json;

namespace Weft.Cli.Output;

/// <summary>Makes the small bodies that commands send.</summary>
internal static class JsonBuild
{
    /// <summary>One object.</summary>
    /// <param name="members">Writes its members.</param>
    public static byte[] Object(Action<Utf8JsonWriter> members)
    {
        var body = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(body, JsonForm.Writer))
        {
            writer.WriteStartObject();
            members(writer);
            writer.WriteEndObject();
        }

        return body.WrittenSpan.ToArray();
    }

    /// <summary>A member that is a list of texts.</summary>
    public static void Texts(Utf8JsonWriter writer, string name, IEnumerable<string> texts)
    {
        writer.WriteStartArray(name);
        foreach (string text in texts)
        {
            writer.WriteStringValue(text);
        }

        writer.WriteEndArray();
    }
}
