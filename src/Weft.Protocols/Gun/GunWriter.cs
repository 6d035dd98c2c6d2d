using System.Buffers;
using System.Buffers.Text;
using Weft.Graph;
using Weft.Graph.Access;
using Weft.Primitives;

namespace Weft.Protocols.Gun;

/// <summary>
/// Writes outputs of the core as GUN messages, each one JSON object. Source: docs/spec/gun.md, sections 1-3.
/// </summary>
public static class GunWriter
{
    /// <summary>Writes one message.</summary>
    /// <param name="writer">Gets the bytes of one JSON object.</param>
    /// <param name="output">An output for which <see cref="GunOutput.IsSend"/> holds.</param>
    /// <param name="pid">This process's name, for hellos.</param>
    /// <param name="identity">What this node says about itself, for hellos.</param>
    /// <param name="isWeft">True when the peer said it is Weft: then proofs go with the fields; gun.js gets none.</param>
    public static void Write(
        IBufferWriter<byte> writer, in GunOutput output, string pid, GunIdentity identity, bool isWeft = false)
    {
        switch (output.Kind)
        {
            case GunOutputKind.SendAck:
                WriteHead(writer, output);
                WriteAck(writer, output);
                break;
            case GunOutputKind.SendReply:
                WriteHead(writer, output);
                WriteReply(writer, output, isWeft);
                break;
            case GunOutputKind.SendPush:
                WriteHead(writer, output);
                WritePush(writer, output.Push.Span, isWeft);
                break;
            case GunOutputKind.SendGet:
                WriteHead(writer, output);
                WriteGet(writer, output.Get!);
                break;
            case GunOutputKind.SendHello:
                WriteHead(writer, output);
                Put(writer, ",\"dam\":\"?\",\"pid\":"u8);
                JsonText.WriteQuoted(writer, pid);
                Put(writer, ",\"weft\":{\"store\":"u8);
                JsonText.WriteQuoted(writer, identity.StoreId);
                Put(writer, identity.IsRelay ? ",\"relay\":true"u8 : ""u8);
                if (identity.Key is not null && output.Text is not null)
                {
                    Put(writer, ",\"key\":"u8);
                    JsonText.WriteQuoted(writer, identity.Key);
                    Put(writer, ",\"nonce\":"u8);
                    JsonText.WriteQuoted(writer, output.Text);
                }

                Put(writer, "}"u8);
                break;
            case GunOutputKind.SendError:
                Put(writer, "{\"dam\":\"!\",\"err\":"u8);
                JsonText.WriteQuoted(writer, output.Text);
                break;
            default:
                throw new ArgumentException("Only messages can be written.", nameof(output));
        }

        Put(writer, "}"u8);
    }

    /// <summary>Writes the proof of this node's key.</summary>
    /// <param name="writer">Gets the bytes of one JSON object.</param>
    /// <param name="id">The message's id.</param>
    /// <param name="proof">The signature in base64url.</param>
    public static void WriteProof(IBufferWriter<byte> writer, string id, string proof)
    {
        Put(writer, "{\"#\":"u8);
        JsonText.WriteQuoted(writer, id);
        Put(writer, ",\"dam\":\"weft\",\"proof\":"u8);
        JsonText.WriteQuoted(writer, proof);
        Put(writer, "}"u8);
    }

    private static void WriteHead(IBufferWriter<byte> writer, in GunOutput output)
    {
        Put(writer, "{\"#\":"u8);
        JsonText.WriteQuoted(writer, output.Id);
        if (output.ReplyTo is not null)
        {
            Put(writer, ",\"@\":"u8);
            JsonText.WriteQuoted(writer, output.ReplyTo);
        }
    }

    private static void WriteAck(IBufferWriter<byte> writer, in GunOutput output)
    {
        if (output.Error == WeftError.None)
        {
            Put(writer, ",\"ok\":true"u8);
            return;
        }

        Put(writer, ",\"err\":"u8);
        JsonText.WriteQuoted(writer, $"{ErrorCatalogue.Code(output.Error)} {output.Text}");
    }

    private static void WriteReply(IBufferWriter<byte> writer, in GunOutput output, bool isWeft)
    {
        if (output.Error != WeftError.None)
        {
            WriteAck(writer, output);
            return;
        }

        if (output.Soul is null || output.Fields is null)
        {
            return; // "Not found" is an answer without put.
        }

        Put(writer, ",\"put\":{"u8);
        JsonText.WriteQuoted(writer, output.Soul);
        Put(writer, ":{\"_\":{\"#\":"u8);
        JsonText.WriteQuoted(writer, output.Soul);
        Put(writer, ",\">\":{"u8);
        IReadOnlyList<StoredField> fields = output.Fields;
        for (int i = 0; i < fields.Count; i++)
        {
            StoredField field = fields[i];
            WriteKey(writer, field.Field, i == 0);
            WriteNumber(writer, field.State);
        }

        Put(writer, "}"u8);
        if (isWeft)
        {
            WriteProofs(writer, fields);
        }

        Put(writer, "}"u8);
        for (int i = 0; i < fields.Count; i++)
        {
            StoredField field = fields[i];
            WriteKey(writer, field.Field, isFirst: false);
            Put(writer, field.Value.Json);
        }

        Put(writer, output.More ? "}},\"%\":1"u8 : "}}"u8);
    }

