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

/// <summary>Puts what is kept of the past into the signed policy of a prefix; the rest of the policy stays.</summary>
internal static class RetainPolicy
{
    public static async Task<int> SetAsync(
        CommandContext context, WeftClient client, string prefix, HistoryRule rule, CancellationToken cancellationToken)
    {
        string soul = Ownership.PrefixPolicy + prefix;
        using JsonDocument node = await client.GetAsync(
            WeftClient.Path("node", ("soul", soul), ("limit", "10000")), cancellationToken);
        int version = 0;
        string text = "";
        foreach (JsonProperty field in node.RootElement.Members("fields"))
        {
            if (int.TryParse(field.Name, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
                && number > version && field.Value.ValueKind == JsonValueKind.String)
            {
                (version, text) = (number, field.Value.GetString()!);
            }
        }

        ICrypto crypto = PlatformCrypto.Create();
        string next = Next(text, prefix, rule, crypto);
        long start = context.Host.Time.GetTimestamp();
        string name = (version + 1).ToString(CultureInfo.InvariantCulture);
        using JsonDocument answer = await client.SendAsync(
            HttpMethod.Patch, WeftClient.Path("node", ("soul", soul)),
            FieldPair.Body([new(name, FieldPair.TextJson(next))]), cancellationToken);
        WrittenAnswer.Print(
            context, soul, $"version {name}: {rule}", answer.RootElement, context.Host.Time.GetElapsedTime(start));
        return ExitCode.Done;
    }

    /// <summary>The next version: the newest with another word about history, or one that says only that.</summary>
    private static string Next(string text, string prefix, HistoryRule rule, ICrypto crypto)
    {
        // Without a policy a soul with an owner is written by him, any other by everybody: so it stays.
        bool isOwned = Ownership.Of(prefix).Kind is SoulOwnerKind.Native;
        string known = text.Length > 0 ? text : $"{{\"class\":\"{(isOwned ? "protected" : "public")}\",\"weft\":1}}";
        PolicyDocument? document = PolicyDocumentCodec.Read(known, crypto, out string? fault);
        if (document is not { IsUnknown: false })
        {
            throw CliException.Usage($"the newest policy of \"{prefix}\" cannot be changed here: {fault}");
        }

        using JsonDocument before = JsonDocument.Parse(known);
        ReadOnlyMemory<byte> json = JsonBuild.Object(writer =>
        {
            foreach (JsonProperty member in before.RootElement.EnumerateObject())
            {
                if (member.Name != "history")
                {
                    member.WriteTo(writer);
                }
            }

            writer.WritePropertyName("history");
            writer.WriteRawValue(rule.ToJsonText());
        });
        return PolicyDocumentCodec.Canonicalize(json.Span, crypto, out fault)
            ?? throw CliException.Usage($"the policy would not be valid: {fault} ({Encoding.UTF8.GetString(json.Span)})");
    }
}
