using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Http;
using Weft.Cli.Output;

namespace Weft.Cli.Commands;

/// <summary>Writes fields of one node, or nodes from stdin.</summary>
internal static class PutCommand
{
    private static readonly Argument<string> Soul = new("soul")
    {
        Description = "The node; - reads JSON lines from stdin.",
    };

    private static readonly Argument<string[]> Pairs = new("field")
    {
        Description = "name=text, name:=json or name:@soul (a link).",
        HelpName = "k=v",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private static readonly Option<string?> Ack = new("--ack")
    {
        Description = "Answer when the write is held so firmly: memory, buffered or disk; or by so many other peers, "
            + "within --timeout (5s).",
        HelpName = "LEVEL|N",
    };

    public static Command Build()
    {
        var command = new WeftCommand("put", "Write fields of a node.")
        {
            Examples =
            [
                "weft put alice name=Ada born:=1815 boss:@mark",
                "weft put note/1 'text=two = signs are fine' done:=false",
                "weft put order/7 paid:=true --ack 3 --timeout 5s",
                "echo '{\"soul\":\"bob\",\"fields\":{\"name\":\"Bob\"}}' | weft put -",
            ],
            Resources = ["PATCH /node", "POST /nodes:batch"],
        };
        command.Arguments.Add(Soul);
        command.Arguments.Add(Pairs);
        command.Options.Add(Ack);
        command.Run(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        string soul = context.Value(Soul)!;
        string[] words = context.Value(Pairs) ?? [];
        if (soul == "-")
        {
            return words.Length > 0
                ? throw CliException.Usage("\"-\" reads nodes from stdin; fields beside it make no sense")
                : await ImportCommand.RunStreamAsync(context, context.Host.InBytes, cancellationToken);
        }

        if (words.Length == 0)
        {
            throw CliException.Usage("nothing to write; name at least one field", "weft put SOUL name=Ada");
        }

        FieldPair[] pairs = [.. words.Select(FieldPair.Parse)];
        if (pairs.Select(pair => pair.Name).Distinct().Count() < pairs.Length)
        {
            throw CliException.Usage("a field is named twice");
        }

        string? ack = context.Value(Ack);
        bool waitsForPeers = int.TryParse(ack, NumberStyles.None, CultureInfo.InvariantCulture, out int peers);
        if (ack is not (null or "memory" or "buffered" or "disk") && !waitsForPeers)
        {
            throw CliException.Usage($"--ack takes memory, buffered, disk or a number of peers, not \"{ack}\"");
        }

        WeftClient client = await context.ConnectAsync(cancellationToken);
        string? timeout = null;
        if (waitsForPeers && context.Settings.Timeout is { } wait)
        {
            timeout = string.Create(CultureInfo.InvariantCulture, $"{(long)wait.TotalMilliseconds}ms");
            client.WaitForDeadline();
        }

        long start = context.Host.Time.GetTimestamp();
        using JsonDocument answer = await client.SendAsync(
            HttpMethod.Patch, WeftClient.Path("node", ("soul", soul), ("ack", ack), ("timeout", timeout)),
            FieldPair.Body(pairs), cancellationToken);
        WrittenAnswer.Print(
            context, soul, WrittenAnswer.Fields(pairs.Length), answer.RootElement,
            context.Host.Time.GetElapsedTime(start));
        if (waitsForPeers && !answer.RootElement.Flag("complete"))
        {
            context.Output.Note(
                $"written here; {answer.RootElement.Long("peers")} of {peers} peers held it when the time was over, "
                + "and it goes on to the others");
            return ExitCode.Deadline;
        }

        return ExitCode.Done;
    }
}
