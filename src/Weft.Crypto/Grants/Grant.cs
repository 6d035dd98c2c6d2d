using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;

namespace Weft.Crypto;

/// <summary>
/// A signed permission: a chain of 1 to 4 blocks. The first is signed by the owner; each next one by the one the block
/// before is for, and allows no more than that block does. Only who holds the last audience's key can use it.
/// </summary>
/// <remarks>
/// Immutable, safe to share. Having been read means nothing yet: <see cref="GrantVerifier"/> says what it is worth.
/// Source: docs/spec/grants.md.
/// </remarks>
public sealed class Grant
{
    /// <summary>What the text of a grant begins with.</summary>
    public const string TextPrefix = "wg1.";

    /// <summary>Blocks of the longest chain.</summary>
    public const int BlocksMax = GrantCodec.BlocksMax;

    /// <summary>Bytes of the longest chain; its text has at most 4,004 characters.</summary>
    public const int BytesMax = GrantCodec.ChainBytesMax;

    private static readonly int TextLengthMax = TextPrefix.Length + Base64Url.GetEncodedLength(BytesMax);

    private readonly byte[] _bytes;
    private readonly GrantBlock[] _blocks;

    private Grant(byte[] bytes, GrantBlock[] blocks)
    {
        _bytes = bytes;
        _blocks = blocks;
    }

    /// <summary>The chain, in the order in which it was signed: 1 to 4 blocks.</summary>
    public IReadOnlyList<GrantBlock> Blocks => _blocks;

    /// <summary>The chain's bytes, as they travel in the proof of a write.</summary>
    public ReadOnlyMemory<byte> Bytes => _bytes;

    /// <summary>The id of the last block: 32 bytes.</summary>
    public ReadOnlyMemory<byte> Id => _blocks[^1].Id;

    /// <summary>Who signed the first block; it must own what the grant is used on.</summary>
    public Ed25519PublicKey FirstIssuer => _blocks[0].Issuer;

    /// <summary>Who may use it.</summary>
    public Ed25519PublicKey Audience => Terms.Audience;

    /// <summary>The narrowest terms: those of the last block.</summary>
    public GrantTerms Terms => _blocks[^1].Terms;

    /// <summary>Signs a first block.</summary>
    /// <param name="crypto">The primitives.</param>
    /// <param name="issuer">The owner of what is granted.</param>
    /// <param name="terms">What is granted, to whom.</param>
    /// <exception cref="ArgumentException">A bound of the terms is broken.</exception>
    public static Grant Issue(ICrypto crypto, Ed25519KeyPair issuer, GrantTerms terms) =>
        Append(crypto, issuer, terms, []);

    /// <summary>Signs a further block: hands on all of it or less.</summary>
    /// <param name="crypto">The primitives.</param>
    /// <param name="holder">The key pair of <see cref="Audience"/>.</param>
    /// <param name="terms">What is handed on, to whom; nowhere wider than <see cref="Terms"/>.</param>
    /// <exception cref="ArgumentException">
    /// A bound is broken, the key is not the audience's, the terms are wider, or the grant may not be handed on.
    /// </exception>
    public Grant Attenuate(ICrypto crypto, Ed25519KeyPair holder, GrantTerms terms)
    {
        if (holder.PublicKey != Audience)
        {
            throw new ArgumentException("Only the one the grant is for can hand it on.", nameof(holder));
        }

        if (terms.Delegations >= Terms.Delegations)
        {
            throw new ArgumentException(
                "The grant can be handed on less often than that, or not at all.", nameof(terms));
        }

        return GrantScope.IsWithin(terms, Terms)
            ? Append(crypto, holder, terms, _bytes)
            : throw new ArgumentException("What is handed on must lie within what the grant allows.", nameof(terms));
    }

