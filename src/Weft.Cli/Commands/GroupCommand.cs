using System.CommandLine;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Http;
using Weft.Cli.Output;

namespace Weft.Cli.Commands;

/// <summary>Groups of the node's key: for whom private values are sealed.</summary>
internal static class GroupCommand
{
    private static readonly Argument<string> Name = new("name") { Description = "The group; everybody can read its name." };

    private static readonly Argument<string[]> Members = new("key")
    {
        Description = "Keys of members: 43 characters, as weft id show prints.",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private static readonly Argument<string[]> Added = new("key")
    {
        Description = "Keys of members: 43 characters, as weft id show prints.",
        Arity = ArgumentArity.OneOrMore,
    };

    private static readonly Argument<string> Removed = new("key") { Description = "The key of the member." };

    private static readonly Option<bool> FromNowOn = new("--from-now-on")
    {
        Description = "What was sealed before stays closed to them.",
    };

    public static Command Build()
    {
        var make = new WeftCommand("new", "Make a group that the node's key owns.")
        {
            Examples = ["weft group new family KEY KEY"],
            Resources = ["POST /groups"],
        };
        make.Arguments.Add(Name);
        make.Arguments.Add(Members);
        make.Run((context, stop) => PostAsync(context, context.Value(Members) ?? [], false, stop));
        var add = new WeftCommand("add", "Add members; they read what was sealed before, unless told otherwise.")
        {
            Examples = ["weft group add family KEY", "weft group add family KEY --from-now-on"],
            Resources = ["POST /groups"],
        };
        add.Arguments.Add(Name);
        add.Arguments.Add(Added);
        add.Options.Add(FromNowOn);
        add.Run((context, stop) => PostAsync(context, context.Value(Added) ?? [], context.Value(FromNowOn), stop));
        var remove = new WeftCommand("rm", "Remove a member: the others get a new key.")
        {
            Examples = ["weft group rm family KEY"],
            Resources = ["DELETE /groups"],
            Remarks = "What he could read before stays readable to him; what is sealed from now on does not become so.",
        };
        remove.Arguments.Add(Name);
        remove.Arguments.Add(Removed);
        remove.Run(RemoveAsync);
        var rotate = new WeftCommand("rotate", "Make a new key for the same members.")
        {
            Examples = ["weft group rotate family"],
            Resources = ["POST /groups/rotate"],
        };
        rotate.Arguments.Add(Name);
        rotate.Run(RotateAsync);
        var list = new WeftCommand("ls", "List groups and their members.")
        {
            Examples = ["weft group ls"],
            Resources = ["GET /groups"],
        };
        list.Run(ListAsync);
        var command = new WeftCommand("group", "Groups that private values are sealed for: new, add, rm, rotate, ls.")
        {
            Examples = ["weft group ls", "weft group new family KEY"],
        };
        foreach (Command sub in (Command[])[make, add, remove, rotate, list])
        {
            command.Subcommands.Add(sub);
        }

        command.Run(ListAsync);
        return command;
    }

    private static async Task<int> PostAsync(
        CommandContext context, string[] members, bool fromNowOn, CancellationToken cancellationToken)
    {
        byte[] body = JsonBuild.Object(writer =>
        {
            writer.WriteString("name", context.Value(Name));
            JsonBuild.Texts(writer, "members", members);
            writer.WriteBoolean("fromNowOn", fromNowOn);
        });
        WeftClient client = await context.ConnectAsync(cancellationToken);
        using JsonDocument answer = await client.SendAsync(
            HttpMethod.Post, WeftClient.Path("groups"), body, cancellationToken);
        Print(context, [answer.RootElement]);
        return ExitCode.Done;
    }

    private static async Task<int> RemoveAsync(CommandContext context, CancellationToken cancellationToken)
    {
        WeftClient client = await context.ConnectAsync(cancellationToken);
        using JsonDocument answer = await client.SendAsync(
            HttpMethod.Delete,
            WeftClient.Path("groups", ("name", context.Value(Name)), ("member", context.Value(Removed))),
            cancellationToken);
        Print(context, [answer.RootElement]);
        return ExitCode.Done;
    }

    private static async Task<int> RotateAsync(CommandContext context, CancellationToken cancellationToken)
    {
        byte[] body = JsonBuild.Object(writer => writer.WriteString("name", context.Value(Name)));
        WeftClient client = await context.ConnectAsync(cancellationToken);
        using JsonDocument answer = await client.SendAsync(
            HttpMethod.Post, WeftClient.Path("groups/rotate"), body, cancellationToken);
        Print(context, [answer.RootElement]);
        return ExitCode.Done;
    }

    private static async Task<int> ListAsync(CommandContext context, CancellationToken cancellationToken)
    {
        WeftClient client = await context.ConnectAsync(cancellationToken);
        using JsonDocument answer = await client.GetAsync(WeftClient.Path("groups"), cancellationToken);
        Print(context, [.. answer.RootElement.Items("items")]);
        return ExitCode.Done;
    }

    private static void Print(CommandContext context, IReadOnlyList<JsonElement> groups)
    {
        var table = new TextTable("group", "owner", "member", "standing");
        foreach (JsonElement group in groups)
        {
            if (context.Output.IsJson)
            {
                context.Output.Json(group);
                continue;
            }

            foreach (JsonElement member in group.Items("members"))
            {
                string standing = !member.Flag("isMember") ? "removed" : member.Flag("hasKey") ? "in" : "in, no key yet";
                table.Add(
                    group.Text("name") ?? "", group.Text("owner") ?? "", member.Text("key") ?? "", standing);
            }
        }

        if (table.Rows.Count > 0)
        {
            context.Output.Table(table);
        }
        else if (!context.Output.IsJson)
        {
            context.Output.Note("no groups");
        }
    }
}
