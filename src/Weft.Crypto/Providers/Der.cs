namespace Weft.Crypto.Providers;

/// <summary>
/// The little of DER that keys and signatures of peers need: sequences, unsigned integers, bit strings and fixed
/// parts, in the one canonical encoding. Nothing throws, nothing is allocated.
/// </summary>
/// <remarks>Source: ITU-T X.690, section 10.</remarks>
internal static class Der
{
    private const byte Integer = 0x02;
    private const byte BitString = 0x03;
    private const byte Sequence = 0x30;

    // AlgorithmIdentifier of rsaEncryption, with its NULL.
    private static ReadOnlySpan<byte> RsaAlgorithm =>
    [
        0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
    ];

    /// <summary>Turns an ECDSA signature in DER into r and s of 32 bytes each.</summary>
    /// <param name="der">The signature.</param>
    /// <param name="signature">Takes 64 bytes.</param>
    internal static bool TryReadEcdsa(ReadOnlySpan<byte> der, Span<byte> signature)
    {
        signature.Clear();
        return TryTake(ref der, Sequence, out ReadOnlySpan<byte> body) && der.IsEmpty
            && TryTakeUnsigned(ref body, out ReadOnlySpan<byte> r) && r.Length <= 32
            && TryTakeUnsigned(ref body, out ReadOnlySpan<byte> s) && s.Length <= 32 && body.IsEmpty
            && r.TryCopyTo(signature[(32 - r.Length)..]) && s.TryCopyTo(signature[(64 - s.Length)..]);
    }

    /// <summary>Takes modulus and exponent, without leading zeros, out of an RSA key.</summary>
    internal static bool TryReadRsa(
        ReadOnlySpan<byte> spki, out ReadOnlySpan<byte> modulus, out ReadOnlySpan<byte> exponent)
    {
        modulus = default;
        exponent = default;
        if (!TryTake(ref spki, Sequence, out ReadOnlySpan<byte> outer) || !spki.IsEmpty
            || !outer.StartsWith(RsaAlgorithm))
        {
            return false;
        }

        outer = outer[RsaAlgorithm.Length..];
        if (!TryTake(ref outer, BitString, out ReadOnlySpan<byte> bits) || !outer.IsEmpty
            || bits.IsEmpty || bits[0] != 0)
        {
            return false;
        }

        bits = bits[1..];
        return TryTake(ref bits, Sequence, out ReadOnlySpan<byte> key) && bits.IsEmpty
            && TryTakeUnsigned(ref key, out modulus) && TryTakeUnsigned(ref key, out exponent) && key.IsEmpty;
    }

    private static bool TryTakeUnsigned(scoped ref ReadOnlySpan<byte> source, out ReadOnlySpan<byte> value)
    {
        if (!TryTake(ref source, Integer, out value) || value.IsEmpty || value[0] >= 0x80)
        {
            return false;
        }

        if (value[0] == 0 && value.Length > 1)
        {
            value = value[1..];
            return value[0] >= 0x80; // Any other leading zero is not the shortest form.
        }

        return true;
    }

    private static bool TryTake(scoped ref ReadOnlySpan<byte> source, byte tag, out ReadOnlySpan<byte> content)
    {
        content = default;
        if (source.Length < 2 || source[0] != tag)
        {
            return false;
        }

        int length = source[1];
        int start = 2;
        if (length >= 0x80)
        {
            int count = length & 0x7f;
            if (count is 0 or > 2 || source.Length < 2 + count)
            {
                return false;
            }

            length = count == 1 ? source[2] : (source[2] << 8) | source[3];
            start = 2 + count;
            if (length < (count == 1 ? 0x80 : 0x100))
            {
                return false; // The shorter form of the length would have done.
            }
        }

        if (source.Length - start < length)
        {
            return false;
        }

        content = source.Slice(start, length);
        source = source[(start + length)..];
        return true;
    }
}
