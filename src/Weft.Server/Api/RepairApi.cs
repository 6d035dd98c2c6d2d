using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Weft.Node.Storage;
using Weft.Node.Sync;
using Weft.Server.Http;

namespace Weft.Server.Api;

/// <summary>The resource /repair: what damage took is fetched from peers.</summary>
internal static class RepairApi
{
    internal static Task PostAsync(ApiCall call)
    {
        call.AllowSlowReader();
        return ProgressAnswer.RunAsync(
            call, StatusCodes.Status200OK, progress => call.Peer.Sync.RepairAsync(progress, call.Aborted), Write);
    }

    private static void Write(Utf8JsonWriter json, RepairReport report)
    {
        json.WriteBoolean("ok", report.Left.Count == 0);
        json.WriteNumber("souls", report.Souls);
        json.WriteNumber("repaired", report.Repaired);
        json.WriteNumber("fields", report.Fields);
        json.WriteNumber("peers", report.Peers);
        json.WriteNumber("durationMs", (long)report.Elapsed.TotalMilliseconds);
        json.WriteStartArray("unrepaired");
        foreach (string soul in report.Unrepaired)
        {
            json.WriteStringValue(soul);
        }

        json.WriteEndArray();
        json.WriteStartArray("left");
        foreach (Damage damage in report.Left)
        {
            json.WriteStartObject();
            json.WriteString("file", damage.File);
            json.WriteString("where", damage.Where);
            json.WriteString("what", damage.What);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
