namespace Weft.Crypto.Providers;

/// <summary>
/// What the .NET library lacks: the two functions of Curve25519, and BLAKE2b. Lengths were checked by the caller, and
/// a signature has passed <see cref="Ed25519Rule"/>.
/// </summary>
internal interface ICurve25519
{
    string Name { get; }

    void PublicKeyEd25519(ReadOnlySpan<byte> seed, Span<byte> publicKey);

    /// <summary>An empty public key is computed from the seed; another one is the seed's.</summary>
    void SignEd25519(
        ReadOnlySpan<byte> seed, ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> message, Span<byte> signature);

    /// <summary>The equation without the cofactor, and that both points decode.</summary>
    bool VerifyEd25519(ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature);

    void PublicKeyX25519(ReadOnlySpan<byte> secret, Span<byte> publicKey);

    /// <summary>False when the result is all zero; it need not be cleared then.</summary>
    bool AgreeX25519(ReadOnlySpan<byte> secret, ReadOnlySpan<byte> publicKey, Span<byte> shared);

    void Blake2b(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, Span<byte> digest);
}
