using System.Text.Json;
using Weft.Graph;
using Weft.Graph.Access;
using Weft.Graph.History;
using Weft.Node.History;
using Weft.Primitives;
using Weft.Server.Http;

namespace Weft.Server.Api;

/// <summary>The past as JSON.</summary>
internal static class HistoryJson
{
    internal static void WriteInfo(Utf8JsonWriter json, HistoryInfo info)
    {
        json.WriteString("kept", info.Kept.ToString());
        json.WriteString("scope", info.Scope);
        json.WriteNumber("first", info.First);
        json.WriteNumber("newest", info.Newest);
        if (info.BeganMs > 0)
        {
            json.WriteString("began", JsonAnswers.Time(WallClock.FromState(info.BeganMs)));
        }
    }

    /// <summary>One version; of one field only when it is named.</summary>
    internal static void Write(
        Utf8JsonWriter json, HistoryEntry entry, string? field, HistoryProof? proof = null)
    {
        HistoryVersion version = entry.Version;
        json.WriteStartObject();
        json.WriteNumber("version", version.Number);
        json.WriteString("time", JsonAnswers.Time(WallClock.FromState(version.TimeMs)));
        if (entry.Lost > 0)
        {
            json.WriteNumber("lost", entry.Lost);
        }

        if (entry.LogKey is { } log)
        {
            json.WriteString("log", log.ToString());
            json.WriteNumber("block", entry.Block);
        }

        if (proof is not null)
        {
            json.WriteBase64String("proof", proof.Bytes.Span);
        }

        json.WriteStartArray("changes");
        foreach (HistoryChange change in version.Changes)
        {
            if (field is null || change.Field == field)
            {
                Write(json, version.Soul, change);
            }
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, string soul, in HistoryChange change)
    {
        json.WriteStartObject();
        json.WriteString("field", change.Field);
        JsonAnswers.WriteValue(json, "value", change.Value);
        JsonAnswers.WriteState(json, "state", change.State);
        if (change.HadBefore)
        {
            JsonAnswers.WriteValue(json, "was", change.Before);
            JsonAnswers.WriteState(json, "wasState", change.BeforeState);
        }

        Authorship author = Authorship.Of(
            new FieldWrite(soul, change.Field, change.Value, change.State, change.Extras));
        if (author.Author is not null)
        {
            json.WriteString("author", author.Author);
            json.WriteNumber("authorSequence", author.Sequence);
        }

        json.WriteEndObject();
    }
}
