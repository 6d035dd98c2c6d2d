using System.Text.Json;
using Weft.Node.Storage;

namespace Weft.Server.Api;

/// <summary>Writes what a full read found, the same for the HTTP answer and the command line.</summary>
/// <remarks>Source: docs/spec/http.md.</remarks>
public static class VerifyReportJson
{
    /// <summary>Writes the members of the report into an object that the caller has opened.</summary>
    /// <param name="json">Stands inside an object.</param>
    /// <param name="report">What was found.</param>
    public static void WriteMembers(Utf8JsonWriter json, VerifyReport report)
    {
        json.WriteBoolean("ok", report.Damages.Count == 0);
        json.WriteNumber("fields", report.Fields);
        json.WriteNumber("bytes", report.Bytes);
        json.WriteNumber("durationMs", (long)report.Duration.TotalMilliseconds);
        json.WriteStartArray("damages");
        foreach (Damage damage in report.Damages)
        {
            json.WriteStartObject();
            json.WriteString("file", damage.File);
            json.WriteString("where", damage.Where);
            json.WriteString("what", damage.What);
            json.WriteStartArray("souls");
            foreach (string soul in damage.Souls)
            {
                json.WriteStringValue(soul);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
