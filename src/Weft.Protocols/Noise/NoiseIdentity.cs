using System.Buffers;
using System.Security.Cryptography;
using Weft.Crypto;
using Weft.Protocols.Peers;
using Weft.Protocols.Protobuf;

namespace Weft.Protocols.Noise;

/// <summary>
/// What a peer shows in every libp2p handshake: its lasting X25519 key, and its signature over that key. Made once, so
/// a handshake costs no signature.
/// </summary>
/// <remarks>Source: libp2p specs, noise/README.md, "The libp2p Handshake Payload".</remarks>
public sealed class NoiseIdentity : IDisposable
{
    internal const int KeyField = 1;
    internal const int SignatureField = 2;
    internal const int ExtensionsField = 4;
    internal const int MuxersField = 2;

    private readonly byte[] _staticSecret;
    private readonly byte[] _staticPublic;
    private readonly byte[] _payload;

    /// <summary>Makes the identity.</summary>
    /// <param name="crypto">The primitives.</param>
    /// <param name="key">The peer's key.</param>
    /// <param name="staticSecret">32 random bytes; copied, and cleared on dispose.</param>
    /// <param name="muxers">What is offered for early negotiation, the best first; none turns it off.</param>
    public NoiseIdentity(
        ICrypto crypto, Ed25519KeyPair key, ReadOnlySpan<byte> staticSecret, IReadOnlyList<string> muxers)
    {
        ArgumentNullException.ThrowIfNull(crypto);
        ArgumentNullException.ThrowIfNull(key);
        Span<byte> staticKey = stackalloc byte[32];
        Span<byte> signature = stackalloc byte[Ed25519KeyPair.SignatureLength];
        crypto.PublicKeyX25519(staticSecret, staticKey);
        key.Sign(crypto, BytesToSign(staticKey), signature);
        _staticSecret = staticSecret.ToArray();
        _staticPublic = staticKey.ToArray();
        Muxers = muxers;
        var buffer = new ArrayBufferWriter<byte>(160);
        var writer = new ProtobufWriter(buffer);
        writer.Bytes(KeyField, PeerPublicKey.FromEd25519(key.PublicKey).Encoded);
        writer.Bytes(SignatureField, signature);
        if (muxers.Count > 0)
        {
            var extensions = new ArrayBufferWriter<byte>(32);
            var inner = new ProtobufWriter(extensions);
            foreach (string muxer in muxers)
            {
                inner.Text(MuxersField, muxer);
            }

            writer.Bytes(ExtensionsField, extensions.WrittenSpan);
        }

        _payload = buffer.WrittenSpan.ToArray();
    }

    /// <summary>The muxers offered early.</summary>
    public IReadOnlyList<string> Muxers { get; }

    internal ReadOnlySpan<byte> StaticSecret => _staticSecret;

    internal ReadOnlySpan<byte> StaticPublic => _staticPublic;

    internal ReadOnlySpan<byte> Payload => _payload;

    /// <summary>Clears the secret.</summary>
    public void Dispose() => CryptographicOperations.ZeroMemory(_staticSecret);

    /// <summary>Not the keys.</summary>
    public override string ToString() => "(Noise identity)";

    internal static byte[] BytesToSign(ReadOnlySpan<byte> staticKey) => [.. "noise-libp2p-static-key:"u8, .. staticKey];
}
