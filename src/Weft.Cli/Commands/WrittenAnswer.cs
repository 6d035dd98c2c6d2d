using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Output;

namespace Weft.Cli.Commands;

/// <summary>Shows what a write reached, in the node's own words.</summary>
internal static class WrittenAnswer
{
    public static void Print(CommandContext context, string soul, string what, JsonElement answer, TimeSpan elapsed)
    {
        if (context.Output.IsJson)
        {
            context.Output.Json(writer =>
            {
                writer.WriteStartObject();
                writer.WriteString("soul", soul);
                foreach (JsonProperty property in answer.EnumerateObject())
                {
                    property.WriteRaw(writer);
                }

                writer.WriteEndObject();
            });
            return;
        }

        string durable = Where(answer.Text("durable"));
        context.Output.Cells([soul, what, durable, .. Peers(answer), .. Leftovers(answer), .. Time(context, elapsed)]);
    }

    /// <summary>The number of fields in words.</summary>
    public static string Fields(long count) => count == 1 ? "1 field" : $"{count} fields";

    private static string Where(string? durable) => durable switch
    {
        "disk" => "on disk",
        "buffered" => "handed to the system",
        "memory" => "in memory only",
        _ => durable ?? "",
    };

    private static IEnumerable<string> Peers(JsonElement answer) =>
        answer.TryGetProperty("wanted", out _)
            ? [answer.Long("peers") == 1 ? "held by 1 peer" : $"held by {answer.Long("peers")} peers"]
            : [];

    private static IEnumerable<string> Leftovers(JsonElement answer)
    {
        long kept = answer.Long("kept");
        long deferred = answer.Long("deferred");
        if (kept > 0)
        {
            yield return $"{kept} kept (the known value is newer, larger or equal)";
        }

        if (deferred > 0)
        {
            yield return $"{deferred} held until due";
        }
    }

    private static IEnumerable<string> Time(CommandContext context, TimeSpan elapsed) =>
        context.Output.IsTerminal ? [Units.Duration(elapsed)] : [];
}
