using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Http;
using Weft.Cli.Output;

namespace Weft.Cli.Commands;

/// <summary>The values of a field over time.</summary>
internal static class SeriesCommand
{
    private static readonly Argument<string> Soul = new("soul") { Description = "The node." };
    private static readonly Argument<string> Field = new("field") { Description = "The field." };

    private static readonly Argument<string?> Value = new("value")
    {
        Description = "Append this number; nothing reads.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Option<string?> From = new("--from")
    {
        Description = "From when on: a time, or how long ago (24h).",
        HelpName = "WHEN",
    };

    private static readonly Option<string?> To = new("--to")
    {
        Description = "Up to when, as --from. Default: now.",
        HelpName = "WHEN",
    };

    private static readonly Option<string?> Step = new("--step")
    {
        Description = "Put values together in stretches of this length, such as 5m: count, average, extremes, last.",
        HelpName = "DURATION",
    };

    public static Command Build()
    {
        var command = new WeftCommand("series", "A field's values over time: append, read, downsample.")
        {
            Examples =
            [
                "weft series sensor/1 celsius 21.5", "weft series sensor/1 celsius --from 24h",
                "weft series sensor/1 celsius --from 7d --step 1h --json",
            ],
            Resources = ["GET /series", "POST /series"],
            Remarks = "The present value is the field's own; the past is there where weft retain has it kept.",
        };
        command.Arguments.Add(Soul);
        command.Arguments.Add(Field);
        command.Arguments.Add(Value);
        command.Options.Add(From);
        command.Options.Add(To);
        command.Options.Add(Step);
        command.Run((context, cancellationToken) => context.Value(Value) is { } value
            ? AppendAsync(context, value, cancellationToken)
            : ReadAsync(context, cancellationToken));
        return command;
    }

    private static async Task<int> AppendAsync(
        CommandContext context, string value, CancellationToken cancellationToken)
    {
        if (!double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out double number)
            || !double.IsFinite(number))
        {
            throw CliException.Usage($"\"{value}\" is no number");
        }

        WeftClient client = await context.ConnectAsync(cancellationToken);
        long start = context.Host.Time.GetTimestamp();
        using JsonDocument answer = await client.SendAsync(
            HttpMethod.Post, WeftClient.Path("series", ("soul", context.Value(Soul)), ("name", context.Value(Field))),
            Encoding.UTF8.GetBytes(number.ToString("R", CultureInfo.InvariantCulture)), cancellationToken);
        WrittenAnswer.Print(
            context, context.Value(Soul)!, context.Value(Field)!, answer.RootElement,
            context.Host.Time.GetElapsedTime(start));
        return ExitCode.Done;
    }

    private static async Task<int> ReadAsync(CommandContext context, CancellationToken cancellationToken)
    {
        string? step = context.Value(Step) is not { } text ? null
            : Units.TryDuration(text, out TimeSpan span) && span > TimeSpan.Zero
                ? ((long)span.TotalMilliseconds).ToString(CultureInfo.InvariantCulture) + "ms"
                : throw CliException.Usage($"\"{text}\" is not a duration; write for example 30s, 5m or 1h");
        if (step is not null && context.Value(From) is null)
        {
            throw CliException.Usage("--step needs --from");
        }

        WeftClient client = await context.ConnectAsync(cancellationToken);
        using HttpResponseMessage answer = await client.OpenAsync(
            HttpMethod.Get,
            WeftClient.Path(
                "series", ("soul", context.Value(Soul)), ("name", context.Value(Field)),
                ("from", Time(context, From)), ("to", Time(context, To)), ("step", step)),
            null, "application/x-ndjson", cancellationToken);
        using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync(cancellationToken));
        var table = step is null
            ? new TextTable("time", ">value")
            : new TextTable("from", ">count", ">average", ">min", ">max", ">last");
        while (await reader.ReadLineAsync(cancellationToken) is { } line)
        {
            using JsonDocument item = JsonDocument.Parse(line);
            if (context.Output.IsJson)
            {
                context.Output.Json(item.RootElement);
                continue;
            }

            string[] members = step is null ? ["time", "value"] : ["time", "count", "average", "min", "max", "last"];
            table.Add([.. members.Select(name => item.RootElement.Text(name) ?? "")]);
        }

        if (!context.Output.IsJson)
        {
            context.Output.Table(table);
            if (table.Rows.Count == 0)
            {
                context.Output.Note("no value of that time is kept; weft retain shows what is");
            }
        }

        return ExitCode.Done;
    }

    private static string? Time(CommandContext context, Option<string?> option) => context.Value(option) is not { } text
        ? null
        : HistoryCommand.Moment(context, text) is var moment && !moment.All(char.IsAsciiDigit)
            ? moment
            : throw CliException.Usage($"\"{text}\" is no time; write for example 24h or 2026-11-20T18:00:00Z");
}
