using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Weft.Crypto;
using Weft.Graph;
using Weft.Graph.Access;

namespace Weft.Protocols.Sync;

/// <summary>Writes messages of <c>/weft/sync/1</c>: a byte for the kind, then its members in order, numbers as varints.</summary>
/// <remarks>Reading is <see cref="SyncReader"/>'s. Source: docs/spec/sync.md, section 2.</remarks>
public static class SyncCodec
{
    /// <summary>The protocol.</summary>
    public const string Protocol = "/weft/sync/1";

    internal const byte SameSoul = 1;
    internal const byte HasProof = 2;
    internal const int ProofHead = Ed25519PublicKey.Length + sizeof(double);

    /// <summary>Writes one message.</summary>
    public static void Write(SyncMessage message, IBufferWriter<byte> target)
    {
        ArgumentNullException.ThrowIfNull(message);
        var to = new SyncWriter(target);
        to.Byte((byte)message.Kind);
        switch (message)
        {
            case SyncHello hello:
                to.Text(hello.StoreId);
                to.Bytes(hello.NetworkId.Span);
                to.Number(hello.Sequence);
                to.Number(hello.Window);
                to.Number(hello.Runs?.Count ?? 0);
                foreach (SyncRun run in hello.Runs ?? [])
                {
                    to.Raw64(run.Id);
                    to.Number(run.End);
                }

                break;
            case SyncSubscribe subscribe:
                to.Signed(subscribe.After);
                to.Number(subscribe.Prefixes.Count);
                foreach (string prefix in subscribe.Prefixes)
                {
                    to.Text(prefix);
                }

                break;
            case SyncChanges changes:
                to.Signed(changes.Cursor);
                Write(to, changes.Writes);
                break;
            case SyncAck ack:
                to.Signed(ack.Cursor);
                to.Number(ack.Grant);
                to.Number(ack.Refused);
                to.Number((int)ack.Error);
                break;
            case SyncAsk ask:
                to.Number(ask.Id);
                to.Text(ask.Soul);
                to.Byte(ask.Field is null ? (byte)0 : (byte)1);
                to.Text(ask.Field ?? "");
                break;
            case SyncAnswer answer:
                to.Number(answer.Id);
                to.Byte(answer.More ? (byte)1 : (byte)0);
                Write(to, answer.Writes);
                break;
            case SyncRanges ranges:
                to.Text(ranges.Prefix);
                to.Key(ranges.From);
                to.Number(ranges.Ranges.Count);
                foreach (SyncRange range in ranges.Ranges)
                {
                    Write(to, range);
                }

                break;
            case SyncWant want:
                to.Text(want.Prefix);
                to.Key(want.From);
                to.Key(want.To);
                to.Ids(want.Ids);
                break;
            case SyncCompared compared:
                to.Byte(compared.IsSent ? (byte)1 : (byte)0);
                break;
            case SyncProbe probe:
                to.Number(probe.Id);
                to.Signed(probe.Sequence);
                if (probe.Sequence < 0)
                {
                    to.Byte(probe.Scope.IsSoul ? (byte)1 : (byte)0);
                    to.Text(probe.Scope.Text ?? "");
                    to.Signed(probe.After);
                }

                break;
            case SyncGoodbye goodbye:
                to.Number((int)goodbye.Error);
                break;
        }
    }

    /// <summary>Bytes of one field in a message, about.</summary>
    public static int SizeOf(in FieldWrite write) =>
        24 + write.Soul.Length + write.Field.Length + write.Value.Json.Length
        + (write.Extras is { } extras ? ProofHead + extras.Signature.Length : 0);

    private static void Write(SyncWriter to, IReadOnlyList<FieldWrite> writes)
    {
        to.Number(writes.Count);
        string? soul = null;
        for (int i = 0; i < writes.Count; i++)
        {
            FieldWrite write = writes[i];
            bool isSame = write.Soul == soul;
            bool hasProof = ProofText.Has(write.Extras);
            to.Byte((byte)((isSame ? SameSoul : 0) | (hasProof ? HasProof : 0)));
            if (!isSame)
            {
                soul = write.Soul;
                to.Text(soul);
            }

            to.Text(write.Field);
            to.Bytes(write.Value.Json);
            to.Double(write.State);
            if (hasProof)
            {
                to.Number(ProofHead + write.Extras!.Signature.Length);
                to.Raw(write.Extras.Author.Span);
                to.Double(write.Extras.ExpiresAtMs);
                to.Raw(write.Extras.Signature.Span);
            }
        }
    }

    private static void Write(SyncWriter to, in SyncRange range)
    {
        to.Key(range.To);
        to.Byte(range.IsSkip ? (byte)0 : range.Fingerprint is not null ? (byte)1 : (byte)2);
        if (range.Fingerprint is { } fingerprint)
        {
            to.Id(fingerprint);
        }
        else if (range.Ids is not null)
        {
            to.Ids(range.Ids);
        }
    }

    private readonly struct SyncWriter(IBufferWriter<byte> target)
    {
        public void Byte(byte value)
        {
            target.GetSpan(1)[0] = value;
            target.Advance(1);
        }

        public void Number(long value) => Varint((ulong)value);

        /// <summary>-1 and up.</summary>
        public void Signed(long value) => Varint((ulong)(value + 1));

        public void Double(double value)
        {
            BinaryPrimitives.WriteDoubleBigEndian(target.GetSpan(sizeof(double)), value);
            target.Advance(sizeof(double));
        }

        public void Raw64(ulong value)
        {
            BinaryPrimitives.WriteUInt64BigEndian(target.GetSpan(sizeof(ulong)), value);
            target.Advance(sizeof(ulong));
        }

        public void Raw(ReadOnlySpan<byte> value) => target.Write(value);

        public void Bytes(ReadOnlySpan<byte> value)
        {
            Varint((ulong)value.Length);
            target.Write(value);
        }

        public void Text(string value)
        {
            Varint((ulong)Encoding.UTF8.GetByteCount(value));
            Encoding.UTF8.GetBytes(value, target);
        }

        public void Key(SyncKey key)
        {
            Byte(key.IsEnd ? (byte)0 : (byte)1);
            if (!key.IsEnd)
            {
                Text(key.Soul!);
                Text(key.Field);
            }
        }

        public void Id(UInt128 id)
        {
            BinaryPrimitives.WriteUInt128BigEndian(target.GetSpan(16), id);
            target.Advance(16);
        }

        public void Ids(IReadOnlyList<UInt128> ids)
        {
            Number(ids.Count);
            for (int i = 0; i < ids.Count; i++)
            {
                Id(ids[i]);
            }
        }

        private void Varint(ulong value)
        {
            Span<byte> bytes = target.GetSpan(10);
            int at = 0;
            for (; value >= 0x80; value >>= 7)
            {
                bytes[at++] = (byte)(value | 0x80);
            }

            bytes[at++] = (byte)value;
            target.Advance(at);
        }
    }
}
