using System.Buffers;
using System.CommandLine;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Http;
using Weft.Cli.Output;

namespace Weft.Cli.Commands;

/// <summary>Tokens of a node's own API: list, make, take back.</summary>
internal static class TokenCommand
{
    private static readonly Argument<string> Name = new("name") { Description = "What people call it." };

    private static readonly Argument<string> Id = new("id") { Description = "The id in the list." };

    private static readonly Option<string[]> Scope = new("--scope")
    {
        Description = "What it may do: read, write, admin or metrics; may be repeated. None includes another. "
            + "Default: read.",
        HelpName = "SCOPE",
        DefaultValueFactory = _ => [],
    };

    private static readonly Option<string?> Prefix = new("--prefix")
    {
        Description = "Only souls that start so; with read and write.",
        HelpName = "PREFIX",
    };

    private static readonly Option<string?> Expires = new("--expires")
    {
        Description = "How long it holds, for example 12h or 30d. Default: until it is revoked.",
        HelpName = "DURATION",
    };

    public static Command Build()
    {
        var list = new WeftCommand("ls", "List tokens, without their secrets.")
        {
            Examples = ["weft token ls"],
            Resources = ["GET /tokens"],
        };
        list.Run(ListAsync);
        var make = new WeftCommand("new", "Make a token. It is printed once and kept as a digest only.")
        {
            Examples =
            [
                "weft token new grafana --scope metrics", "weft token new ci --scope read --scope write --expires 30d",
                "weft token new sensor --scope write --prefix sensor/ > sensor.token",
            ],
            Resources = ["POST /tokens"],
            Remarks = "The token stands alone on stdout, so that it can go into a file; use it with --token-file, "
                + "WEFT_TOKEN or WEFT_TOKEN_FILE.",
        };
        make.Arguments.Add(Name);
        make.Options.Add(Scope);
        make.Options.Add(Prefix);
        make.Options.Add(Expires);
        make.Run(NewAsync);
        var revoke = new WeftCommand("revoke", "Take a token back, at once.")
        {
            Examples = ["weft token revoke 5f0c6a1e93b7d284"],
            Resources = ["DELETE /tokens"],
        };
        revoke.Arguments.Add(Id);
        revoke.Run(RevokeAsync);
        var command = new WeftCommand("token", "Tokens of a node's API: list, make, revoke.")
        {
            Examples = ["weft token ls", "weft token new phone --scope read --prefix photos/"],
            Remarks = "The token of the first start, in the file token of the data folder, has every scope and is not "
                + "listed; replace the file and restart the node to change it.",
        };
        command.Subcommands.Add(list);
        command.Subcommands.Add(make);
        command.Subcommands.Add(revoke);
        command.Run(ListAsync);
        return command;
    }

    private static async Task<int> ListAsync(CommandContext context, CancellationToken cancellationToken)
    {
        WeftClient client = await context.ConnectAsync(cancellationToken);
        using JsonDocument answer = await client.GetAsync(WeftClient.Path("tokens"), cancellationToken);
        var table = new TextTable("id", "name", "scopes", "prefix", "expires", "made");
        foreach (JsonElement token in answer.RootElement.Items("items"))
        {
            if (context.Output.IsJson)
            {
                context.Output.Json(token);
                continue;
            }

            string expires = token.Text("expiresAt") ?? "never";
            table.Add(
                token.Text("id") ?? "", token.Text("name") ?? "", Scopes(token), token.Text("prefix") ?? "",
                token.Flag("expired") ? expires + " (over)" : expires, token.Text("createdAt") ?? "");
        }

        if (table.Rows.Count > 0)
        {
            context.Output.Table(table);
        }
        else
        {
            context.Output.Note("no tokens beside the first one");
        }

        return ExitCode.Done;
    }

    private static async Task<int> NewAsync(CommandContext context, CancellationToken cancellationToken)
    {
        byte[] body = Body(context);
        WeftClient client = await context.ConnectAsync(cancellationToken);
        using JsonDocument answer = await client.SendAsync(
            HttpMethod.Post, WeftClient.Path("tokens"), body, cancellationToken);
        JsonElement token = answer.RootElement;
        if (context.Output.IsJson)
        {
            context.Output.Json(token);
            return ExitCode.Done;
        }

        context.Output.Line(token.Text("token") ?? "");
        string until = token.Text("expiresAt") is { } end ? $"until {end}" : "until it is revoked";
        string where = token.Text("prefix") is { Length: > 0 } prefix ? $" under \"{PlainText.OneLine(prefix)}\"" : "";
        context.Output.Note($"token {token.Text("id")}: {Scopes(token)}{where}, {until}; it is not shown again");
        return ExitCode.Done;
    }

    private static async Task<int> RevokeAsync(CommandContext context, CancellationToken cancellationToken)
    {
        string id = context.Value(Id)!;
        WeftClient client = await context.ConnectAsync(cancellationToken);
        using HttpResponseMessage answer = await client.OpenAsync(
            HttpMethod.Delete, WeftClient.Path("tokens", ("id", id)), null, null, cancellationToken);
        context.Output.Done("revoked", id, "revoked");
        return ExitCode.Done;
    }

    private static byte[] Body(CommandContext context)
    {
        string[] scopes = context.Value(Scope) is { Length: > 0 } given ? given : ["read"];
        TimeSpan? lifetime = context.Value(Expires) is not { } text ? null
            : Units.TryDuration(text, out TimeSpan duration) ? duration
            : throw CliException.Usage($"\"{text}\" is not a duration; write for example 12h or 30d");
        var body = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(body, JsonForm.Writer))
        {
            writer.WriteStartObject();
            writer.WriteString("name", context.Value(Name));
            writer.WriteStartArray("scopes");
            foreach (string scope in scopes)
            {
                writer.WriteStringValue(scope);
            }

            writer.WriteEndArray();
            if (context.Value(Prefix) is { } prefix)
            {
                writer.WriteString("prefix", prefix);
            }

            if (lifetime is { } span)
            {
                writer.WriteNumber("lifetimeMs", (long)span.TotalMilliseconds);
            }

            writer.WriteEndObject();
        }

        return body.WrittenSpan.ToArray();
    }

    private static string Scopes(JsonElement token) =>
        string.Join(' ', token.Items("scopes").Select(scope => scope.GetString()));
}