    /// <summary>Reads a chain. Signatures are not looked at; nothing that is too long is either.</summary>
    /// <param name="bytes">A peer's bytes: nothing in them throws.</param>
    /// <param name="crypto">For the ids.</param>
    /// <param name="grant">The chain, or null when the bytes are not one in the one canonical form.</param>
    public static bool TryDecode(ReadOnlySpan<byte> bytes, ICrypto crypto, [NotNullWhen(true)] out Grant? grant)
    {
        grant = null;
        if (bytes.IsEmpty || bytes.Length > BytesMax)
        {
            return false;
        }

        var blocks = new List<GrantBlock>(BlocksMax);
        for (int start = 0; start < bytes.Length; start += blocks[^1].Length)
        {
            if (blocks.Count == BlocksMax || GrantCodec.Read(bytes, start, crypto) is not GrantBlock block)
            {
                return false;
            }

            blocks.Add(block);
        }

        grant = new Grant(bytes.ToArray(), [.. blocks]);
        return true;
    }

    /// <summary>Reads the text of a chain: "wg1." and base64url without padding, in the one canonical form.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, ICrypto crypto, [NotNullWhen(true)] out Grant? grant)
    {
        grant = null;
        if (text.Length > TextLengthMax || !text.StartsWith(TextPrefix, StringComparison.Ordinal))
        {
            return false;
        }

        text = text[TextPrefix.Length..];
        var bytes = new byte[BytesMax + 2];
        if (!Base64Url.IsValid(text) || !Base64Url.TryDecodeFromChars(text, bytes, out int length)
            || !TryDecode(bytes.AsSpan(0, length), crypto, out grant))
        {
            return false;
        }

        // Spaces, padding and stray last bits decode too; two texts of one grant would be two tokens.
        bool canonical = text.SequenceEqual(Base64Url.EncodeToString(grant.Bytes.Span));
        grant = canonical ? grant : null;
        return canonical;
    }

    /// <summary>The text: "wg1." and base64url.</summary>
    public string ToText() => TextPrefix + Base64Url.EncodeToString(_bytes);

    /// <summary>
    /// True when every block gives all of <paramref name="right"/> on the field, or on the whole node.
    /// </summary>
    /// <param name="right">One right or several, all of them asked for.</param>
    /// <param name="soul">The node.</param>
    /// <param name="field">The field; null for all fields of the node, those to come included.</param>
    /// <remarks>Says nothing about signatures, times, owner and audience.</remarks>
    public bool Covers(GrantRights right, string soul, string? field)
    {
        bool covers = right != GrantRights.None;
        foreach (GrantBlock block in _blocks)
        {
            covers &= (block.Terms.Rights & right) == right && block.CoversSoul(soul) && block.CoversField(field);
        }

        return covers;
    }

    /// <summary>The id and the audience; not the text, which may stand in a header.</summary>
    public override string ToString() =>
        $"grant {Base64Url.EncodeToString(Id.Span)} for {Audience}, {Terms.Rights} until {Terms.ExpiresMs}";

    private static Grant Append(ICrypto crypto, Ed25519KeyPair issuer, GrantTerms terms, ReadOnlySpan<byte> chain)
    {
        if (GrantCodec.Check(terms) is string wrong)
        {
            throw new ArgumentException(wrong, nameof(terms));
        }

        terms = terms with { Prefixes = GrantCodec.Sorted(terms.Prefixes), Fields = GrantCodec.Sorted(terms.Fields) };
        Span<byte> parent = stackalloc byte[GrantCodec.IdLength];
        parent.Clear();
        if (TryDecode(chain, crypto, out Grant? before))
        {
            before.Id.Span.CopyTo(parent);
        }

        byte[] block = GrantCodec.Write(terms, issuer.PublicKey, parent);
        byte[] message = [.. GrantCodec.Domain, .. block];
        Span<byte> signature = stackalloc byte[GrantCodec.SignatureLength];
        issuer.Sign(crypto, message, signature);
        return TryDecode([.. chain, .. block, .. signature], crypto, out Grant? grant)
            ? grant
            : throw new ArgumentException("The chain would have more than 3,000 bytes.", nameof(terms));
    }
}
