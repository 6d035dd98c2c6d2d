using System.Globalization;
using System.Text;
using System.Text.Json;
using Weft.Graph;
using Weft.Node;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Server.Http;

/// <summary>The parts that JSON answers are made of.</summary>
internal static class JsonAnswers
{
    /// <summary>The state as an entity tag, written as JavaScript writes the number.</summary>
    public static string ETag(double state) => $"\"{State(state)}\"";

    /// <summary>The state as JavaScript writes it.</summary>
    public static string State(double state)
    {
        Span<byte> text = stackalloc byte[32];
        return double.IsFinite(state) ? Encoding.ASCII.GetString(text[..JsonText.FormatNumber(state, text)]) : "null";
    }

    /// <summary>A state as a property.</summary>
    public static void WriteState(Utf8JsonWriter json, ReadOnlySpan<char> name, double state)
    {
        json.WritePropertyName(name);
        Span<byte> text = stackalloc byte[32];
        json.WriteRawValue(
            double.IsFinite(state) ? text[..JsonText.FormatNumber(state, text)] : "null"u8, skipInputValidation: true);
    }

    /// <summary>A value as a property.</summary>
    public static void WriteValue(Utf8JsonWriter json, ReadOnlySpan<char> name, WeftValue value)
    {
        json.WritePropertyName(name);
        json.WriteRawValue(value.Json, skipInputValidation: true);
    }

    /// <summary>What became of a write, without the braces.</summary>
    public static void WriteResult(Utf8JsonWriter json, in WriteResult result, int peers = 0)
    {
        WriteState(json, "state", result.State);
        json.WriteString("durable", Name(result.Durable));
        json.WriteNumber("peers", peers); // Those that had confirmed it; nobody was waited for where none was asked.
        json.WriteNumber("applied", result.Applied);
        json.WriteNumber("kept", result.Kept);
        json.WriteNumber("deferred", result.Deferred);
        json.WriteNumber("sequence", result.Sequence);
    }

    /// <summary>The properties "fields" and "states" of a node.</summary>
    public static void WriteFields(Utf8JsonWriter json, IReadOnlyList<StoredField> fields, bool deleted)
    {
        json.WriteStartObject("fields");
        foreach (StoredField field in fields)
        {
            if (deleted || !field.Value.IsNull)
            {
                WriteValue(json, field.Field, field.Value);
            }
        }

        json.WriteEndObject();
        json.WriteStartObject("states");
        foreach (StoredField field in fields)
        {
            if (deleted || !field.Value.IsNull)
            {
                WriteState(json, field.Field, field.State);
            }
        }

        json.WriteEndObject();
    }

    /// <summary>A losing write.</summary>
    public static void WriteLoss(Utf8JsonWriter json, Loss loss)
    {
        (string reason, WeftError error) = loss.Reason switch
        {
            HamVerdict.KnownNewer => ("older", WeftError.OlderState),
            HamVerdict.KnownByPolicy => ("policy", WeftError.WrittenOnce),
            _ => ("smaller", WeftError.SmallerText),
        };
        json.WriteStartObject();
        json.WriteNumber("number", loss.Number);
        json.WriteString("soul", loss.Soul);
        json.WriteString("field", loss.Field);
        WriteValue(json, "value", loss.Value);
        json.WriteBoolean("valueCut", loss.ValueCut);
        WriteState(json, "state", loss.State);
        WriteState(json, "winnerState", loss.WinnerState);
        json.WriteString("reason", reason);
        json.WriteString("code", ErrorCatalogue.Code(error));
        json.WriteString("from", loss.From);
        json.WriteString("author", loss.Author);
        json.WriteNumber("authorSequence", loss.AuthorSequence);
        json.WriteString("kind", Name(loss.Kind));
        json.WriteString("at", Time(WallClock.FromState(loss.AtMs)));
        json.WriteEndObject();
    }

    /// <summary>How a losing write stands to the one that won.</summary>
    public static string Name(LossKind kind) => kind switch
    {
        LossKind.Stale => "stale",
        LossKind.Concurrent => "concurrent",
        _ => "unknown",
    };

    /// <summary>A moment as RFC 3339 in UTC.</summary>
    public static string? Time(DateTimeOffset? at) =>
        at?.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    /// <summary>A durability level.</summary>
    public static string Name(Durability level) => level switch
    {
        Durability.Disk => "disk",
        Durability.Buffered => "buffered",
        _ => "memory",
    };

    /// <summary>Where a read found its data.</summary>
    public static string Name(ReadSource source) => source switch
    {
        ReadSource.Memory => "memory",
        ReadSource.Disk => "disk",
        ReadSource.Peer => "peer",
        _ => "none",
    };

    /// <summary>What a read found out.</summary>
    public static string Name(ReadStatus status) => status switch
    {
        ReadStatus.Found => "found",
        ReadStatus.Deleted => "deleted",
        ReadStatus.Absent => "absent",
        ReadStatus.TimedOut => "timeout",
        _ => "unknown",
    };
}
