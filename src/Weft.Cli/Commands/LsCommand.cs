using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Http;
using Weft.Cli.Output;

namespace Weft.Cli.Commands;

/// <summary>Lists souls.</summary>
internal static class LsCommand
{
    private const int PageMax = 1_000;

    private static readonly Argument<string?> Prefix = new("prefix")
    {
        Description = "Only souls that start so.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Option<int> Limit = new("--limit", "-n")
    {
        Description = "At most so many; 0 for all. Default: 1000.",
        HelpName = "N",
        DefaultValueFactory = _ => 1_000,
    };

    public static Command Build()
    {
        var command = new WeftCommand("ls", "List souls under a prefix.")
        {
            Examples = ["weft ls users/", "weft ls -n 0 | wc -l"],
            Resources = ["GET /nodes"],
        };
        command.Arguments.Add(Prefix);
        command.Options.Add(Limit);
        command.Run(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        int limit = context.Value(Limit);
        long rest = limit > 0 ? limit : long.MaxValue;
        WeftClient client = await context.ConnectAsync(cancellationToken);
        string? cursor = null;
        long shown = 0;
        do
        {
            string page = Math.Min(rest, PageMax).ToString(CultureInfo.InvariantCulture);
            using JsonDocument answer = await client.GetAsync(
                WeftClient.Path("nodes", ("prefix", context.Value(Prefix)), ("cursor", cursor), ("limit", page)),
                cancellationToken);
            foreach (JsonElement item in answer.RootElement.Items("items"))
            {
                Print(context.Output, item);
                shown++;
                rest--;
            }

            cursor = answer.RootElement.Text("next");
        }
        while (cursor is not null && rest > 0);

        if (cursor is not null)
        {
            context.Output.Note($"{Units.Count(shown)} souls shown, there are more: weft ls --limit 0");
        }

        return ExitCode.Done;
    }

    private static void Print(CliOutput output, JsonElement item)
    {
        string soul = item.Text("soul") ?? "";
        if (output.IsJson)
        {
            output.Json(writer =>
            {
                writer.WriteStartObject();
                writer.WriteString("soul", soul);
                writer.WriteEndObject();
            });
        }
        else
        {
            output.Line(PlainText.OneLine(soul));
        }
    }
}
