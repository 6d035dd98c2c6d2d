using System.Diagnostics.CodeAnalysis;
using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Weft.Crypto;
using Weft.Libp2p.Transport;
using Weft.Protocols.Peers;

namespace Weft.Transports.Tls;

/// <summary>The self-signed certificate by which a libp2p peer shows, within TLS, that it holds its key.</summary>
/// <remarks>
/// The key of the certificate is made for it alone; the peer's key signs it, in an extension. Source: libp2p specs,
/// tls/tls.md, "Peer Authentication".
/// </remarks>
internal static class PeerCertificate
{
    internal const string ExtensionOid = "1.3.6.1.4.1.53594.1.1";
    internal const int BytesMax = 8_192; // With room for the longest RSA keys and signatures.

    private const string BasicConstraintsOid = "2.5.29.19";
    private const string KeyUsageOid = "2.5.29.15";

    private static ReadOnlySpan<byte> Prefix => "libp2p-tls-handshake:"u8;

    /// <summary>Makes a certificate for a host; the caller disposes it.</summary>
    internal static X509Certificate2 Make(SecurityIdentity self)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        byte[] signature = new byte[Ed25519KeyPair.SignatureLength];
        self.Key.Sign(self.Crypto, (byte[])[.. Prefix, .. key.ExportSubjectPublicKeyInfo()], signature);
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            writer.WriteOctetString(PeerPublicKey.FromEd25519(self.Key.PublicKey).Encoded);
            writer.WriteOctetString(signature);
        }

        // The one extension; js-libp2p looks at the first only.
        var request = new CertificateRequest("CN=libp2p", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509Extension(ExtensionOid, writer.Encode(), critical: false));
        DateTimeOffset now = self.Time.GetUtcNow();
        X509Certificate2 made = request.CreateSelfSigned(now.AddHours(-1), now.AddYears(100));
        if (!OperatingSystem.IsWindows())
        {
            return made;
        }

        using (made)
        {
            // Schannel does not take keys that live in this process alone.
            return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), password: null);
        }
    }

    /// <summary>Verifies a peer's certificate: its times, its form, its own signature, and the peer's.</summary>
    /// <param name="certificate">DER, as it came.</param>
    /// <param name="crypto">The primitives.</param>
    /// <param name="now">The wall clock.</param>
    /// <param name="peer">The key the peer has proved to have signed with.</param>
    internal static bool TryVerify(
        ReadOnlyMemory<byte> certificate,
        ICrypto crypto,
        DateTimeOffset now,
        [NotNullWhen(true)] out PeerPublicKey? peer)
    {
        peer = null;
        if (certificate.Length > BytesMax)
        {
            return false;
        }

        try
        {
            Parts parts = Read(certificate);
            if (now < parts.NotBefore || now > parts.NotAfter
                || !TrySignedKey(parts.Extension, out byte[] key, out byte[] sign)
                || !PeerPublicKey.TryDecode(key, out PeerPublicKey? claimed))
            {
                return false;
            }

            byte[] message = [.. Prefix, .. parts.PublicKey.Span];
            if (!IsSelfSigned(parts, crypto) || !claimed.Verify(crypto, message, sign))
            {
                return false;
            }

            peer = claimed;
            return true;
        }
        catch (Exception error) when (
            error is AsnContentException or CryptographicException or ArgumentException or NotSupportedException)
        {
            return false; // Whatever is wrong with bytes of a stranger, the answer is one.
        }
    }

    private static Parts Read(ReadOnlyMemory<byte> certificate)
    {
        AsnReader outer = new AsnReader(certificate, AsnEncodingRules.DER);
        AsnReader all = outer.ReadSequence();
        outer.ThrowIfNotEmpty();
        ReadOnlyMemory<byte> signed = all.PeekEncodedValue();
        AsnReader body = all.ReadSequence();
        string algorithm = ReadAlgorithm(all.ReadSequence());
        byte[] signature = all.ReadBitString(out int unused);
        all.ThrowIfNotEmpty();
        var tag0 = new Asn1Tag(TagClass.ContextSpecific, 0, isConstructed: true);
        var tag3 = new Asn1Tag(TagClass.ContextSpecific, 3, isConstructed: true);
        AsnReader version = body.ReadSequence(tag0);
        version.TryReadInt32(out int number);
        version.ThrowIfNotEmpty();
        body.ReadIntegerBytes(); // Serial number.
        string inner = ReadAlgorithm(body.ReadSequence());
        ReadOnlyMemory<byte> issuer = body.ReadEncodedValue();
        AsnReader validity = body.ReadSequence();
        DateTimeOffset notBefore = ReadTime(validity);
        DateTimeOffset notAfter = ReadTime(validity);
        ReadOnlyMemory<byte> subject = body.ReadEncodedValue();
        ReadOnlyMemory<byte> publicKey = body.ReadEncodedValue();
        if (number != 2 || unused != 0 || inner != algorithm || !issuer.Span.SequenceEqual(subject.Span)
            || !body.HasData || !body.PeekTag().HasSameClassAndValue(tag3))
        {
            // Version 3; the two fields for unique ids must not be there.
            throw new AsnContentException("It is no certificate of a peer.");
        }

        byte[]? extension = ReadExtensions(body.ReadSequence(tag3));
        body.ThrowIfNotEmpty();
        return new(
            signed, algorithm, signature, publicKey, notBefore, notAfter,
            extension ?? throw new AsnContentException("It does not name a peer's key."));
    }

    private static byte[]? ReadExtensions(AsnReader wrapped)
    {
        byte[]? found = null;
        AsnReader list = wrapped.ReadSequence();
        wrapped.ThrowIfNotEmpty();
        while (list.HasData)
        {
            AsnReader one = list.ReadSequence();
            string oid = one.ReadObjectIdentifier();
            bool isCritical = one.PeekTag().HasSameClassAndValue(Asn1Tag.Boolean) && one.ReadBoolean();
            byte[] value = one.ReadOctetString();
            one.ThrowIfNotEmpty();
            if (oid == ExtensionOid && found is null)
            {
                found = value;
            }
            else if (oid == ExtensionOid || (isCritical && oid is not (BasicConstraintsOid or KeyUsageOid)))
            {
                throw new AsnContentException("An extension comes twice, or is critical and not known.");
            }
        }

        return found;
    }

    private static string ReadAlgorithm(AsnReader algorithm) => algorithm.ReadObjectIdentifier();

    private static DateTimeOffset ReadTime(AsnReader reader) =>
        reader.PeekTag().HasSameClassAndValue(Asn1Tag.UtcTime) ? reader.ReadUtcTime() : reader.ReadGeneralizedTime();

    private static bool TrySignedKey(byte[] extension, out byte[] key, out byte[] signature)
    {
        var outer = new AsnReader(extension, AsnEncodingRules.DER);
        AsnReader pair = outer.ReadSequence();
        outer.ThrowIfNotEmpty();
        key = pair.ReadOctetString();
        signature = pair.ReadOctetString();
        return !pair.HasData;
    }

    private static bool IsSelfSigned(in Parts parts, ICrypto crypto)
    {
        ReadOnlySpan<byte> key = parts.PublicKey.Span;
        switch (parts.Algorithm)
        {
            case "1.2.840.10045.4.3.2" or "1.2.840.10045.4.3.3" or "1.2.840.10045.4.3.4"
                when IsNamedCurve(parts.PublicKey):
                using (var ecdsa = ECDsa.Create())
                {
                    ecdsa.ImportSubjectPublicKeyInfo(key, out int read);
                    return read == key.Length && ecdsa.VerifyData(
                        parts.Signed.Span, parts.Signature, HashOf(parts.Algorithm),
                        DSASignatureFormat.Rfc3279DerSequence);
                }

            case "1.2.840.113549.1.1.11" when key.Length <= PeerPublicKey.EncodedBytesMax:
                return crypto.VerifyRsaSha256(key, parts.Signed.Span, parts.Signature);
            case "1.3.101.112" when key.Length == 44: // A header of 12 bytes, and the key.
                return crypto.VerifyEd25519(key[12..], parts.Signed.Span, parts.Signature);
            default:
                return false;
        }
    }

    /// <summary>P-256, P-384 or P-521 by name: curves that a stranger makes up are not even looked at.</summary>
    private static bool IsNamedCurve(ReadOnlyMemory<byte> publicKey)
    {
        AsnReader algorithm = new AsnReader(publicKey, AsnEncodingRules.DER).ReadSequence().ReadSequence();
        return algorithm.ReadObjectIdentifier() == "1.2.840.10045.2.1"
            && algorithm.ReadObjectIdentifier() is "1.2.840.10045.3.1.7" or "1.3.132.0.34" or "1.3.132.0.35"
            && !algorithm.HasData;
    }

    private static HashAlgorithmName HashOf(string algorithm) => algorithm[^1] switch
    {
        '2' => HashAlgorithmName.SHA256,
        '3' => HashAlgorithmName.SHA384,
        _ => HashAlgorithmName.SHA512,
    };

    private readonly record struct Parts(
        ReadOnlyMemory<byte> Signed,
        string Algorithm,
        byte[] Signature,
        ReadOnlyMemory<byte> PublicKey,
        DateTimeOffset NotBefore,
        DateTimeOffset NotAfter,
        byte[] Extension);
}
