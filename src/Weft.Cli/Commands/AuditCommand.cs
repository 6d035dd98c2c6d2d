using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Http;
using Weft.Cli.Output;
using Weft.Primitives;

namespace Weft.Cli.Commands;

/// <summary>Compares the node's graph with that of its peers.</summary>
internal static class AuditCommand
{
    private static readonly Argument<string?> Peer = new("peer")
    {
        Description = "The id of a connected peer. Default: every connected one, one after another.",
        HelpName = "PEER",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Option<bool> Heal = new("--heal")
    {
        Description = "Exchange what differs with the peer, and compare again.",
    };

    private static readonly Option<int?> Samples = new("--samples")
    {
        Description = "Compare the fields of N places drawn at random, from both disks: 1 to 1024.",
        HelpName = "N",
    };

    private static readonly Option<long?> Seed = new("--seed")
    {
        Description = "With --samples: the same number draws the same places.",
        HelpName = "N",
    };

    private static readonly Option<int> Limit = new("--limit")
    {
        Description = "How many differences are named. Default: 100.",
        HelpName = "N",
        DefaultValueFactory = _ => 100,
    };

    private static readonly Option<bool> Now = new("--now")
    {
        Description = "Report writes in flight, too, rather than look again at what differs.",
    };

    private static readonly Option<string?> Deadline = new("--deadline")
    {
        Description = "How long with one peer: 1s to 10m. Default: 60s.",
        HelpName = "DURATION",
    };

    public static Command Build()
    {
        var command = new WeftCommand("audit", "Compare with a peer, list and heal differences.")
        {
            Examples =
            [
                "weft audit", "weft audit 12D3Koo… --prefix room/", "weft audit 12D3Koo… --heal",
                "weft audit --samples 50 --json",
            ],
            Resources = ["POST /audit"],
            Remarks = "Exit code 0 when everything is equal, 9 when something differs, 3 when there is no peer to "
                + "compare with, 5 when the peer is gone, 7 when the time was up. Nothing is changed without --heal.",
        };
        command.Arguments.Add(Peer);
        SyncCommand.AddScope(command);
        command.Options.Add(Heal);
        command.Options.Add(Samples);
        command.Options.Add(Seed);
        command.Options.Add(Limit);
        command.Options.Add(Now);
        command.Options.Add(Deadline);
        command.Run(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        byte[] body = JsonBuild.Object(json =>
        {
            if (context.Value(Peer) is { } peer)
            {
                json.WriteString("peer", peer);
            }

            SyncCommand.WriteScope(context, json);
            json.WriteBoolean("heal", context.Value(Heal));
            json.WriteNumber("limit", context.Value(Limit));
            json.WriteString("settle", context.Value(Now) ? "no" : "yes");
            json.WriteString("timeout", context.Value(Deadline) ?? "60s");
            if (context.Value(Samples) is { } samples)
            {
                json.WriteNumber("samples", samples);
            }

            if (context.Value(Seed) is { } seed)
            {
                json.WriteNumber("seed", seed);
            }
        });
        WeftClient client = await context.ConnectAsync(cancellationToken);
        using JsonDocument answer = await client.SendAsync(
            HttpMethod.Post, WeftClient.Path("audit"), body, cancellationToken);
        int exit = ExitCode.NothingThere;
        int count = 0;
        foreach (JsonElement report in answer.RootElement.Items("items"))
        {
            count++;
            exit = Worse(exit, ExitOf(report));
            if (context.Output.IsJson)
            {
                context.Output.Json(report);
            }
            else
            {
                Print(context.Output, report);
            }
        }

        context.Output.Note(count switch
        {
            0 => "no connected peer speaks the protocol; there is nobody to compare with",
            1 => "1 peer",
            _ => $"{count} peers",
        });
        return exit;
    }

    private static int ExitOf(JsonElement report) => report.Text("error") switch
    {
        null when report.Flag("equal") => ExitCode.Done,
        null when report.Long("different") > 0 => ExitCode.Warning,
        null => ExitCode.Deadline, // A ceiling ended it before anything was found to differ.
        var code when code == ErrorCatalogue.Code(WeftError.DeadlinePassed) => ExitCode.Deadline,
        var code when code == ErrorCatalogue.Code(WeftError.PeerUnreachable) => ExitCode.Unreachable,
        _ => ExitCode.Failed,
    };

    // What differs is the news; else what kept it from being known.
    private static int Worse(int one, int other) =>
        one == ExitCode.NothingThere || one == ExitCode.Done ? other
        : other == ExitCode.Warning ? other
        : one;

    private static void Print(CliOutput output, JsonElement report)
    {
        bool isEqual = report.Flag("equal");
        string verdict = isEqual ? report.Flag("sampled") ? "equal in the samples" : "equal"
            : report.Text("error") is { } code ? $"NOT COMPARED {code}"
            : report.Flag("complete") ? "DIFFERS"
            : "DIFFERS, incomplete";
        output.Cells(
            report.Text("peer") ?? "", isEqual ? output.Paint(verdict, 32) : output.Paint(verdict, 31),
            $"{Units.Count(report.Number("fieldsHere"))} fields here", $"{Units.Count(report.Number("fieldsThere"))} there",
            $"{Units.Count(report.Number("compared"))} compared one by one",
            Units.Duration(TimeSpan.FromMilliseconds(report.Number("elapsedMs"))));
        if (report.Long("healed") > 0)
        {
            output.Cells("", $"healed {Units.Count(report.Number("healed"))} fields");
        }

        if (report.Long("different") == 0)
        {
            return;
        }

        output.Cells(
            "", $"this node is behind by {report.Long("behindHere")}", $"the peer is behind by {report.Long("behindThere")}",
            report.Long("tied") > 0 ? $"{report.Long("tied")} with the same state and other values" : "");
        var table = new TextTable("soul", "field", "where", "state here", "state there");
        foreach (JsonElement difference in report.Items("differences"))
        {
            table.Add(
                difference.Text("soul") ?? "", difference.Text("field") ?? "", WhereOf(difference.Text("kind")),
                StateOf(difference, "stateHere"), StateOf(difference, "stateThere"));
        }

        if (table.Rows.Count > 0)
        {
            output.Table(table);
        }

        long more = report.Long("different") - table.Rows.Count;
        if (more > 0)
        {
            output.Note($"and {more} more (--limit)");
        }
    }

    private static string WhereOf(string? kind) => kind switch
    {
        "onlyHere" => "only here",
        "onlyThere" => "only there",
        "newerHere" => "newer here",
        "newerThere" => "newer there",
        _ => "same state, other value",
    };

    private static string StateOf(JsonElement difference, string name) =>
        difference.Member(name) is { } state ? state.GetDouble().ToString("0.###", CultureInfo.InvariantCulture) : "–";
}
