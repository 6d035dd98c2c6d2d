using System.CommandLine;
using System.Globalization;
using System.Net.ServerSentEvents;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Http;
using Weft.Cli.Output;

namespace Weft.Cli.Commands;

/// <summary>Prints what happens to the node and its peers.</summary>
internal static class EventsCommand
{
    private static readonly Argument<string[]> Kinds = new("kind")
    {
        Description = "Only these: peer, peer.connect, sync, limit, …. Default: all.",
        HelpName = "KIND",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private static readonly Option<int> Count = new("--count", "-n")
    {
        Description = "Stop after so many events; 0 for never.",
        HelpName = "N",
    };

    public static Command Build()
    {
        var command = new WeftCommand("events", "Connections, their states, bans, limits, sync: as they happen.")
        {
            Examples = ["weft events", "weft events peer.connect peer.disconnect", "weft events limit --json"],
            Resources = ["GET /events"],
            Remarks = "It tells of what happens from now on. Ctrl+C ends it with exit code 0. Where this reader was slow, "
                + "events.missed says how many are lost.",
        };
        command.Arguments.Add(Kinds);
        command.Options.Add(Count);
        command.Run(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        WeftClient client = await context.ConnectAsync(cancellationToken);
        string kinds = string.Join(',', context.Value(Kinds) ?? []);
        int left = context.Value(Count) is > 0 and var count ? count : int.MaxValue;
        try
        {
            using HttpResponseMessage answer = await client.OpenAsync(
                HttpMethod.Get, WeftClient.Path("events", ("kinds", kinds.Length > 0 ? kinds : null)), null,
                "text/event-stream", cancellationToken);
            await using Stream body = await answer.Content.ReadAsStreamAsync(cancellationToken);
            await foreach (SseItem<string> item in SseParser.Create(body).EnumerateAsync(cancellationToken))
            {
                if (!Show(context, item))
                {
                    continue;
                }

                if (--left == 0)
                {
                    break;
                }
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // That is how it ends.
        }
        catch (IOException)
        {
            context.Output.Note("the node went away without a word");
        }

        return ExitCode.Done;
    }

    /// <summary>Prints one.</summary>
    /// <returns>False for what is only about the stream itself.</returns>
    private static bool Show(CommandContext context, SseItem<string> item)
    {
        using JsonDocument document = JsonDocument.Parse(item.Data);
        JsonElement data = document.RootElement;
        switch (item.EventType)
        {
            case "live":
                context.Output.Note("watching");
                return false;
            case "bye":
                context.Output.Note("the node says goodbye: " + data.Text("reason"));
                return false;
        }

        if (context.Output.IsJson)
        {
            context.Output.Json(writer =>
            {
                writer.WriteStartObject();
                writer.WriteString("event", item.EventType);
                foreach (JsonProperty property in data.EnumerateObject())
                {
                    property.WriteRaw(writer);
                }

                writer.WriteEndObject();
            });
            return true;
        }

        string time = DateTimeOffset.TryParse(data.Text("at"), CultureInfo.InvariantCulture, out DateTimeOffset at)
            ? TimeZoneInfo.ConvertTime(at, context.Host.Time.LocalTimeZone)
                .ToString("HH:mm:ss.fff", CultureInfo.InvariantCulture)
            : "";
        string peer = data.Text("peer") ?? "";
        string count = data.Member("count") is { } ? Units.Count(data.Number("count")) : "";
        if (!context.Output.IsTerminal)
        {
            context.Output.Cells(
                data.Text("at") ?? "", item.EventType, peer, data.Text("transport") ?? "", data.Text("address") ?? "",
                data.Text("state") ?? "", data.Text("reason") ?? "", count);
            return true;
        }

        string shown = peer.Length > 16 ? $"{peer[..4]}…{peer[^6..]}" : peer;
        string rest = string.Join("  ", ((string[])
            [data.Text("state") ?? "", data.Text("transport") ?? "", data.Text("address") ?? "", data.Text("reason") ?? "", count])
            .Where(text => text.Length > 0));
        context.Output.Line(PlainText.OneLine($"{time}  {item.EventType,-16}  {shown,-11}  {rest}"));
        return true;
    }
}
