namespace Weft.Graph;

/// <summary>Names one field of one node.</summary>
/// <param name="Soul">The node's global name.</param>
/// <param name="Field">The field's name.</param>
public readonly record struct FieldKey(string Soul, string Field);

/// <summary>
/// What a stored field carries beside value and state. Part of the storage format from version 1, so that owners,
/// signatures, expiry and policies need no migration.
/// </summary>
/// <param name="Author">Public key of the writer, or empty.</param>
/// <param name="Signature">The writer's signature, or empty.</param>
/// <param name="ExpiresAtMs">Wall time in milliseconds after which the field is gone; 0 for never.</param>
/// <param name="Policy">Number of the policy that admitted it; 0 for none.</param>
public sealed record FieldExtras(
    ReadOnlyMemory<byte> Author = default,
    ReadOnlyMemory<byte> Signature = default,
    double ExpiresAtMs = 0,
    uint Policy = 0)
{
    /// <summary>True when both carry the same bytes; a write that was read back from disk equals itself.</summary>
    public bool Equals(FieldExtras? other) => other is not null
        && Author.Span.SequenceEqual(other.Author.Span)
        && Signature.Span.SequenceEqual(other.Signature.Span)
        && ExpiresAtMs.Equals(other.ExpiresAtMs)
        && Policy == other.Policy;

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.AddBytes(Author.Span);
        hash.AddBytes(Signature.Span);
        return hash.ToHashCode();
    }
}

/// <summary>One field as somebody wants it to be: an element of a delta.</summary>
/// <param name="Soul">The node.</param>
/// <param name="Field">The field.</param>
/// <param name="Value">The value; null deletes.</param>
/// <param name="State">HAM's state: milliseconds since 1970-01-01 UTC with a fraction.</param>
/// <param name="Extras">Author, signature, expiry, policy; usually null.</param>
public readonly record struct FieldWrite(
    string Soul, string Field, WeftValue Value, double State, FieldExtras? Extras = null);

/// <summary>One field as the store holds it.</summary>
/// <param name="Field">The field.</param>
/// <param name="Value">The value; null is a tombstone.</param>
/// <param name="State">HAM's state.</param>
/// <param name="Sequence">The commit that stored it: 1 and up, rising by one for each batch.</param>
/// <param name="Extras">Author, signature, expiry, policy; usually null.</param>
public readonly record struct StoredField(
    string Field, WeftValue Value, double State, long Sequence, FieldExtras? Extras = null);
