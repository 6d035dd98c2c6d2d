using Microsoft.AspNetCore.Http;
using Weft.Graph.Policy;
using Weft.Node.History;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Server.Http;

namespace Weft.Server.Api;

/// <summary>The resource /history/rules: how much of the past this node keeps.</summary>
internal static class HistoryRulesApi
{
    private const int TextMax = 64;

    internal static async Task ListAsync(ApiCall call) =>
        await call.AnswerAsync(StatusCodes.Status200OK, json =>
        {
            json.WriteStartObject();
            json.WriteStartArray("items");
            foreach ((HistoryInForce rule, bool isSigned) in call.Peer.Node.Retention.List())
            {
                json.WriteStartObject();
                json.WriteString("scope", rule.Scope);
                json.WriteBoolean("node", rule.IsNode);
                json.WriteString("keeps", rule.Rule.ToString());
                json.WriteString("by", isSigned ? "policy" : "node");
                json.WriteString("since", JsonAnswers.Time(WallClock.FromState(rule.SinceMs)));
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        });

    internal static async Task PutAsync(ApiCall call)
    {
        string prefix = Prefix(call);
        using BodyMembers body = await BodyMembers.ReadAsync(call, "keeps");
        if (!HistoryRule.TryParse(body.Required("keeps", TextMax), out HistoryRule rule))
        {
            throw body.Refused(
                "\"keeps\" is one of: none, last N, N days, log, log, cold after N days.", "keeps");
        }

        await call.Peer.Node.Retention.SetAsync(prefix, rule, call.Aborted);
        await ListAsync(call);
    }

    internal static async Task DeleteAsync(ApiCall call)
    {
        await call.Peer.Node.Retention.SetAsync(Prefix(call), null, call.Aborted);
        await ListAsync(call);
    }

    /// <summary>Removes what no rule keeps, and gives the room back.</summary>
    internal static Task PruneAsync(ApiCall call) => ProgressAnswer.RunAsync(
        call,
        StatusCodes.Status200OK,
        async progress =>
        {
            HistoryPruning done = await call.Peer.Node.Retention.PruneAsync(progress, call.Aborted);
            MaintenanceResult swept = await call.Peer.Node.Store.MaintainAsync(
                WallClock.ToState(call.Server.Time.GetUtcNow()), call.Aborted);
            return (done, swept);
        },
        (json, result) =>
        {
            json.WriteNumber("nodes", result.done.Nodes);
            json.WriteNumber("versions", result.done.Versions);
            json.WriteNumber("blocks", result.done.Blocks);
            json.WriteNumber("bytesFreed", result.swept.BytesFreed);
        });

    private static string Prefix(ApiCall call)
    {
        string prefix = call.Query["prefix"]
            ?? throw new ApiException(
                WeftError.RequestMalformed, "The query lacks \"prefix\"; prefix= stands for everything.")
            {
                Path = "prefix",
            };
        return prefix.Length == 0 || Graph.FieldRules.CheckSoul(prefix) == WeftError.None
            ? prefix
            : throw new ApiException(WeftError.SoulInvalid, "The prefix is longer than a soul may be.")
            {
                Path = "prefix",
            };
    }
}
