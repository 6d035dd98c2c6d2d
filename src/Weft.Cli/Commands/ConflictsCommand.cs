using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Http;
using Weft.Cli.Output;

namespace Weft.Cli.Commands;

/// <summary>Lists losing writes and brings one back.</summary>
internal static class ConflictsCommand
{
    private const int PageMax = 1_000;

    private static readonly Argument<string?> Soul = new("soul")
    {
        Description = "Only those on this node.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Option<int> Limit = new("--limit", "-n")
    {
        Description = "At most so many. Default: 100.",
        HelpName = "N",
        DefaultValueFactory = _ => 100,
    };

    private static readonly Argument<long> Number = new("number") { Description = "The number in the list." };

    public static Command Build()
    {
        var list = new WeftCommand("ls", "List losing writes, newest first.")
        {
            Examples = ["weft conflicts ls", "weft conflicts ls alice -n 10"],
            Resources = ["GET /conflicts"],
        };
        list.Arguments.Add(Soul);
        list.Options.Add(Limit);
        list.Run(ListAsync);
        var resolve = new WeftCommand("resolve", "Write a losing value again, with a new state, so that it wins.")
        {
            Examples = ["weft conflicts resolve 17"],
            Resources = ["POST /conflicts"],
        };
        resolve.Arguments.Add(Number);
        resolve.Run(ResolveAsync);
        var command = new WeftCommand("conflicts", "Losing writes: list and resolve them.")
        {
            Examples = ["weft conflicts", "weft conflicts resolve 17"],
        };
        command.Subcommands.Add(list);
        command.Subcommands.Add(resolve);
        command.Options.Add(Limit);
        command.Run(ListAsync);
        return command;
    }

    private static async Task<int> ListAsync(CommandContext context, CancellationToken cancellationToken)
    {
        WeftClient client = await context.ConnectAsync(cancellationToken);
        string? soul = context.Parse.GetResult(Soul) is null ? null : context.Value(Soul);
        int rest = Math.Max(1, context.Value(Limit));
        var table = new TextTable(">no", "soul", "field", "lost value", "why", "author", "from", "at");
        string? before = null;
        do
        {
            using JsonDocument answer = await client.GetAsync(
                WeftClient.Path(
                    "conflicts", ("soul", soul), ("before", before),
                    ("limit", Math.Min(rest, PageMax).ToString(CultureInfo.InvariantCulture))),
                cancellationToken);
            foreach (JsonElement loss in answer.RootElement.Items("items"))
            {
                rest--;
                if (context.Output.IsJson)
                {
                    context.Output.Json(loss);
                    continue;
                }

                table.Add(
                    loss.Text("number") ?? "", loss.Text("soul") ?? "", loss.Text("field") ?? "",
                    LossTable.Value(loss, context.Output), LossTable.Reason(loss), LossTable.Author(loss),
                    loss.Text("from") ?? "", loss.Text("at") ?? "");
            }

            before = answer.RootElement.Text("next");
        }
        while (before is not null && rest > 0);

        if (table.Rows.Count > 0)
        {
            context.Output.Table(table);
        }
        else
        {
            context.Output.Note("no losing writes in the journal");
        }

        return ExitCode.Done;
    }

    private static async Task<int> ResolveAsync(CommandContext context, CancellationToken cancellationToken)
    {
        string number = context.Value(Number).ToString(CultureInfo.InvariantCulture);
        WeftClient client = await context.ConnectAsync(cancellationToken);
        long start = context.Host.Time.GetTimestamp();
        using JsonDocument answer = await client.SendAsync(
            HttpMethod.Post, WeftClient.Path("conflicts", ("number", number)), cancellationToken);
        WrittenAnswer.Print(
            context, "conflict " + number, "written again", answer.RootElement,
            context.Host.Time.GetElapsedTime(start));
        return ExitCode.Done;
    }
}
