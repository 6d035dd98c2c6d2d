using System.CommandLine;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Http;

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
        Description = "Answer when the write is held so firmly: memory, buffered or disk.",
        HelpName = "LEVEL",
    };

    public static Command Build()
    {
        var command = new WeftCommand("put", "Write fields of a node.")
        {
            Examples =
            [
                "weft put alice name=Ada born:=1815 boss:@mark",
                "weft put note/1 'text=two = signs are fine' done:=false",
                "echo '{\"soul\":\"bob\",\"fields\":{\"name\":\"Bob\"}}' | weft put -",
            ],
            Resources = ["PATCH /node", "POST /nodes:batch"],
        };
        Ack.AcceptOnlyFromAmong("memory", "buffered", "disk");
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

        WeftClient client = await context.ConnectAsync(cancellationToken);
        long start = context.Host.Time.GetTimestamp();
        using JsonDocument answer = await client.SendAsync(
            HttpMethod.Patch, WeftClient.Path("node", ("soul", soul), ("ack", context.Value(Ack))),
            FieldPair.Body(pairs), cancellationToken);
        WrittenAnswer.Print(
            context, soul, WrittenAnswer.Fields(pairs.Length), answer.RootElement,
            context.Host.Time.GetElapsedTime(start));
        return ExitCode.Done;
    }
}
