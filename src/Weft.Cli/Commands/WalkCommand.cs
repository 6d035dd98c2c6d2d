using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Http;
using Weft.Cli.Output;
using Weft.Primitives;

namespace Weft.Cli.Commands;

/// <summary>Follows links from one node.</summary>
internal static class WalkCommand
{
    private static readonly Argument<string> Soul = new("soul") { Description = "Where to start." };

    private static readonly Option<int> Depth = new("--depth", "-d")
    {
        Description = "How many links away: 0 to 1000. Default: 3.",
        HelpName = "N",
        DefaultValueFactory = _ => 3,
    };

    private static readonly Option<string> Direction = new("--direction")
    {
        Description = "Which links: out, in or both. Default: out.",
        HelpName = "out|in|both",
        DefaultValueFactory = _ => "out",
    };

    private static readonly Option<int> Limit = new("--limit", "-n")
    {
        Description = "Stop after so many nodes. Default: 10000.",
        HelpName = "N",
        DefaultValueFactory = _ => 10_000,
    };

    private static readonly Option<bool> Dot = new("--dot") { Description = "Print a Graphviz graph." };

    public static Command Build()
    {
        var command = new WeftCommand("walk", "Follow links, to a depth, as a tree, JSON or dot.")
        {
            Examples =
            [
                "weft walk alice --depth 2", "weft walk pkg/libc6 --direction in --json",
                "weft walk alice --dot | dot -Tsvg > alice.svg",
            ],
            Resources = ["GET /walk"],
            Remarks = "Each node is reached once, by a shortest way.",
        };
        Direction.AcceptOnlyFromAmong("out", "in", "both");
        command.Arguments.Add(Soul);
        command.Options.Add(Depth);
        command.Options.Add(Direction);
        command.Options.Add(Limit);
        command.Options.Add(Dot);
        command.Run(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        string soul = context.Value(Soul)!;
        WeftClient client = await context.ConnectAsync(cancellationToken);
        using HttpResponseMessage answer = await client.OpenAsync(
            HttpMethod.Get,
            WeftClient.Path(
                "walk", ("soul", soul), ("direction", context.Value(Direction)),
                ("depth", context.Value(Depth).ToString(CultureInfo.InvariantCulture)),
                ("limit", context.Value(Limit).ToString(CultureInfo.InvariantCulture))),
            null, "application/x-ndjson", cancellationToken);
        await using Stream body = await answer.Content.ReadAsStreamAsync(cancellationToken);
        using var reader = new StreamReader(body, Encoding.UTF8);
        var steps = new List<Step>();
        bool isJson = context.Output.IsJson;
        while (await reader.ReadLineAsync(cancellationToken) is { } line)
        {
            using JsonDocument document = JsonDocument.Parse(line);
            if (isJson)
            {
                context.Output.Line(line);
            }

            JsonElement item = document.RootElement;
            steps.Add(new Step(
                (int)item.Long("depth"), item.Text("soul") ?? "", item.Text("from"), item.Text("field"),
                item.Text("direction") == "in"));
        }

        if (steps.Count == 0)
        {
            throw new CliException(WeftError.Absent, $"\"{soul}\" is not here");
        }

        if (!isJson)
        {
            Print(context, steps);
        }

        return ExitCode.Done;
    }

    private static void Print(CommandContext context, List<Step> steps)
    {
        if (context.Value(Dot))
        {
            PrintDot(context.Output, steps);
        }
        else if (context.Output.IsTerminal)
        {
            PrintTree(context.Output, steps);
        }
        else
        {
            foreach (Step step in steps)
            {
                context.Output.Cells(
                    step.Depth.ToString(CultureInfo.InvariantCulture), step.Soul, step.From ?? "", step.Field ?? "",
                    step.From is null ? "" : step.IsIn ? "in" : "out");
            }
        }
    }

    private static void PrintTree(CliOutput output, List<Step> steps)
    {
        ILookup<string, Step> children = steps.Where(step => step.From is not null).ToLookup(step => step.From!);
        var stack = new Stack<(Step Step, string Indent, bool IsLast)>();
        output.Line(PlainText.OneLine(steps[0].Soul));
        Push(steps[0].Soul, "");
        while (stack.TryPop(out (Step Step, string Indent, bool IsLast) next))
        {
            string arrow = next.Step.IsIn ? "←" : "→";
            string branch = next.IsLast ? "└─ " : "├─ ";
            output.Line($"{next.Indent}{branch}{PlainText.OneLine($"{next.Step.Field} {arrow} {next.Step.Soul}")}");
            Push(next.Step.Soul, next.Indent + (next.IsLast ? "   " : "│  "));
        }

        output.Note($"{steps.Count} nodes");

        void Push(string soul, string indent)
        {
            Step[] below = [.. children[soul]];
            for (int i = below.Length - 1; i >= 0; i--)
            {
                stack.Push((below[i], indent, i == below.Length - 1));
            }
        }
    }

    private static void PrintDot(CliOutput output, List<Step> steps)
    {
        output.Line("digraph weft {");
        output.Line($"  {Quote(steps[0].Soul)} [penwidth=2];");
        foreach (Step step in steps.Where(step => step.From is not null))
        {
            (string from, string to) = step.IsIn ? (step.Soul, step.From!) : (step.From!, step.Soul);
            output.Line($"  {Quote(from)} -> {Quote(to)} [label={Quote(step.Field ?? "")}];");
        }

        output.Line("}");
    }

    private static string Quote(string text) =>
        "\"" + PlainText.OneLine(text).Replace("\\", "\\\\", StringComparison.Ordinal)
            .Replace("\"", "\\\"", StringComparison.Ordinal) + "\"";

    private sealed record Step(int Depth, string Soul, string? From, string? Field, bool IsIn);
}
