using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Weft.Graph;
using Weft.Node;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Server.Http;

namespace Weft.Server.Api;

/// <summary>The resource /node: the fields of one node.</summary>
internal static class NodeApi
{
    private const int FieldsDefault = 1_000;
    private const int FieldsMax = 10_000;
    private const int NamedFieldsMax = 100;
    private const int NodesMax = 1_000;
    private const long BytesMax = 16 << 20;

    internal static async Task GetAsync(ApiCall call)
    {
        string soul = call.Soul();
        bool deleted = call.Query.Flag("deleted");
        int depth = (int)call.Query.Whole("depth", 0, 0, 10);
        NodeResult node = call.Query["fields"] is { } names
            ? await ReadNamedAsync(call, soul, names)
            : await ReadRangeAsync(call, soul);
        List<(string Soul, NodeResult Node)> linked = depth == 0 ? [] : await ReadLinkedAsync(call, soul, depth);
        await call.AnswerAsync(StatusCodes.Status200OK, json =>
        {
            json.WriteStartObject();
            WriteNode(json, soul, node, deleted);
            json.WriteString("source", JsonAnswers.Name(node.Source));
            json.WriteNumber("peersAsked", node.PeersAsked);
            if (depth > 0)
            {
                json.WriteStartArray("nodes");
                foreach ((string reached, NodeResult found) in linked)
                {
                    json.WriteStartObject();
                    WriteNode(json, reached, found, deleted);
                    json.WriteEndObject();
                }

                json.WriteEndArray();
            }

            json.WriteEndObject();
        });
    }

    internal static async Task PatchAsync(ApiCall call)
    {
        string soul = call.Soul();
        Durability ack = call.Ack(takesPeers: true);
        List<FieldWrite> delta = await ReadRecordAsync(call, soul);
        if (delta.Count == 0)
        {
            throw new ApiException(
                WeftError.RequestMalformed, "\"fields\" is empty; there is nothing to write.") { Path = "fields" };
        }

        await WriteAsync(call, delta, ack);
    }

    internal static async Task PutAsync(ApiCall call)
    {
        string soul = call.Soul();
        Durability ack = call.Ack(takesPeers: true);
        List<FieldWrite> delta = await ReadRecordAsync(call, soul);
        if (delta.Any(write => !double.IsNaN(write.State)))
        {
            throw new ApiException(
                WeftError.RequestMalformed,
                "A replacement takes no states; use PATCH to write with states.") { Path = "states" };
        }

        NodeResult known = await call.Graph.ReadForReplaceAsync(soul, FieldsMax, BytesMax, call.Aborted);
        if (known.More)
        {
            throw new ApiException(
                WeftError.TooComplex,
                $"The node has more than {FieldsMax} fields; delete it or use PATCH. Nothing was stored.");
        }

        var kept = delta.Select(write => write.Field).ToHashSet(StringComparer.Ordinal);
        foreach (StoredField field in known.Fields)
        {
            if (!field.Value.IsNull && !kept.Contains(field.Field))
            {
                delta.Add(new FieldWrite(soul, field.Field, WeftValue.Null, double.NaN));
            }
        }

        await WriteAsync(call, delta, ack);
    }

    internal static async Task DeleteAsync(ApiCall call)
    {
        string soul = call.Soul();
        await call.AnswerAsync(await call.Graph.DeleteAsync(soul, WriteSource.Http, call.Aborted));
    }

    private static async Task WriteAsync(ApiCall call, List<FieldWrite> delta, Durability ack)
    {
        if (delta.Count == 0)
        {
            await call.AnswerAsync(new WriteResult(0, ack, call.Peer.Node.Store.CommittedSequence, 0, 0, 0));
            return;
        }

        if (call.PeersAck() is { } wanted)
        {
            AckedWrite acked = await call.Graph.WriteAsync(delta, WriteSource.Http, wanted, null, call.Aborted);
            int refused = acked.Write.RefusedWrite;
            await call.AnswerAsync(acked, refused < 0 ? null : "fields." + delta[refused].Field);
            return;
        }

        WriteResult result = await call.Graph.WriteAsync(delta, WriteSource.Http, ack, call.Aborted);
        await call.AnswerAsync(result, result.RefusedWrite < 0 ? null : "fields." + delta[result.RefusedWrite].Field);
    }

