using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Weft.Crypto;

namespace Weft.Graph.Access;

/// <summary>The bytes that are hashed and signed for a native write.</summary>
/// <remarks>Source: docs/spec/ownership.md, section 2.</remarks>
internal static class WriteHash
{
    /// <summary>Bytes of the message that an author signs.</summary>
    public static int MessageLength => BatchTag.Length + (3 * WriteProof.HashLength) + sizeof(ulong) + sizeof(uint);

    private static ReadOnlySpan<byte> WriteTag => "weft/write/1\0"u8;

    private static ReadOnlySpan<byte> BatchTag => "weft/batch/1\0"u8;

    /// <summary>The hash of one write at its place: network, soul, field, value, state, basis and expiry.</summary>
    /// <param name="crypto">Hashes.</param>
    /// <param name="network">32 bytes.</param>
    /// <param name="write">The write.</param>
    /// <param name="basis">The state of the version its writer saw.</param>
    /// <param name="leaf">Takes 32 bytes.</param>
    public static void Leaf(
        ICrypto crypto, ReadOnlySpan<byte> network, in FieldWrite write, double basis, Span<byte> leaf)
    {
        ReadOnlySpan<byte> json = write.Value.Json;
        int length = 1 + WriteTag.Length + network.Length + (3 * sizeof(uint)) + (3 * sizeof(double)) + json.Length
            + Encoding.UTF8.GetMaxByteCount(write.Soul.Length) + Encoding.UTF8.GetMaxByteCount(write.Field.Length);
        byte[]? rented = length > 1_024 ? ArrayPool<byte>.Shared.Rent(length) : null;
        Span<byte> bytes = rented ?? stackalloc byte[1_024];
        bytes[0] = 0;
        int at = 1;
        Put(bytes, ref at, WriteTag);
        Put(bytes, ref at, network);
        PutText(bytes, ref at, write.Soul);
        PutText(bytes, ref at, write.Field);
        BinaryPrimitives.WriteInt32BigEndian(bytes[at..], json.Length);
        at += sizeof(uint);
        Put(bytes, ref at, json);
        PutNumber(bytes, ref at, write.State);
        PutNumber(bytes, ref at, basis);
        PutNumber(bytes, ref at, write.Extras?.ExpiresAtMs ?? 0);
        crypto.Sha256(bytes[..at], leaf);
        if (rented is not null)
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    /// <summary>The message that an author signs for a batch.</summary>
    /// <param name="network">32 bytes.</param>
    /// <param name="author">32 bytes.</param>
    /// <param name="sequence">The author's number of the batch.</param>
    /// <param name="count">Writes in it.</param>
    /// <param name="root">32 bytes.</param>
    /// <param name="message">Takes <see cref="MessageLength"/> bytes.</param>
    public static void Message(
        ReadOnlySpan<byte> network, ReadOnlySpan<byte> author, ulong sequence, int count, ReadOnlySpan<byte> root,
        Span<byte> message)
    {
        int at = 0;
        Put(message, ref at, BatchTag);
        Put(message, ref at, network);
        Put(message, ref at, author);
        BinaryPrimitives.WriteUInt64BigEndian(message[at..], sequence);
        at += sizeof(ulong);
        BinaryPrimitives.WriteInt32BigEndian(message[at..], count);
        at += sizeof(uint);
        Put(message, ref at, root);
    }

    private static void PutText(Span<byte> bytes, ref int at, string text)
    {
        int length = Encoding.UTF8.GetBytes(text, bytes[(at + sizeof(uint))..]);
        BinaryPrimitives.WriteInt32BigEndian(bytes[at..], length);
        at += sizeof(uint) + length;
    }

    // Zero has one form: "-0" comes back from JSON as 0, and must not break a signature on its way.
    private static void PutNumber(Span<byte> bytes, ref int at, double number)
    {
        BinaryPrimitives.WriteDoubleBigEndian(bytes[at..], number == 0 ? 0 : number);
        at += sizeof(double);
    }

    private static void Put(Span<byte> bytes, ref int at, ReadOnlySpan<byte> part)
    {
        part.CopyTo(bytes[at..]);
        at += part.Length;
    }
}
