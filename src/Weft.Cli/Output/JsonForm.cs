using System.Text.Encodings.Web;
using System.Text.Json;

namespace Weft.Cli.Output;

/// <summary>How JSON is written: text as it is, not as \u escapes, since no page embeds it.</summary>
internal static class JsonForm
{
    public static JsonWriterOptions Writer { get; } =
        new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = false };
}