    private static async Task<List<FieldWrite>> ReadRecordAsync(ApiCall call, string soul)
    {
        ReadOnlyMemory<byte> body = await call.ReadBodyAsync();
        var delta = new List<FieldWrite>();
        new RecordReader().ReadDocument(body.Span, delta, soul);
        return delta.Count <= call.Server.Options.BatchFieldsMax
            ? delta
            : throw new ApiException(
                WeftError.TooComplex,
                $"The body has more than {call.Server.Options.BatchFieldsMax} fields. Nothing was stored.");
    }

    private static async Task<NodeResult> ReadNamedAsync(ApiCall call, string soul, string names)
    {
        string[] wanted = names.Split(',', StringSplitOptions.RemoveEmptyEntries);
        if (wanted.Length is 0 or > NamedFieldsMax)
        {
            throw new ApiException(
                WeftError.RequestMalformed, $"fields names 1 to {NamedFieldsMax} fields, separated by commas.");
        }

        Array.Sort(wanted, StringComparer.Ordinal);
        var fields = new List<StoredField>(wanted.Length);
        var missing = new NodeResult(ReadStatus.Absent, fields, false, ReadSource.None, 0);
        ReadSource source = ReadSource.None;
        int asked = 0;
        foreach (string name in wanted.Distinct())
        {
            if (FieldRules.CheckField(name) is var error && error != WeftError.None)
            {
                throw new ApiException(error, ErrorCatalogue.Find(error).Cause) { Path = "fields" };
            }

            ReadResult read = await call.Graph.ReadFieldAsync(soul, name, call.Policy(), call.Aborted);
            asked = Math.Max(asked, read.PeersAsked);
            missing = missing with { Status = read.Status };
            if (read.Status is ReadStatus.Found or ReadStatus.Deleted)
            {
                fields.Add(new StoredField(name, read.Value, read.State, 0));
                source = (ReadSource)Math.Max((int)source, (int)read.Source);
            }
        }

        return fields.Count == 0
            ? missing with { PeersAsked = asked }
            : new NodeResult(
                fields.Exists(field => !field.Value.IsNull) ? ReadStatus.Found : ReadStatus.Deleted,
                fields,
                false,
                source,
                asked);
    }

    private static async Task<NodeResult> ReadRangeAsync(ApiCall call, string soul)
    {
        string? from = call.Query["from"];
        if (call.Query["after"] is { } after)
        {
            from = after + "\0"; // The next possible name.
        }

        var range = new LexRange(
            Prefix: call.Query["prefix"], From: from, To: call.Query["to"], Reverse: call.Query.Flag("reverse"));
        int limit = (int)call.Query.Whole("limit", FieldsDefault, 1, FieldsMax);
        return await call.Graph.ReadNodeAsync(soul, range, limit, BytesMax, call.Policy(), call.Aborted);
    }

    private static async Task<List<(string Soul, NodeResult Node)>> ReadLinkedAsync(
        ApiCall call, string soul, int depth)
    {
        var nodes = new List<(string, NodeResult)>();
        long bytes = 0;
        await foreach (WalkStep step in call.Graph.WalkAsync(
            soul, WalkDirection.Out, depth, NodesMax + 1, call.Aborted))
        {
            if (step.Depth > 0 && bytes < BytesMax)
            {
                NodeResult node = await call.Graph.ReadNodeAsync(
                    step.Soul, LexRange.All, FieldsDefault, BytesMax, ReadPolicy.Local, call.Aborted);
                nodes.Add((step.Soul, node));
                bytes += node.Fields.Sum(field => (long)field.Field.Length + field.Value.Json.Length);
            }
        }

        return nodes;
    }

    private static void WriteNode(Utf8JsonWriter json, string soul, NodeResult node, bool deleted)
    {
        json.WriteString("soul", soul);
        json.WriteString("status", JsonAnswers.Name(node.Status));
        JsonAnswers.WriteFields(json, node.Fields, deleted);
        json.WriteBoolean("more", node.More);
        if (node.More && node.Fields.Count > 0)
        {
            json.WriteString("next", node.Fields[^1].Field);
        }
    }
}
