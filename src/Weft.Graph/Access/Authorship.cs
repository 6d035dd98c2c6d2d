using System.Text;
using Weft.Crypto;

namespace Weft.Graph.Access;

/// <summary>Who wrote a field, as its proof says.</summary>
/// <param name="Author">The key: 43 characters of a native one, "x.y" of SEA; null when nothing says it.</param>
/// <param name="Sequence">The author's number of the batch; 0 for SEA and for none.</param>
/// <param name="Basis">The state of the version the author saw; 0 when it saw none; NaN when nothing says it.</param>
public readonly record struct Authorship(string? Author, ulong Sequence = 0, double Basis = double.NaN)
{
    /// <summary>Nobody is named.</summary>
    public static Authorship None => new(null);

    /// <summary>Reads who wrote a field. Nothing is verified: what is stored was.</summary>
    public static Authorship Of(in FieldWrite write)
    {
        if (ProofText.Has(write.Extras))
        {
            string author = new Ed25519PublicKey(write.Extras!.Author.Span).ToString();
            return WriteProof.TryRead(write.Extras.Signature.Span, out WriteProof proof)
                ? new(author, proof.Sequence, proof.Basis)
                : new(author);
        }

        return write.Soul.Contains('~') ? new(SeaRules.AuthorOf(write, Ownership.Of(write.Soul))) : None;
    }

    /// <summary>The same as bytes, for results: 32 of a native key, the text of a SEA key in UTF-8, or none.</summary>
    public static ReadOnlyMemory<byte> BytesOf(string soul, in StoredField field)
    {
        if (field.Extras is { Author.Length: > 0 } extras)
        {
            return extras.Author;
        }

        return soul.Contains('~')
            && Of(new FieldWrite(soul, field.Field, field.Value, field.State, field.Extras)).Author is string author
                ? Encoding.UTF8.GetBytes(author)
                : default;
    }

    /// <summary>How a losing write stands to the one that won.</summary>
    /// <param name="loser">Who wrote it.</param>
    /// <param name="loserState">Its state.</param>
    /// <param name="winner">Who wrote what won.</param>
    public static LossKind Compare(in Authorship loser, double loserState, in Authorship winner)
    {
        if (loser.Author is null || winner.Author is null)
        {
            return LossKind.Unknown;
        }

        return loser.Author == winner.Author || winner.Basis >= loserState ? LossKind.Stale
            : double.IsNaN(winner.Basis) ? LossKind.Unknown
            : LossKind.Concurrent;
    }
}
