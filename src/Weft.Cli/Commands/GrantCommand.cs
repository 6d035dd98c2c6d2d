using System.CommandLine;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Http;
using Weft.Cli.Output;

namespace Weft.Cli.Commands;

/// <summary>Grants of the node's key: give, list, take back.</summary>
internal static class GrantCommand
{
    private static readonly Argument<string> Audience = new("key")
    {
        Description = "The key of the one who may use it: 43 characters, as weft id show prints.",
    };

    private static readonly Argument<string> Id = new("id") { Description = "The id in the list." };

    private static readonly Option<string[]> Right = Many(
        "--right", "RIGHT", "read, write or admin; may be repeated. None includes another. Default: read.");

    private static readonly Option<string[]> Prefix = Many(
        "--prefix", "PREFIX", "Souls that start so; may be repeated, up to 8. Must be named: \"\" is every soul.");

    private static readonly Option<string[]> Field = Many(
        "--field", "FIELD", "Only this field, or all that start so with * at the end; may be repeated, up to 8.");

    private static readonly Option<string?> Expires = new("--expires")
    {
        Description = "How long it holds, for example 12h or 30d. Default: 1d.",
        HelpName = "DURATION",
    };

    private static readonly Option<int> Delegations = new("--delegations")
    {
        Description = "How often it may be handed on: 0 to 3. Default: 0.",
        HelpName = "N",
        DefaultValueFactory = _ => 0,
    };

    private static readonly Option<string?> From = new("--from")
    {
        Description = "File with a grant that is for this node: hand it on, or less of it.",
        HelpName = "FILE",
    };

    private static readonly Option<string?> Reason = new("--reason")
    {
        Description = "Why; everybody can read it. At most 200 characters.",
        HelpName = "TEXT",
    };

    public static Command Build()
    {
        var give = new WeftCommand("give", "Sign a grant with the node's key; it is printed alone on stdout.")
        {
            Examples =
            [
                "weft grant give KEY --right read --prefix photos/ --expires 7d > photos.grant",
                "weft grant give KEY --right read --right write --prefix 'notes$KEY/' --delegations 1",
                "weft grant give KEY --right admin --prefix \"\" --expires 2h",
            ],
            Resources = ["POST /grants"],
            Remarks = "A grant is good for writes to what the node's key owns, on every peer, and for sessions at this "
                + "node's HTTP interface. It is worth nothing without the key it is for.",
        };
        give.Arguments.Add(Audience);
        foreach (Option option in (Option[])[Right, Prefix, Field, Expires, Delegations, From])
        {
            give.Options.Add(option);
        }

        give.Run(GiveAsync);
        var list = new WeftCommand("ls", "List the grants that the node's key has signed.")
        {
            Examples = ["weft grant ls"],
            Resources = ["GET /grants"],
        };
        list.Run(ListAsync);
        var revoke = new WeftCommand("revoke", "Take a grant back, and all that was handed on from it.")
        {
            Examples = ["weft grant revoke ID --reason \"left the team\""],
            Resources = ["DELETE /grants"],
            Remarks = "It counts at each peer from when the record reaches it, for writes with a later state.",
        };
        revoke.Arguments.Add(Id);
        revoke.Options.Add(Reason);
        revoke.Run(RevokeAsync);
        var command = new WeftCommand("grant", "Signed permissions: give, list, revoke.")
        {
            Examples = ["weft grant ls", "weft grant give KEY --prefix photos/"],
        };
        foreach (Command sub in (Command[])[give, list, revoke])
        {
            command.Subcommands.Add(sub);
        }

        command.Run(ListAsync);
        return command;
    }

    private static async Task<int> GiveAsync(CommandContext context, CancellationToken cancellationToken)
    {
        string[] rights = context.Value(Right) is { Length: > 0 } given ? given : ["read"];
        string[] prefixes = context.Value(Prefix) is { Length: > 0 } named
            ? named
            : throw CliException.Usage("name what is granted with --prefix", "weft grant give KEY --prefix photos/");
        string lifetime = context.Value(Expires) ?? "1d";
        if (!Units.TryDuration(lifetime, out TimeSpan duration))
        {
            throw CliException.Usage($"\"{lifetime}\" is not a duration; write for example 12h or 30d");
        }

        string? from = context.Value(From) is { } file
            ? (await File.ReadAllTextAsync(file, cancellationToken)).Trim()
            : null;
        byte[] body = JsonBuild.Object(writer =>
        {
            writer.WriteString("audience", context.Value(Audience));
            JsonBuild.Texts(writer, "rights", rights);
            JsonBuild.Texts(writer, "prefixes", prefixes);
            JsonBuild.Texts(writer, "fields", context.Value(Field) ?? []);
            writer.WriteNumber("lifetimeMs", (long)duration.TotalMilliseconds);
            writer.WriteNumber("delegations", context.Value(Delegations));
            if (from is not null)
            {
                writer.WriteString("from", from);
            }
        });
        WeftClient client = await context.ConnectAsync(cancellationToken);
        using JsonDocument answer = await client.SendAsync(
            HttpMethod.Post, WeftClient.Path("grants"), body, cancellationToken);
        if (context.Output.IsJson)
        {
            context.Output.Json(answer.RootElement);
            return ExitCode.Done;
        }

        context.Output.Line(answer.RootElement.Text("grant") ?? "");
        context.Output.Note(
            $"grant {answer.RootElement.Text("id")}: {Words(answer.RootElement, "rights")} under "
            + $"{Quoted(answer.RootElement)}, until {answer.RootElement.Text("expiresAt")}");
        return ExitCode.Done;
    }

    private static async Task<int> ListAsync(CommandContext context, CancellationToken cancellationToken)
    {
        WeftClient client = await context.ConnectAsync(cancellationToken);
        using JsonDocument answer = await client.GetAsync(WeftClient.Path("grants"), cancellationToken);
        var table = new TextTable("id", "for", "rights", "prefixes", "until", "revoked");
        foreach (JsonElement grant in answer.RootElement.Items("items"))
        {
            if (context.Output.IsJson)
            {
                context.Output.Json(grant);
                continue;
            }

            table.Add(
                grant.Text("id") ?? "", grant.Text("audience") ?? "", Words(grant, "rights"), Quoted(grant),
                grant.Text("expiresAt") ?? "", grant.Text("revokedAt") ?? "");
        }

        if (table.Rows.Count > 0)
        {
            context.Output.Table(table);
        }
        else
        {
            context.Output.Note("no grants");
        }

        return ExitCode.Done;
    }

    private static async Task<int> RevokeAsync(CommandContext context, CancellationToken cancellationToken)
    {
        string id = context.Value(Id)!;
        WeftClient client = await context.ConnectAsync(cancellationToken);
        using JsonDocument answer = await client.SendAsync(
            HttpMethod.Delete, WeftClient.Path("grants", ("id", id), ("reason", context.Value(Reason))),
            cancellationToken);
        if (context.Output.IsJson)
        {
            context.Output.Json(answer.RootElement);
        }
        else
        {
            context.Output.Cells(id, answer.RootElement.Long("applied") > 0 ? "revoked" : "was revoked before");
        }

        return ExitCode.Done;
    }

    private static Option<string[]> Many(string name, string placeholder, string description) =>
        new(name) { Description = description, HelpName = placeholder, DefaultValueFactory = _ => [] };

    private static string Words(JsonElement grant, string name) =>
        string.Join(' ', grant.Items(name).Select(item => item.GetString()));

    private static string Quoted(JsonElement grant) =>
        string.Join(' ', grant.Items("prefixes").Select(item => $"\"{item.GetString()}\""));
}
