using System.Text;

namespace Weft.Crypto;

/// <summary>
/// One round of challenge and response: what a client signs to prove that it holds a key, to one server, once.
/// </summary>
/// <remarks>
/// Everything but the purpose has a fixed length, so no two rounds have the same bytes. Source: docs/spec/http.md,
/// section 10.
/// </remarks>
/// <param name="Network">The network id: 32 bytes.</param>
/// <param name="Purpose">The door: "http", "gun" and so on; 1 to 16 characters of ASCII.</param>
/// <param name="Server">The key of the one who asks for the proof.</param>
/// <param name="Client">The key that is proved.</param>
/// <param name="ServerNonce">32 random bytes, chosen by the server for this round.</param>
/// <param name="ClientNonce">32 random bytes, chosen by the client for this round.</param>
public readonly record struct KeyProof(
    ReadOnlyMemory<byte> Network,
    string Purpose,
    Ed25519PublicKey Server,
    Ed25519PublicKey Client,
    ReadOnlyMemory<byte> ServerNonce,
    ReadOnlyMemory<byte> ClientNonce)
{
    /// <summary>Bytes of a nonce.</summary>
    public const int NonceLength = 32;

    /// <summary>Bytes of a signature.</summary>
    public const int SignatureLength = 64;

    /// <summary>Characters of the longest purpose.</summary>
    public const int PurposeLengthMax = 16;

    private const int NetworkLength = 32;

    private static ReadOnlySpan<byte> Domain => "weft/auth/1\0"u8;

    /// <summary>Signs the round.</summary>
    /// <param name="crypto">The primitives.</param>
    /// <param name="client">The key pair of <see cref="Client"/>.</param>
    /// <param name="signature">Takes 64 bytes.</param>
    /// <exception cref="ArgumentException">A length is another than stated, or the key pair is another.</exception>
    public void Sign(ICrypto crypto, Ed25519KeyPair client, Span<byte> signature)
    {
        if (client.PublicKey != Client)
        {
            throw new ArgumentException("The proof is for another key.", nameof(client));
        }

        client.Sign(crypto, ToMessage(), signature);
    }

    /// <summary>True when the client's key signed exactly this round.</summary>
    /// <param name="crypto">The primitives.</param>
    /// <param name="signature">As it came; another length than 64 bytes is false.</param>
    /// <exception cref="ArgumentException">A length of the round itself is another than stated.</exception>
    public bool Verify(ICrypto crypto, ReadOnlySpan<byte> signature) =>
        signature.Length == SignatureLength && crypto.VerifyEd25519(Client.Span, ToMessage(), signature);

    private byte[] ToMessage()
    {
        if (Network.Length != NetworkLength || ServerNonce.Length != NonceLength || ClientNonce.Length != NonceLength
            || Purpose.Length is 0 or > PurposeLengthMax || !Ascii.IsValid(Purpose))
        {
            throw new ArgumentException(
                "A round has a network id and two nonces of 32 bytes each, and a purpose of 1 to 16 characters.");
        }

        return
        [
            .. Domain, .. Network.Span, .. Encoding.ASCII.GetBytes(Purpose), .. Server.Span, .. Client.Span,
            .. ServerNonce.Span, .. ClientNonce.Span,
        ];
    }
}
