using System.CommandLine;
using System.Security.Cryptography;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Http;
using Weft.Cli.Output;
using Weft.Primitives;

namespace Weft.Cli.Commands;

/// <summary>Sets as GUN has them: a node whose field names are the souls of its members, each a link.</summary>
internal static class SetCommand
{
    private static readonly Argument<string> Soul = new("soul") { Description = "The set's node." };

    private static readonly Argument<string[]> Members = new("member")
    {
        Description = "Souls to add; or k=v words, which make one new node and add it.",
        HelpName = "SOUL|k=v",
        Arity = ArgumentArity.OneOrMore,
    };

    private static readonly Argument<string[]> Leaving = new("member")
    {
        Description = "Souls to take out; the nodes themselves stay.",
        HelpName = "SOUL",
        Arity = ArgumentArity.OneOrMore,
    };

    public static Command Build()
    {
        var command = new WeftCommand("set", "Add to, take from and list sets.")
        {
            Examples =
            [
                "weft set add posts post/1 post/2", "weft set add posts title=Hello by:@alice",
                "weft set rm posts post/1", "weft set ls posts",
            ],
        };
        var add = new WeftCommand("add", "Add members.")
        {
            Examples = ["weft set add posts post/1"],
            Resources = ["PATCH /node"],
        };
        add.Arguments.Add(Soul);
        add.Arguments.Add(Members);
        add.Run(AddAsync);
        var remove = new WeftCommand("rm", "Take members out.")
        {
            Examples = ["weft set rm posts post/1"],
            Resources = ["PATCH /node"],
        };
        remove.Arguments.Add(Soul);
        remove.Arguments.Add(Leaving);
        remove.Run(RemoveAsync);
        var list = new WeftCommand("ls", "List the souls of the members.")
        {
            Examples = ["weft set ls posts"],
            Resources = ["GET /node"],
        };
        list.Arguments.Add(Soul);
        list.Run(ListAsync);
        command.Subcommands.Add(add);
        command.Subcommands.Add(remove);
        command.Subcommands.Add(list);
        return command;
    }

    private static async Task<int> AddAsync(CommandContext context, CancellationToken cancellationToken)
    {
        string soul = context.Value(Soul)!;
        string[] members = context.Value(Members)!;
        WeftClient client = await context.ConnectAsync(cancellationToken);
        if (members.All(member => member.Contains('=') || member.Contains(":@", StringComparison.Ordinal)))
        {
            string made = $"{soul}/{RandomNumberGenerator.GetString("abcdefghijkmnpqrstuvwxyz23456789", 20)}";
            using JsonDocument node = await client.SendAsync(
                HttpMethod.Patch, WeftClient.Path("node", ("soul", made)),
                FieldPair.Body(members.Select(FieldPair.Parse)), cancellationToken);
            members = [made];
        }

        string[] souls = [.. members.Select(member => member.TrimStart('@')).Distinct()];
        return await WriteAsync(
            context, client, soul, souls.Select(member => new FieldPair(member, FieldPair.LinkJson(member))),
            souls.Length == 1 ? "added " + souls[0] : $"{souls.Length} added", cancellationToken);
    }

    private static async Task<int> RemoveAsync(CommandContext context, CancellationToken cancellationToken)
    {
        string[] souls = [.. context.Value(Leaving)!.Select(member => member.TrimStart('@')).Distinct()];
        WeftClient client = await context.ConnectAsync(cancellationToken);
        return await WriteAsync(
            context, client, context.Value(Soul)!, souls.Select(member => new FieldPair(member, "null")),
            $"{souls.Length} taken out", cancellationToken);
    }

    private static async Task<int> WriteAsync(
        CommandContext context, WeftClient client, string soul, IEnumerable<FieldPair> pairs, string what,
        CancellationToken cancellationToken)
    {
        long start = context.Host.Time.GetTimestamp();
        using JsonDocument answer = await client.SendAsync(
            HttpMethod.Patch, WeftClient.Path("node", ("soul", soul)), FieldPair.Body(pairs), cancellationToken);
        WrittenAnswer.Print(context, soul, what, answer.RootElement, context.Host.Time.GetElapsedTime(start));
        return ExitCode.Done;
    }

    private static async Task<int> ListAsync(CommandContext context, CancellationToken cancellationToken)
    {
        string soul = context.Value(Soul)!;
        WeftClient client = await context.ConnectAsync(cancellationToken);
        string? after = null;
        long count = 0;
        do
        {
            using JsonDocument answer = await client.GetAsync(
                WeftClient.Path("node", ("soul", soul), ("after", after), ("limit", "10000")), cancellationToken);
            string? last = null;
            foreach (JsonProperty property in answer.RootElement.Members("fields"))
            {
                last = property.Name;
                if (ValueText.LinkOf(property.Value) is { } member)
                {
                    count++;
                    Print(context.Output, member);
                }
            }

            after = answer.RootElement.Flag("more") ? last : null;
        }
        while (after is not null);

        return count > 0 ? ExitCode.Done : throw new CliException(WeftError.Absent, $"\"{soul}\" has no members here");
    }

    private static void Print(CliOutput output, string member)
    {
        if (output.IsJson)
        {
            output.Json(writer =>
            {
                writer.WriteStartObject();
                writer.WriteString("soul", member);
                writer.WriteEndObject();
            });
        }
        else
        {
            output.Line(PlainText.OneLine(member));
        }
    }
}
