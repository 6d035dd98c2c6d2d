using System.Text.Json;
using System.Text.Unicode;
using Weft.Node.Logs;

namespace Weft.Server.Api;

/// <summary>Logs as JSON.</summary>
internal static class LogJson
{
    internal static void Write(Utf8JsonWriter json, LogInfo log)
    {
        json.WriteStartObject();
        json.WriteString("name", log.Name);
        json.WriteString("key", log.Key.ToString());
        json.WriteString("discoveryKey", log.DiscoveryKey.ToString());
        json.WriteNumber("length", log.Length);
        json.WriteNumber("bytes", log.ByteLength);
        json.WriteNumber("fork", log.Fork);
        json.WriteNumber("here", log.Here);
        json.WriteNumber("contiguous", log.Contiguous);
        json.WriteNumber("peers", log.Peers);
        json.WriteBoolean("writable", log.IsWritable);
        json.WriteBoolean("encrypted", log.IsEncrypted);
        json.WriteBoolean("followed", log.IsFollowed);
        json.WriteBoolean("recovering", log.IsRecovering);
        json.WriteBoolean("stopped", log.IsStopped);
        if (log.IsBehind is bool behind)
        {
            json.WriteBoolean("behind", behind);
        }

        json.WriteEndObject();
    }

    /// <summary>One step of reading: text where the block is text, else base64.</summary>
    internal static void Write(Utf8JsonWriter json, in LogEntry entry)
    {
        json.WriteStartObject();
        json.WriteNumber("index", entry.Index);
        json.WriteNumber("fork", entry.Fork);
        switch (entry.Kind)
        {
            case LogEntryKind.Missing:
                json.WriteBoolean("missing", true);
                break;
            case LogEntryKind.Truncated:
                json.WriteBoolean("truncated", true);
                break;
            case LogEntryKind.Stopped:
                json.WriteBoolean("stopped", true);
                break;
            default:
                ReadOnlySpan<byte> block = entry.Block.Span;
                if (Utf8.IsValid(block))
                {
                    json.WriteString("text", block);
                }
                else
                {
                    json.WriteBase64String("base64", block);
                }

                break;
        }

        json.WriteEndObject();
    }

    internal static void Write(Utf8JsonWriter json, LogLinkInfo link)
    {
        json.WriteStartObject();
        json.WriteNumber("id", link.Number);
        json.WriteString("address", link.Name);
        json.WriteString("direction", link.IsOutbound ? "out" : "in");
        json.WriteString("peer", link.Peer?.ToString());
        json.WriteNumber("bytesIn", link.BytesIn);
        json.WriteNumber("bytesOut", link.BytesOut);
        json.WriteEndObject();
    }
}
