using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Http;
using Weft.Cli.Output;
using Weft.Crypto;
using Weft.Graph.Access;
using Weft.Graph.Policy;

namespace Weft.Cli.Commands;

/// <summary>Policies of prefixes and nodes: who may write, what is valid, how fields merge.</summary>
/// <remarks>A policy is signed data of the graph, written as any other field. Source: docs/spec/policy.md.</remarks>
internal static class PolicyCommand
{
    private static readonly Argument<string> Prefix = new("prefix")
    {
        Description = "The prefix the policy rules, such as $KEY/blog/; with --node the soul of one node.",
    };

    private static readonly Argument<string> Document =
        new("file") { Description = "JSON of the policy; - reads stdin." };

    private static readonly Option<bool> OfNode =
        new("--node") { Description = "The policy of one node, not of a prefix." };

    private static readonly Option<bool> AllVersions =
        new("--all") { Description = "Every version, not only the newest." };

    public static Command Build()
    {
        var set = new WeftCommand("set", "Sign a policy with the node's key and put it in force from now on.")
        {
            Examples = ["weft policy set '$KEY/people/' people.json", "weft policy set --node '$KEY/me' - < me.json"],
            Resources = ["GET /node", "PATCH /node"],
            Remarks = "What was written before is judged by the versions of its own time.",
        };
        set.Arguments.Add(Prefix);
        set.Arguments.Add(Document);
        set.Options.Add(OfNode);
        set.Run(SetAsync);
        var show = new WeftCommand("show", "Print the newest policy.")
        {
            Examples = ["weft policy show '$KEY/people/'", "weft policy show '$KEY/people/' --all"],
            Resources = ["GET /node"],
        };
        show.Arguments.Add(Prefix);
        show.Options.Add(OfNode);
        show.Options.Add(AllVersions);
        show.Run(ShowAsync);
        var check = new WeftCommand("check", "Say what is wrong with a policy, and print it as it would be stored.")
        {
            Examples = ["weft policy check people.json"],
        };
        check.Arguments.Add(Document);
        check.Run(CheckAsync);
        var command = new WeftCommand("policy", "Who may write under a prefix, what is valid there: set, show, check.")
        {
            Examples = ["weft policy check people.json", "weft policy set '$KEY/people/' people.json"],
        };
        foreach (Command sub in (Command[])[set, show, check])
        {
            command.Subcommands.Add(sub);
        }

        return command;
    }

    private static async Task<int> SetAsync(CommandContext context, CancellationToken cancellationToken)
    {
        string soul = SoulOf(context);
        string text = await ReadAsync(context, cancellationToken);
        WeftClient client = await context.ConnectAsync(cancellationToken);
        using JsonDocument node = await ReadNodeAsync(client, soul, cancellationToken);
        string version = ((VersionsOf(node.RootElement).LastOrDefault()?.Number ?? 0) + 1)
            .ToString(CultureInfo.InvariantCulture);
        long start = context.Host.Time.GetTimestamp();
        using JsonDocument answer = await client.SendAsync(
            HttpMethod.Patch, WeftClient.Path("node", ("soul", soul)),
            FieldPair.Body([new(version, FieldPair.TextJson(text))]), cancellationToken);
        WrittenAnswer.Print(
            context, soul, $"version {version}", answer.RootElement, context.Host.Time.GetElapsedTime(start));
        return ExitCode.Done;
    }

    private static async Task<int> ShowAsync(CommandContext context, CancellationToken cancellationToken)
    {
        WeftClient client = await context.ConnectAsync(cancellationToken);
        using JsonDocument node = await ReadNodeAsync(client, SoulOf(context), cancellationToken);
        PolicyVersion[] versions = [.. VersionsOf(node.RootElement)];
        if (versions.Length == 0)
        {
            context.Output.Note(
                $"no policy is known for \"{context.Value(Prefix)}\"; everybody may write what no key owns");
            return ExitCode.NothingThere;
        }

        foreach (PolicyVersion version in context.Value(AllVersions) ? versions : versions[^1..])
        {
            if (context.Output.IsJson)
            {
                context.Output.Json(writer =>
                {
                    writer.WriteStartObject();
                    writer.WriteNumber("version", version.Number);
                    writer.WriteString("policy", version.Text);
                    writer.WriteEndObject();
                });
            }
            else
            {
                context.Output.Line(version.Text);
            }
        }

        return ExitCode.Done;
    }

    private static async Task<int> CheckAsync(CommandContext context, CancellationToken cancellationToken)
    {
        context.Output.Line(await ReadAsync(context, cancellationToken));
        return ExitCode.Done;
    }

    private static string SoulOf(CommandContext context) =>
        (context.Value(OfNode) ? Ownership.NodePolicy : Ownership.PrefixPolicy) + context.Value(Prefix);

    /// <summary>The document in the form in which it is stored.</summary>
    private static async Task<string> ReadAsync(CommandContext context, CancellationToken cancellationToken)
    {
        string file = context.Value(Document)!;
        byte[] json;
        try
        {
            using Stream stream = file == "-" ? context.Host.InBytes : File.OpenRead(file);
            json = new byte[PolicyLimits.DocumentBytesMax + 1];
            int length = await stream.ReadAtLeastAsync(json, json.Length, throwOnEndOfStream: false, cancellationToken);
            json = json[..length];
        }
        catch (Exception broken) when (broken is IOException or UnauthorizedAccessException)
        {
            throw CliException.Usage($"cannot read {file}: {broken.Message}");
        }

        if (json.Length > PolicyLimits.DocumentBytesMax)
        {
            throw CliException.Usage($"a policy has at most {PolicyLimits.DocumentBytesMax} bytes");
        }

        return PolicyDocumentCodec.Canonicalize(json, PlatformCrypto.Create(), out string? fault)
            ?? throw CliException.Usage($"{file} is no policy: {fault}", "weft policy check FILE");
    }

    private static Task<JsonDocument> ReadNodeAsync(
        WeftClient client, string soul, CancellationToken cancellationToken) =>
        client.GetAsync(WeftClient.Path("node", ("soul", soul), ("limit", "10000")), cancellationToken);

    private static IEnumerable<PolicyVersion> VersionsOf(JsonElement node) =>
        node.Members("fields")
            .Where(field => field.Value.ValueKind == JsonValueKind.String)
            .Select(field => long.TryParse(field.Name, NumberStyles.None, CultureInfo.InvariantCulture, out long number)
                ? new PolicyVersion(number, field.Value.GetString()!)
                : null)
            .OfType<PolicyVersion>()
            .OrderBy(version => version.Number);

    private sealed record PolicyVersion(long Number, string Text);
}
