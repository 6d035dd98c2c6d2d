using System.Buffers;
using System.Buffers.Binary;
using System.Buffers.Text;
using Weft.Crypto;

namespace Weft.Graph.Access;

/// <summary>
/// Author, expiry and proof of a write as one text, base64 of author (32 bytes), expiry (8 bytes, big-endian) and
/// proof:
/// what Weft peers tell each other beside a value, and what exports carry.
/// </summary>
/// <remarks>Source: docs/spec/ownership.md, section 2.4.</remarks>
public static class ProofText
{
    private const int HeadLength = Ed25519PublicKey.Length + sizeof(double);

    /// <summary>Characters of the longest text.</summary>
    public static int LengthMax => Base64.GetMaxEncodedToUtf8Length(HeadLength + WriteProof.BytesMax);

    /// <summary>
    /// What stands for a text that cannot be read: admission refuses the write that carries it, and only that.
    /// </summary>
    public static FieldExtras Unreadable { get; } = new(Signature: new byte[1]);

    /// <summary>True when a field carries a proof.</summary>
    public static bool Has(FieldExtras? extras) =>
        extras is not null && extras.Author.Length == Ed25519PublicKey.Length && !extras.Signature.IsEmpty;

    /// <summary>The text in UTF-8.</summary>
    /// <param name="extras">With a proof, see <see cref="Has"/>.</param>
    public static byte[] Format(FieldExtras extras)
    {
        int length = HeadLength + extras.Signature.Length;
        byte[] text = new byte[Base64.GetMaxEncodedToUtf8Length(length)];
        extras.Author.Span.CopyTo(text);
        BinaryPrimitives.WriteDoubleBigEndian(text.AsSpan(Ed25519PublicKey.Length), extras.ExpiresAtMs);
        extras.Signature.Span.CopyTo(text.AsSpan(HeadLength));
        Base64.EncodeToUtf8InPlace(text, length, out int written);
        return written == text.Length ? text : text[..written];
    }

    /// <summary>Reads a text.</summary>
    /// <param name="text">UTF-8 from anywhere.</param>
    /// <returns><see cref="Unreadable"/> for every other form; nothing is verified.</returns>
    public static FieldExtras Read(ReadOnlySpan<byte> text)
    {
        if (text.Length > LengthMax || text.ContainsAny((byte)' ', (byte)'\n', (byte)'\r') || text.Contains((byte)'\t'))
        {
            return Unreadable; // White space decodes too; one proof has one text.
        }

        byte[] bytes = new byte[Base64.GetMaxDecodedFromUtf8Length(text.Length)];
        if (Base64.DecodeFromUtf8(text, bytes, out _, out int written) != OperationStatus.Done || written <= HeadLength)
        {
            return Unreadable;
        }

        return new FieldExtras(
            bytes.AsMemory(0, Ed25519PublicKey.Length),
            bytes.AsMemory(HeadLength, written - HeadLength),
            BinaryPrimitives.ReadDoubleBigEndian(bytes.AsSpan(Ed25519PublicKey.Length)));
    }
}
