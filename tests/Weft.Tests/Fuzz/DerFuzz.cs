using System.Security.Cryptography;
using Weft.Crypto.Providers;
using Weft.Fuzz;

namespace Weft.Tests.Fuzz;

/// <summary>
/// DER of keys and signatures: one encoding for one value, so what is read can only be written as it stood.
/// </summary>
internal sealed class DerFuzz : FuzzTarget
{
    private static readonly byte[] Key = RSA.Create(2_048).ExportSubjectPublicKeyInfo();
    private static readonly byte[] Signature = ECDsa.Create(ECCurve.NamedCurves.nistP256).SignData(
        "x"u8, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);

    public override string Name => "der";

    public override IEnumerable<byte[]> Seeds => [Key, Signature, [0x30, 6, 2, 1, 1, 2, 1, 1]];

    public override IReadOnlyList<byte[]> Words => [[0x30], [0x02], [0x03], [0x80], [0x81], [0x82], [0, 0x80]];

    public override int LengthMax => 1_024;

    public override ulong Run(ReadOnlyMemory<byte> input)
    {
        Span<byte> fixedSize = stackalloc byte[64];
        bool isSignature = Der.TryReadEcdsa(input.Span, fixedSize);
        if (isSignature)
        {
            byte[] again = [.. Integer(fixedSize[..32]), .. Integer(fixedSize[32..])];
            byte[] whole = [0x30, (byte)again.Length, .. again];
            FuzzFailure.Unless(input.Span.SequenceEqual(whole), "a signature has one encoding");
        }

        bool isKey = Der.TryReadRsa(input.Span, out ReadOnlySpan<byte> modulus, out ReadOnlySpan<byte> exponent);
        FuzzFailure.Unless(!isKey || (modulus.Length > 0 && exponent.Length > 0), "a key has both numbers");
        return (isSignature ? 1ul : 0) + (isKey ? 2ul : 0);
    }

    private static byte[] Integer(ReadOnlySpan<byte> value)
    {
        ReadOnlySpan<byte> trimmed = value[..^1].TrimStart((byte)0);
        byte[] bytes = [.. trimmed, value[^1]];
        if (bytes[0] >= 0x80)
        {
            bytes = [0, .. bytes];
        }

        return [0x02, (byte)bytes.Length, .. bytes];
    }
}
