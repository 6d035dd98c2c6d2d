using Weft.Crypto;
using Weft.Primitives;

namespace Weft.Graph.Access;

/// <summary>
/// One signature that must hold before a write is taken: costly, pure, and the same for every write that asks.
/// </summary>
/// <remarks>Two checks are equal when one answer serves both. Safe to use from many threads.</remarks>
public abstract class SignatureCheck
{
    /// <summary>What a write is refused with when it does not hold.</summary>
    public virtual WeftError Refusal => WeftError.SignatureRefused;

    /// <summary>True when other writes are likely to ask the same, so that the answer is worth remembering.</summary>
    public virtual bool IsShared => true;

    /// <summary>Does the arithmetic.</summary>
    /// <param name="crypto">The primitives.</param>
    /// <param name="keys">P-256 keys, imported and kept.</param>
    public abstract bool Verify(ICrypto crypto, ISeaKeys keys);

    /// <inheritdoc/>
    public abstract override bool Equals(object? obj);

    /// <inheritdoc/>
    public abstract override int GetHashCode();
}

/// <summary>Gives imported P-256 keys: importing one costs more than verifying with it.</summary>
public interface ISeaKeys
{
    /// <summary>The key, ready to verify.</summary>
    /// <param name="pub">"x.y".</param>
    /// <returns>Null when it is no key.</returns>
    IP256PublicKey? Find(string pub);
}

/// <summary>The signatures of a chain of grants.</summary>
public sealed class GrantSignatures(Grant grant) : SignatureCheck
{
    /// <inheritdoc/>
    public override WeftError Refusal => WeftError.GrantRefused;

    /// <inheritdoc/>
    public override bool Verify(ICrypto crypto, ISeaKeys keys) =>
        GrantVerifier.VerifySignatures(grant, crypto) == GrantVerdict.Allowed;

    /// <inheritdoc/>
    public override bool Equals(object? obj) =>
        obj is GrantSignatures other && grant.Bytes.Span.SequenceEqual(other.Bytes);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.AddBytes(grant.Id.Span);
        return hash.ToHashCode();
    }

    private ReadOnlySpan<byte> Bytes => grant.Bytes.Span;
}
