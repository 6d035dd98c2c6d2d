namespace Weft.Crypto.Providers;

/// <summary>
/// What stands in front of every library that computes on Curve25519: the lengths of the contract, the one strict rule for
/// signatures, and no secret left behind by an agreement that failed.
/// </summary>
internal static class GuardedCurve
{
    public static void PublicKeyEd25519(ICurve25519 curve, ReadOnlySpan<byte> seed, Span<byte> publicKey)
    {
        CryptoGuard.Pair(seed, publicKey);
        curve.PublicKeyEd25519(seed, publicKey);
    }

    public static void SignEd25519(
        ICurve25519 curve, ReadOnlySpan<byte> seed, ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> message,
        Span<byte> signature)
    {
        CryptoGuard.Signing(seed, signature);
        curve.SignEd25519(seed, publicKey, message, signature);
    }

    public static bool VerifyEd25519(
        ICurve25519 curve, ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature) =>
        Ed25519Rule.Accepts(publicKey, signature) && curve.VerifyEd25519(publicKey, message, signature);

    public static void PublicKeyX25519(ICurve25519 curve, ReadOnlySpan<byte> secret, Span<byte> publicKey)
    {
        CryptoGuard.Pair(secret, publicKey);
        curve.PublicKeyX25519(secret, publicKey);
    }

    public static bool AgreeX25519(
        ICurve25519 curve, ReadOnlySpan<byte> secret, ReadOnlySpan<byte> publicKey, Span<byte> shared)
    {
        CryptoGuard.Agreement(secret, publicKey, shared);
        bool agreed = curve.AgreeX25519(secret, publicKey, shared);
        if (!agreed)
        {
            shared.Clear();
        }

        return agreed;
    }
}
