namespace Weft.Crypto.Providers;

/// <summary>Which RSA keys and signatures are looked at: the sizes are bounded before any arithmetic.</summary>
internal static class RsaRule
{
    private const int ModulusBitsMin = 2_048;
    private const int ModulusBitsMax = 8_192;
    private const int ExponentLengthMax = 4;

    // DigestInfo of SHA-256, with its NULL: RFC 8017, section 9.2, note 1.
    private static ReadOnlySpan<byte> DigestInfo =>
    [
        0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04,
        0x20,
    ];

    /// <summary>Reads a key; odd modulus of 2,048 to 8,192 bits, odd exponent of 3 to 2^32 - 1.</summary>
    internal static bool TryRead(
        ReadOnlySpan<byte> spki, ReadOnlySpan<byte> signature, out ReadOnlySpan<byte> modulus,
        out ReadOnlySpan<byte> exponent)
    {
        if (!Der.TryReadRsa(spki, out modulus, out exponent) || exponent.Length > ExponentLengthMax)
        {
            return false;
        }

        int bits = (modulus.Length * 8) - byte.LeadingZeroCount(modulus[0]);
        return bits is >= ModulusBitsMin and <= ModulusBitsMax
            && (modulus[^1] & 1) == 1 && (exponent[^1] & 1) == 1 && (exponent.Length > 1 || exponent[0] >= 3)
            && signature.Length == modulus.Length && signature.SequenceCompareTo(modulus) < 0;
    }

    /// <summary>The one encoded message a signature may open to: EMSA-PKCS1-v1_5.</summary>
    internal static void Encode(ReadOnlySpan<byte> digest, Span<byte> encoded)
    {
        encoded.Fill(0xff);
        encoded[0] = 0;
        encoded[1] = 1;
        Span<byte> tail = encoded[^(DigestInfo.Length + digest.Length)..];
        encoded[^(tail.Length + 1)] = 0;
        DigestInfo.CopyTo(tail);
        digest.CopyTo(tail[DigestInfo.Length..]);
    }
}