    /// <summary>Writes changes as one put. Fields of one soul must stand together.</summary>
    private static void WritePush(IBufferWriter<byte> writer, ReadOnlySpan<GunFragment> push, bool isWeft)
    {
        Put(writer, ",\"put\":{"u8);
        int start = 0;
        while (start < push.Length)
        {
            string soul = push[start].Soul;
            int end = start + 1;
            while (end < push.Length && push[end].Soul == soul)
            {
                end++;
            }

            Put(writer, start == 0 ? ""u8 : ","u8);
            Put(writer, push[start].SoulText);
            Put(writer, ":{\"_\":{\"#\":"u8);
            Put(writer, push[start].SoulText);
            Put(writer, ",\">\":{"u8);
            for (int i = start; i < end; i++)
            {
                Put(writer, i == start ? ""u8 : ","u8);
                Put(writer, push[i].StateText);
            }

            Put(writer, "}"u8);
            if (isWeft)
            {
                WriteProofs(writer, push[start..end]);
            }

            Put(writer, "}"u8);
            for (int i = start; i < end; i++)
            {
                Put(writer, ","u8);
                Put(writer, push[i].ValueText);
            }

            Put(writer, "}"u8);
            start = end;
        }

        Put(writer, "}"u8);
    }

    private static void WriteProofs(IBufferWriter<byte> writer, ReadOnlySpan<GunFragment> push)
    {
        bool any = false;
        foreach (GunFragment fragment in push)
        {
            if (!fragment.ProofMember.IsEmpty)
            {
                Put(writer, any ? ","u8 : ",\"weft\":{"u8);
                Put(writer, fragment.ProofMember);
                any = true;
            }
        }

        Put(writer, any ? "}"u8 : ""u8);
    }

    private static void WriteProofs(IBufferWriter<byte> writer, IReadOnlyList<StoredField> fields)
    {
        bool any = false;
        for (int i = 0; i < fields.Count; i++)
        {
            if (ProofText.Has(fields[i].Extras))
            {
                Put(writer, any ? ","u8 : ",\"weft\":{"u8);
                WriteKey(writer, fields[i].Field, isFirst: true);
                Put(writer, "\""u8);
                Put(writer, ProofText.Format(fields[i].Extras!));
                Put(writer, "\""u8);
                any = true;
            }
        }

        Put(writer, any ? "}"u8 : ""u8);
    }

    private static void WriteGet(IBufferWriter<byte> writer, GunGet get)
    {
        Put(writer, ",\"get\":{\"#\":"u8);
        bool reverse = get.Fields.Reverse || get.Souls.Reverse;
        if (get.Soul is not null)
        {
            JsonText.WriteQuoted(writer, get.Soul);
        }
        else
        {
            WriteRange(writer, get.Souls);
        }

        if (get.Field is not null)
        {
            Put(writer, ",\".\":"u8);
            JsonText.WriteQuoted(writer, get.Field);
        }
        else if (get.IsRange && get.Soul is not null)
        {
            Put(writer, ",\".\":"u8);
            WriteRange(writer, get.Fields);
        }

        if (reverse)
        {
            Put(writer, ",\"-\":1"u8);
        }

        if (get.Budget is int budget)
        {
            Put(writer, ",\"%\":"u8);
            WriteNumber(writer, budget);
        }

        Put(writer, "}"u8);
    }

    private static void WriteRange(IBufferWriter<byte> writer, in LexRange range)
    {
        bool isFirst = true;
        Put(writer, "{"u8);
        WriteBound(writer, "=", range.Exact, ref isFirst);
        WriteBound(writer, "*", range.Prefix, ref isFirst);
        WriteBound(writer, ">", range.From, ref isFirst);
        WriteBound(writer, "<", range.To, ref isFirst);
        Put(writer, "}"u8);
    }

    private static void WriteBound(IBufferWriter<byte> writer, string name, string? bound, ref bool isFirst)
    {
        if (bound is not null)
        {
            WriteKey(writer, name, isFirst);
            JsonText.WriteQuoted(writer, bound);
            isFirst = false;
        }
    }

    private static void WriteKey(IBufferWriter<byte> writer, string key, bool isFirst)
    {
        if (!isFirst)
        {
            Put(writer, ","u8);
        }

        JsonText.WriteQuoted(writer, key);
        Put(writer, ":"u8);
    }

    private static void WriteNumber(IBufferWriter<byte> writer, double number) =>
        writer.Advance(JsonText.FormatNumber(number, writer.GetSpan(32)));

    private static void Put(IBufferWriter<byte> writer, ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(writer.GetSpan(bytes.Length));
        writer.Advance(bytes.Length);
    }
}
