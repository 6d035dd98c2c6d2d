using System.Buffers;
using System.Buffers.Binary;
using System.Buffers.Text;
using System.Text;

namespace Weft.Crypto;

/// <summary>Epochs as bytes and text, in one form only.</summary>
/// <remarks>Source: docs/spec/groups.md, section 2.</remarks>
internal static class GroupEpochCodec
{
    public const byte Version = 1;
    public const string TextPrefix = "wge1.";
    public const int RecordBytesMax = 750_000; // As text below the 1 MiB that a value may have.
    public const uint NumberMax = int.MaxValue;

    private const int SignatureLength = 64;
    private const int HeaderLength = 1 + sizeof(uint) + (2 * GroupEpoch.KeyLength) + sizeof(ushort);

    private static ReadOnlySpan<byte> Domain => "weft/group/1\0"u8;

    /// <summary>Writes and signs an epoch.</summary>
    /// <returns>The text, or null when it would be too long.</returns>
    public static string? Write(
        ICrypto crypto,
        ReadOnlySpan<byte> network,
        GroupName group,
        Ed25519KeyPair signer,
        uint number,
        ReadOnlySpan<byte> ephemeral,
        ReadOnlySpan<byte> check,
        IReadOnlyList<GroupMember> members,
        IReadOnlyList<GroupWrap> wraps)
    {
        var into = new ArrayBufferWriter<byte>(1_024);
        into.Write([Version]);
        WriteUInt32(into, number);
        into.Write(ephemeral);
        into.Write(check);
        BinaryPrimitives.WriteUInt16BigEndian(into.GetSpan(sizeof(ushort)), (ushort)members.Count);
        into.Advance(sizeof(ushort));
        for (int i = 0; i < members.Count; i++)
        {
            into.Write(members[i].Key.Span);
            into.Write([(byte)members[i].Standing]);
            WriteUInt32(into, members[i].Stamp);
            if (members[i].IsIn)
            {
                wraps[i].Write(into);
            }
        }

        if (into.WrittenCount + SignatureLength > RecordBytesMax)
        {
            return null;
        }

        var signature = new byte[SignatureLength];
        signer.Sign(crypto, Message(network, group, into.WrittenSpan), signature);
        into.Write(signature);
        return TextPrefix + Base64Url.EncodeToString(into.WrittenSpan);
    }

    /// <summary>The bytes that a text holds; null when it is not the text of an epoch.</summary>
    public static byte[]? Decode(ReadOnlySpan<char> text)
    {
        if (!text.StartsWith(TextPrefix, StringComparison.Ordinal)
            || text.Length > TextPrefix.Length + Base64Url.GetEncodedLength(RecordBytesMax))
        {
            return null;
        }

        text = text[TextPrefix.Length..];
        return Base64Url.IsValid(text, out int length) && length > HeaderLength + SignatureLength
            ? Base64Url.DecodeFromChars(text)
            : null;
    }

    /// <summary>Reads an epoch: its form, its hash, its signature.</summary>
    /// <returns>Null when anything is not as it must be.</returns>
    public static GroupEpoch? Read(
        string field, ReadOnlySpan<char> text, GroupName group, in GroupAuthority by, ReadOnlySpan<byte> network,
        ICrypto crypto)
    {
        if (Decode(text) is not byte[] record || record[0] != Version)
        {
            return null;
        }

        ReadOnlySpan<byte> body = record.AsSpan(0, record.Length - SignatureLength);
        uint number = BinaryPrimitives.ReadUInt32BigEndian(body[1..]);
        int count = BinaryPrimitives.ReadUInt16BigEndian(body[(HeaderLength - sizeof(ushort))..]);
        if (number is 0 or > NumberMax || count is 0 or > GroupEpoch.MembersMax
            || GroupEpoch.NameOf(number, record, crypto) != field)
        {
            return null;
        }

        var members = new GroupMember[count];
        var wraps = new GroupWrap[count];
        if (!ReadMembers(body[HeaderLength..], number, members, wraps)
            || !crypto.VerifyEd25519(
                by.Key.Span, Message(network, group, body), record.AsSpan(record.Length - SignatureLength)))
        {
            return null;
        }

        ReadOnlySpan<byte> keys = body[(1 + sizeof(uint))..];
        var epoch = new GroupEpoch(
            group,
            by,
            number,
            field,
            members,
            wraps,
            keys[..GroupEpoch.KeyLength].ToArray(),
            keys.Slice(GroupEpoch.KeyLength, GroupEpoch.KeyLength).ToArray());
        return epoch.Find(by.Key) is { IsIn: true } ? epoch : null; // Who wraps keys must be able to read them.
    }

    private static bool ReadMembers(ReadOnlySpan<byte> rest, uint number, GroupMember[] members, GroupWrap[] wraps)
    {
        const int fixedLength = Ed25519PublicKey.Length + 1 + sizeof(uint);
        for (int i = 0; i < members.Length; i++)
        {
            if (rest.Length < fixedLength || rest[Ed25519PublicKey.Length] > (byte)GroupStanding.Out)
            {
                return false;
            }

            members[i] = new GroupMember(
                new(rest[..Ed25519PublicKey.Length]),
                (GroupStanding)rest[Ed25519PublicKey.Length],
                BinaryPrimitives.ReadUInt32BigEndian(rest[(Ed25519PublicKey.Length + 1)..]));
            rest = rest[fixedLength..];
            wraps[i] = GroupWrap.Empty;
            if (members[i].Stamp == 0 || members[i].Stamp > number
                || (i > 0 && members[i - 1].Key.CompareTo(members[i].Key) >= 0))
            {
                return false;
            }

            if (members[i].IsIn)
            {
                if (GroupWrap.Read(ref rest) is not GroupWrap wrap)
                {
                    return false;
                }

                wraps[i] = wrap;
            }
        }

        return rest.IsEmpty;
    }

    private static byte[] Message(ReadOnlySpan<byte> network, GroupName group, ReadOnlySpan<byte> body)
    {
        byte[] soul = Encoding.UTF8.GetBytes(group.Soul);
        Span<byte> length = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(length, (uint)soul.Length);
        return [.. Domain, .. network, .. length, .. soul, .. body];
    }

    private static void WriteUInt32(ArrayBufferWriter<byte> into, uint value)
    {
        BinaryPrimitives.WriteUInt32BigEndian(into.GetSpan(sizeof(uint)), value);
        into.Advance(sizeof(uint));
    }
}
