using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Weft.Crypto;
using Weft.Libp2p.Transport;
using Weft.Primitives;
using Weft.Protocols.Peers;
using Weft.Transports.Tls;

namespace Weft.Integration.Tests.Libp2p.Tls;

public sealed class PeerCertificateTests : IDisposable
{
    private static readonly ICrypto Crypto = PlatformCrypto.Create();
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly Ed25519KeyPair _key = new(Crypto, Enumerable.Repeat((byte)5, 32).ToArray());

    public void Dispose() => _key.Dispose();

    [Theory]
    [InlineData(CertificateVectors.Ed25519, PeerKeyType.Ed25519, "12D3KooWM6CgA9iBFZmcYAHA6A2qvbAxqfkmrYiRQuz3XEsk4Ksv")]
    [InlineData(CertificateVectors.Ecdsa, PeerKeyType.Ecdsa, "QmfXbAwNjJLXfesgztEHe8HwgVDCMMpZ9Eax1HYq6hn9uE")]
    [InlineData(CertificateVectors.Secp256k1, PeerKeyType.Secp256k1, "16Uiu2HAkutTMoTzDw1tCvSRtu6YoixJwS46S1ZFxW8hSx9fWHiPs")]
    public void The_certificates_of_the_specification_name_the_peers_it_says(string hex, PeerKeyType type, string id)
    {
        Assert.True(PeerCertificate.TryVerify(Convert.FromHexString(hex), Crypto, Now, out PeerPublicKey? peer));
        Assert.Equal((type, id), (peer.Type, peer.ToPeerId(Crypto).ToString()));
    }

    [Fact]
    public void The_wrong_certificate_of_the_specification_is_refused() => Assert.False(
        PeerCertificate.TryVerify(Convert.FromHexString(CertificateVectors.Wrong), Crypto, Now, out _));

    [Fact]
    public void Own_certificates_verify_and_hold_one_extension()
    {
        using X509Certificate2 own = Make();

        Assert.True(PeerCertificate.TryVerify(own.RawData, Crypto, Now, out PeerPublicKey? peer));
        Assert.Equal(_key.PublicKey.ToPeerId(), peer.ToPeerId(Crypto));
        Assert.Equal(PeerCertificate.ExtensionOid, Assert.Single(own.Extensions).Oid!.Value);
        Assert.True(own.HasPrivateKey);
    }

    [Fact]
    public void Any_changed_byte_is_refused()
    {
        foreach (byte[] good in new[] { Make().RawData, Convert.FromHexString(CertificateVectors.Secp256k1) })
        {
            for (int at = 0; at < good.Length; at++)
            {
                byte[] bad = [.. good];
                bad[at] ^= 0x01;
                Assert.False(PeerCertificate.TryVerify(bad, Crypto, Now, out _), $"byte {at}");
            }

            for (int length = 0; length < good.Length; length += 7)
            {
                Assert.False(PeerCertificate.TryVerify(good.AsMemory(0, length), Crypto, Now, out _));
            }

            Assert.False(PeerCertificate.TryVerify((byte[])[.. good, 0], Crypto, Now, out _));
        }
    }

    [Fact]
    public void A_certificate_counts_from_its_first_moment_to_its_last()
    {
        byte[] made = Build(_ => { }, Now.AddMinutes(-1), Now.AddMinutes(1));

        Assert.True(PeerCertificate.TryVerify(made, Crypto, Now, out _));
        Assert.False(PeerCertificate.TryVerify(made, Crypto, Now.AddMinutes(-2), out _));
        Assert.False(PeerCertificate.TryVerify(made, Crypto, Now.AddMinutes(2), out _));
    }

