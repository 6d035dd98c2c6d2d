using System.Globalization;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Http;
using Weft.Cli.Output;
using Weft.Crypto;
using Weft.Graph.History;
using Weft.Log;
using Weft.Node.History;
using Weft.Primitives;

namespace Weft.Cli.Commands;

/// <summary>Checks the proofs of a node's versions, trusting nothing but the key of the log.</summary>
internal static class HistoryProofs
{
    private const int PageMax = 100;

    /// <summary>Gets versions with their proofs, checks each, and that none between them is missing.</summary>
    public static async Task<int> RunAsync(
        CommandContext context, string soul, int limit, CancellationToken cancellationToken)
    {
        WeftClient client = await context.ConnectAsync(cancellationToken);
        ICrypto crypto = PlatformCrypto.Create();
        int left = limit == 0 ? int.MaxValue : limit;
        long? before = null;
        HistoryProof? newer = null;
        var table = new TextTable(">version", "time", "field", "value", "log", ">block", ">signed length");
        long shown = 0;
        do
        {
            using JsonDocument answer = await client.GetAsync(
                WeftClient.Path(
                    "history", ("soul", soul), ("proof", "true"),
                    ("limit", Text(Math.Min(left, PageMax))), ("before", before is { } end ? Text(end) : null)),
                cancellationToken);
            foreach (JsonElement item in answer.RootElement.Items("items"))
            {
                newer = Check(context, crypto, soul, item, before, newer, table);
                before = item.Long("version");
                shown++;
                left--;
            }

            if (shown == 0)
            {
                throw new CliException(WeftError.Absent, $"no history of \"{soul}\" is kept here");
            }

            before = answer.RootElement.Member("next") is null ? null : before;
        }
        while (before is not null && left > 0);
        if (!context.Output.IsJson)
        {
            context.Output.Table(table);
            context.Output.Note(
                $"{shown} versions stand in the log as they are shown, one after the other, none between them");
        }

        return ExitCode.Done;
    }

    private static HistoryProof Check(
        CommandContext context, ICrypto crypto, string soul, JsonElement item, long? above, HistoryProof? newer,
        TextTable table)
    {
        long number = item.Long("version");
        if (item.Text("proof") is not { } text || !Hash32.TryParse(item.Text("log"), out Hash32 key))
        {
            throw new CliException(
                WeftError.LogProofRefused, $"version {number} of \"{soul}\" stands in no signed log")
            {
                Try = [$"weft retain \"{soul}\" --log"],
            };
        }

        var proof = new HistoryProof(key, item.Long("block"), Bytes(text));
        HistoryVersion? version = proof.Check(crypto, out ProvenBlock? proven);
        bool isShown = version is not null && version.Soul == soul && version.Number == number
            && (above is null || above == number + 1)
            && (newer is null || newer.LogKey != key || newer.Block > proof.Block)
            && item.Items("changes").Select(change => (change.Text("field"), change.GetProperty("value").GetRawText()))
                .SequenceEqual(version.Changes.Select(change => ((string?)change.Field, change.Value.ToString())));
        if (!isShown)
        {
            throw new CliException(
                WeftError.LogProofRefused,
                $"version {number} of \"{soul}\" is not what the log {key} holds at block {proof.Block}");
        }

        if (context.Output.IsJson)
        {
            context.Output.Json(json => Write(json, item, proven!));
        }
        else
        {
            foreach (JsonElement change in item.Items("changes"))
            {
                table.Add(
                    Text(number), item.Text("time") ?? "", change.Text("field") ?? "",
                    LossTable.Value(change, context.Output), key.ToString()[..12], Text(proof.Block),
                    Text(proven!.Length));
            }
        }

        return proof;
    }

    private static void Write(Utf8JsonWriter json, JsonElement item, ProvenBlock proven)
    {
        json.WriteStartObject();
        foreach (JsonProperty member in item.EnumerateObject())
        {
            member.WriteTo(json);
        }

        json.WriteBoolean("proven", true);
        json.WriteNumber("signedLength", proven.Length);
        json.WriteString("treeHash", proven.TreeHash.ToString());
        json.WriteEndObject();
    }

    private static byte[] Bytes(string text)
    {
        byte[] bytes = new byte[text.Length];
        return Convert.TryFromBase64String(text, bytes, out int length) ? bytes[..length] : [];
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
