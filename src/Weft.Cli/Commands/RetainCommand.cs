using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Http;
using Weft.Cli.Output;
using Weft.Graph.Policy;

namespace Weft.Cli.Commands;

/// <summary>How much of the past a prefix keeps.</summary>
internal static class RetainCommand
{
    private static readonly Argument<string?> Prefix = new("prefix")
    {
        Description = "How the souls begin; \"\" for all. Nothing lists the rules.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Option<long?> Last = new("--last")
    {
        Description = "Keep the last N versions of each node.",
        HelpName = "N",
    };

    private static readonly Option<double?> Days = new("--days")
    {
        Description = "Keep the versions of the last N days.",
        HelpName = "N",
    };

    private static readonly Option<bool> Log = new("--log")
    {
        Description = "Keep every version, in a signed log that shows that none was put in or taken out.",
    };

    private static readonly Option<double?> Cold = new("--cold-days")
    {
        Description = "With --log: after so many days its blocks go to the archive.",
        HelpName = "N",
    };

    private static readonly Option<bool> None = new("--none") { Description = "Keep the present alone." };

    private static readonly Option<bool> Forget = new("--forget")
    {
        Description = "Drop this node's own rule for the prefix: a shorter prefix's counts again, or none.",
    };

    private static readonly Option<bool> Signed = new("--signed")
    {
        Description = "Put it into the prefix's signed policy, which every peer follows, not into this node's own rules.",
    };

    private static readonly Option<bool> Prune = new("--prune")
    {
        Description = "Remove now what no rule keeps, and say how much.",
    };

    public static Command Build()
    {
        var command = new WeftCommand("retain", "How much of the past each prefix keeps.")
        {
            Examples =
            [
                "weft retain", "weft retain document- --last 10", "weft retain sensor/ --days 30",
                "weft retain audit/ --log", "weft retain '$KEY/docs/' --log --signed", "weft retain document- --none",
                "weft retain --prune",
            ],
            Resources =
            [
                "GET /history/rules", "PUT /history/rules", "DELETE /history/rules", "POST /history/prune",
                "GET /node", "PATCH /node",
            ],
            Remarks = "A rule of this node alone; a signed policy with \"history\" goes before it. History begins when "
                + "the rule does. What falls out is removed by the next maintenance.",
        };
        command.Arguments.Add(Prefix);
        foreach (Option option in (Option[])[Last, Days, Log, Cold, None, Forget, Signed, Prune])
        {
            command.Options.Add(option);
        }

        command.Run(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        string? prefix = context.Value(Prefix);
        HistoryRule? rule = Rule(context);
        bool forgets = context.Value(Forget);
        if ((rule is not null || forgets) && prefix is null)
        {
            throw CliException.Usage("name the prefix; \"\" stands for everything");
        }

        WeftClient client = await context.ConnectAsync(cancellationToken);
        if (context.Value(Signed))
        {
            return await RetainPolicy.SetAsync(
                context, client, prefix ?? "",
                rule ?? throw CliException.Usage("--signed goes with --last, --days, --log or --none"),
                cancellationToken);
        }

        string path = WeftClient.Path("history/rules", ("prefix", rule is not null || forgets ? prefix : null));
        using JsonDocument answer = rule is { } wanted
            ? await client.SendAsync(
                HttpMethod.Put, path,
                JsonBuild.Object(json => json.WriteString("keeps", wanted.ToString())).ToArray(), cancellationToken)
            : forgets ? await client.SendAsync(HttpMethod.Delete, path, cancellationToken)
            : await client.GetAsync(path, cancellationToken);
        if (!context.Value(Prune))
        {
            return Print(context, answer.RootElement, prefix);
        }

        using var progress = new ProgressLine(context.Host, context.Output);
        using JsonDocument pruned = await ProgressAnswer.ReadAsync(
            client, WeftClient.Path("history/prune"),
            nodes => progress.Report("prune", null, $"{Units.Count(nodes)} nodes"), cancellationToken);
        progress.Dispose();
        return PrintPruned(context, pruned.RootElement);
    }

    private static int PrintPruned(CommandContext context, JsonElement done)
    {
        if (context.Output.IsJson)
        {
            context.Output.Json(done);
        }
        else
        {
            context.Output.Cells(
                $"{Units.Count(done.Long("versions"))} versions removed of {Units.Count(done.Long("nodes"))} nodes",
                $"{Units.Size(done.Long("bytesFreed"))} freed");
        }

        return ExitCode.Done;
    }

    private static HistoryRule? Rule(CommandContext context)
    {
        HistoryRule?[] given =
        [
            context.Value(Last) is { } count ? new HistoryRule(HistoryKind.Last, count) : null,
            context.Value(Days) is { } days ? new HistoryRule(HistoryKind.Days, days) : null,
            context.Value(Log) || context.Value(Cold) is not null
                ? new HistoryRule(HistoryKind.Log, context.Value(Cold) ?? 0)
                : null,
            context.Value(None) ? HistoryRule.None : null,
        ];
        HistoryRule[] rules = [.. given.OfType<HistoryRule>()];
        if (rules.Length + (context.Value(Forget) ? 1 : 0) > 1)
        {
            throw CliException.Usage("say one of --last, --days, --log, --none and --forget");
        }

        return rules.Length == 0 ? null
            : HistoryRule.TryParse(rules[0].ToString(), out HistoryRule rule) ? rule
            : throw CliException.Usage(
                $"--last takes 1 to {HistoryRule.LastMax}, --days and --cold-days up to {HistoryRule.DaysMax}");
    }

    private static int Print(CommandContext context, JsonElement root, string? prefix)
    {
        if (context.Output.IsJson)
        {
            context.Output.Json(root);
            return ExitCode.Done;
        }

        var table = new TextTable("prefix", "keeps", "by", "since");
        foreach (JsonElement rule in root.Items("items"))
        {
            if (prefix is null || rule.Text("scope") == prefix)
            {
                table.Add(
                    rule.Text("scope") is { Length: > 0 } scope ? scope : "(all)", rule.Text("keeps") ?? "",
                    rule.Text("by") == "policy" ? "signed policy" : "this node", rule.Text("since") ?? "");
            }
        }

        context.Output.Table(table);
        if (table.Rows.Count == 0)
        {
            context.Output.Note(prefix is null
                ? "no prefix keeps more than the present; weft retain PREFIX --last 10 changes that"
                : string.Create(CultureInfo.InvariantCulture, $"\"{prefix}\" has no rule of its own"));
        }

        return ExitCode.Done;
    }
}
