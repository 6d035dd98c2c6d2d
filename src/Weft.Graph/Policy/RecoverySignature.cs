using System.Buffers.Text;
using Weft.Crypto;

namespace Weft.Graph.Policy;

/// <summary>What the holder of one recovery key says: that a key is followed by another one, from a state on.</summary>
/// <remarks>
/// Its text is <c>KEY.SIGNATURE</c>, 43 and 86 characters of base64url. Source: docs/spec/policy.md, section 5.
/// </remarks>
/// <param name="Key">The recovery key.</param>
/// <param name="Signature">64 bytes over <see cref="RecoveryRecord.Message"/>.</param>
public readonly record struct RecoverySignature(Ed25519PublicKey Key, ReadOnlyMemory<byte> Signature)
{
    private const int Bytes = 64;
    private const int SignatureChars = 86;

    /// <summary>Characters of its text.</summary>
    public const int TextLength = Ed25519PublicKey.TextLength + 1 + SignatureChars;

    /// <summary>Signs.</summary>
    /// <param name="crypto">Signs.</param>
    /// <param name="pair">The recovery key, with its seed.</param>
    /// <param name="network">The id of the network, 32 bytes.</param>
    /// <param name="key">The key that is lost.</param>
    /// <param name="next">The key that shall follow it.</param>
    /// <param name="state">From there on.</param>
    public static RecoverySignature Make(
        ICrypto crypto, Ed25519KeyPair pair, ReadOnlySpan<byte> network, Ed25519PublicKey key, Ed25519PublicKey next,
        double state)
    {
        ArgumentNullException.ThrowIfNull(pair);
        byte[] signature = new byte[Bytes];
        pair.Sign(crypto, RecoveryRecord.Message(network, key, next, state), signature);
        return new(pair.PublicKey, signature);
    }

    /// <summary>Reads the text.</summary>
    /// <returns>
    /// False for every form but the one <see cref="ToString"/> makes; whether it holds is another question.
    /// </returns>
    public static bool TryParse(ReadOnlySpan<char> text, out RecoverySignature signature)
    {
        byte[] bytes = new byte[Bytes];
        Ed25519PublicKey key = default;
        bool isRead = text.Length == TextLength && text[Ed25519PublicKey.TextLength] == '.'
            && Ed25519PublicKey.TryParse(text[..Ed25519PublicKey.TextLength], out key)
            && Base64UrlText.TryDecode(text[(Ed25519PublicKey.TextLength + 1)..], bytes);
        signature = isRead ? new(key, bytes) : default;
        return isRead;
    }

    /// <summary>True when the recovery key signed exactly this.</summary>
    public bool IsFor(
        Ed25519PublicKey key, Ed25519PublicKey next, double state, ReadOnlySpan<byte> network, ICrypto crypto) =>
        crypto.VerifyEd25519(Key.Span, RecoveryRecord.Message(network, key, next, state), Signature.Span);

    /// <summary>The text.</summary>
    public override string ToString() => $"{Key}.{Base64Url.EncodeToString(Signature.Span)}";
}