    [Fact]
    public void Extensions_that_are_not_known_are_passed_over_unless_they_are_critical()
    {
        Assert.True(Verifies(request => request.CertificateExtensions.Add(new X509Extension("1.2.3.4", [5, 0], critical: false))));
        Assert.True(Verifies(request => request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true))));
        Assert.False(Verifies(request => request.CertificateExtensions.Add(new X509Extension("1.2.3.4", [5, 0], critical: true))));
    }

    [Fact]
    public void A_certificate_without_the_extension_or_with_two_of_them_is_refused()
    {
        Assert.False(Verifies(request => request.CertificateExtensions.Clear()));
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var twice = new TwoOfAKind(Request(key), key);
        Assert.False(PeerCertificate.TryVerify(twice.Bytes, Crypto, Now, out _));
        Assert.True(PeerCertificate.TryVerify(twice.OneAndAnother, Crypto, Now, out _));
        Assert.False(Verifies(request =>
        {
            request.CertificateExtensions.Clear();
            request.CertificateExtensions.Add(new X509Extension(PeerCertificate.ExtensionOid, [0x30, 0x80], false));
        }));
    }

    [Fact]
    public void A_peers_signature_over_another_key_is_worth_nothing()
    {
        using X509Certificate2 own = Make();
        X509Extension stolen = own.Extensions[0];

        Assert.False(Verifies(request =>
        {
            request.CertificateExtensions.Clear();
            request.CertificateExtensions.Add(new X509Extension(stolen.Oid!.Value!, stolen.RawData, false));
        }));
    }

    [Fact]
    public void A_certificate_that_another_key_has_signed_is_refused()
    {
        using var issuerKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var issuerRequest = new CertificateRequest("CN=libp2p", issuerKey, HashAlgorithmName.SHA256);
        issuerRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, false));
        using X509Certificate2 issuer = issuerRequest.CreateSelfSigned(Now.AddDays(-2), Now.AddDays(2));
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = Request(key);
        using X509Certificate2 made = request.Create(issuer, Now.AddDays(-1), Now.AddDays(1), [1, 2, 3]);

        Assert.False(PeerCertificate.TryVerify(made.RawData, Crypto, Now, out _));
    }

    [Fact]
    public void Keys_of_certificates_may_be_RSA_or_of_a_larger_curve()
    {
        using var rsa = RSA.Create(2_048);
        var request = new CertificateRequest("CN=x", rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        request.CertificateExtensions.Add(Extension(rsa.ExportSubjectPublicKeyInfo()));
        using X509Certificate2 withRsa = request.CreateSelfSigned(Now.AddDays(-1), Now.AddDays(1));
        Assert.True(PeerCertificate.TryVerify(withRsa.RawData, Crypto, Now, out _));

        using var p384 = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        request = new("CN=x", p384, HashAlgorithmName.SHA384);
        request.CertificateExtensions.Add(Extension(p384.ExportSubjectPublicKeyInfo()));
        using X509Certificate2 withP384 = request.CreateSelfSigned(Now.AddDays(-1), Now.AddDays(1));
        Assert.True(PeerCertificate.TryVerify(withP384.RawData, Crypto, Now, out _));
    }

    [Fact]
    public void Random_bytes_and_large_ones_are_refused_and_throw_nothing()
    {
        var random = new WeftRandom(9);
        byte[] good = Convert.FromHexString(CertificateVectors.Ed25519);
        for (int i = 0; i < 3_000; i++)
        {
            byte[] bytes = [.. good];
            for (int k = random.Next(1, 6); k > 0; k--)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            bool isSame = bytes.AsSpan().SequenceEqual(good);
            Assert.Equal(isSame, PeerCertificate.TryVerify(bytes, Crypto, Now, out _));
        }

        Assert.False(PeerCertificate.TryVerify(new byte[PeerCertificate.BytesMax + 1], Crypto, Now, out _));
    }

    private X509Certificate2 Make() => PeerCertificate.Make(
        new(_key, _key.PublicKey.ToPeerId(), Crypto, ["/yamux/1.0.0"], new At(Now)));

    private bool Verifies(Action<CertificateRequest> change) =>
        PeerCertificate.TryVerify(Build(change, Now.AddDays(-1), Now.AddDays(1)), Crypto, Now, out _);

    private byte[] Build(Action<CertificateRequest> change, DateTimeOffset from, DateTimeOffset to)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = Request(key);
        change(request);
        using X509Certificate2 made = request.CreateSelfSigned(from, to);
        return made.RawData;
    }

    private CertificateRequest Request(ECDsa key)
    {
        var request = new CertificateRequest("CN=libp2p", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(Extension(key.ExportSubjectPublicKeyInfo()));
        return request;
    }

    private X509Extension Extension(byte[] publicKey)
    {
        byte[] signature = new byte[64];
        _key.Sign(Crypto, (byte[])[.. "libp2p-tls-handshake:"u8, .. publicKey], signature);
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            writer.WriteOctetString(PeerPublicKey.FromEd25519(_key.PublicKey).Encoded);
            writer.WriteOctetString(signature);
        }

        return new(PeerCertificate.ExtensionOid, writer.Encode(), critical: false);
    }

    /// <summary>
    /// No builder makes two extensions of a kind: the second is made as one of another number, which is then changed,
    /// and
    /// the whole signed again.
    /// </summary>
    private sealed class TwoOfAKind
    {
        public TwoOfAKind(CertificateRequest request, ECDsa key)
        {
            X509Extension one = request.CertificateExtensions[0];
            request.CertificateExtensions.Add(new X509Extension("1.3.6.1.4.1.53594.1.2", one.RawData, false));
            using X509Certificate2 made = request.CreateSelfSigned(Now.AddDays(-1), Now.AddDays(1));
            OneAndAnother = made.RawData;
            AsnReader all = new AsnReader(made.RawData, AsnEncodingRules.DER).ReadSequence();
            byte[] body = all.ReadEncodedValue().ToArray();
            ReadOnlyMemory<byte> algorithm = all.ReadEncodedValue();
            body[body.AsSpan().LastIndexOf(new byte[] { 0x83, 0xA2, 0x5A, 0x01, 0x02 }) + 4] = 1;
            var writer = new AsnWriter(AsnEncodingRules.DER);
            using (writer.PushSequence())
            {
                writer.WriteEncodedValue(body);
                writer.WriteEncodedValue(algorithm.Span);
                writer.WriteBitString(
                    key.SignData(body, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence));
            }

            Bytes = writer.Encode();
        }

        public byte[] Bytes { get; }

        public byte[] OneAndAnother { get; }
    }

    private sealed class At(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}
