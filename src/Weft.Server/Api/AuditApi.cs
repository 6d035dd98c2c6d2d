using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Weft.Node.Sync;
using Weft.Primitives;
using Weft.Protocols.Audit;
using Weft.Server.Http;

namespace Weft.Server.Api;

/// <summary>The resource /audit: does this node hold the same as its peers?</summary>
internal static class AuditApi
{
    private const long TimeoutMsMax = 600_000;

    internal static async Task PostAsync(ApiCall call)
    {
        using BodyMembers body = await BodyMembers.ReadAsync(
            call, "peer", "prefix", "soul", "samples", "seed", "heal", "settle", "limit", "timeout");
        PeerId? peer = body.Text("peer", 128) is not { } text ? null
            : PeerId.TryParse(text, out PeerId parsed) ? parsed
            : throw body.Refused("\"peer\" is no peer id.", "peer");
        var request = new AuditRequest
        {
            Scope = SyncApi.ScopeOf(body),
            Samples = (int)(body.Whole("samples", 0, new AuditOptions().SamplesMax) ?? 0),
            Seed = (ulong?)body.Whole("seed", 0, long.MaxValue),
            Heals = body.Flag("heal"),
            Settles = (body.Text("settle", 8) ?? "yes") switch
            {
                "yes" => true,
                "no" => false,
                _ => throw body.Refused("\"settle\" is \"yes\" or \"no\".", "settle"),
            },
            DifferencesMax = (int)(body.Whole("limit", 0, 10_000) ?? 1_000),
            Timeout = TimeoutOf(body, "60s"),
        };
        call.AllowSlowReader();
        IReadOnlyList<AuditReport> reports = peer is { } one
            ? [await call.Peer.Sync.AuditAsync(one, request, call.Aborted)]
            : await call.Peer.Sync.AuditAsync(request, call.Aborted);
        await call.AnswerAsync(StatusCodes.Status200OK, json =>
        {
            json.WriteStartObject();
            json.WriteBoolean("equal", reports.Count > 0 && reports.All(report => report.IsEqual));
            json.WriteStartArray("items");
            foreach (AuditReport report in reports)
            {
                Write(json, report);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        });
    }

    /// <summary>The member "timeout": a second to ten minutes.</summary>
    internal static TimeSpan TimeoutOf(BodyMembers body, string otherwise) =>
        WeftOptionsReader.ParseDuration(body.Text("timeout", 32) ?? otherwise) is { } span
            && span.TotalMilliseconds is >= 1_000 and <= TimeoutMsMax
            ? span
            : throw body.Refused("\"timeout\" is a duration of 1s to 10m, such as 30s.", "timeout");

    /// <summary>Writes one report as an object.</summary>
    internal static void Write(Utf8JsonWriter json, AuditReport report)
    {
        AuditTally tally = report.Tally;
        json.WriteStartObject();
        json.WriteString("peer", report.Peer.ToString());
        json.WriteString("scope", report.Scope.ToString());
        json.WriteBoolean("equal", report.IsEqual);
        json.WriteBoolean("complete", report.IsComplete);
        json.WriteString("error", report.Error == WeftError.None ? null : ErrorCatalogue.Code(report.Error));
        json.WriteBoolean("sampled", report.IsSampled);
        json.WriteNumber("fieldsHere", tally.FieldsHere);
        json.WriteNumber("fieldsThere", tally.FieldsThere);
        json.WriteNumber("compared", tally.Compared);
        json.WriteNumber("different", tally.Different);
        json.WriteNumber("behindHere", report.BehindHere);
        json.WriteNumber("behindThere", report.BehindThere);
        json.WriteNumber("onlyHere", tally.OnlyHere);
        json.WriteNumber("onlyThere", tally.OnlyThere);
        json.WriteNumber("newerHere", tally.NewerHere);
        json.WriteNumber("newerThere", tally.NewerThere);
        json.WriteNumber("tied", tally.Tied);
        json.WriteNumber("healed", report.Healed);
        json.WriteNumber("passes", report.Passes);
        json.WriteNumber("bytesIn", report.BytesIn);
        json.WriteNumber("bytesOut", report.BytesOut);
        json.WriteNumber("elapsedMs", Math.Round(report.Elapsed.TotalMilliseconds, 3));
        json.WriteStartArray("differences");
        foreach (AuditDifference difference in tally.Differences)
        {
            json.WriteStartObject();
            json.WriteString("soul", difference.Key.Soul);
            json.WriteString("field", difference.Key.Field);
            json.WriteString("kind", NameOf(difference.Kind));
            WriteState(json, "stateHere", difference.StateHere);
            WriteState(json, "stateThere", difference.StateThere);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static string NameOf(AuditDifferenceKind kind) => kind switch
    {
        AuditDifferenceKind.OnlyHere => "onlyHere",
        AuditDifferenceKind.OnlyThere => "onlyThere",
        AuditDifferenceKind.NewerHere => "newerHere",
        AuditDifferenceKind.NewerThere => "newerThere",
        _ => "tied",
    };

    private static void WriteState(Utf8JsonWriter json, string name, double state)
    {
        if (double.IsFinite(state))
        {
            json.WriteNumber(name, state);
        }
        else
        {
            json.WriteNull(name);
        }
    }
}
