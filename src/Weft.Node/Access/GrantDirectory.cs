using System.Buffers.Text;
using System.Security.Cryptography;
using Weft.Crypto;
using Weft.Graph;
using Weft.Graph.Access;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Node;

/// <summary>What somebody is to be granted.</summary>
/// <remarks>The bounds are those of <see cref="GrantTerms"/>.</remarks>
public sealed record GrantOffer
{
    /// <summary>The key of the one who may use it.</summary>
    public required Ed25519PublicKey Audience { get; init; }

    /// <summary>At least one right; none contains another.</summary>
    public required GrantRights Rights { get; init; }

    /// <summary>1 to 8 beginnings of souls; "a" covers "a", "ab" and "a/b".</summary>
    public required IReadOnlyList<string> Prefixes { get; init; }

    /// <summary>0 to 8 patterns of fields, "name" or "beginning*"; none for all fields.</summary>
    public IReadOnlyList<string> Fields { get; init; } = [];

    /// <summary>From when it holds; null for from now on, by this node's clock.</summary>
    public DateTimeOffset? NotBefore { get; init; }

    /// <summary>Up to when it holds.</summary>
    public required DateTimeOffset Expires { get; init; }

    /// <summary>How often it may be handed on: 0 to 3. Default: 0.</summary>
    public int Delegations { get; init; }
}

/// <summary>A grant this identity has issued.</summary>
/// <param name="Grant">The grant.</param>
/// <param name="RevokedAt">From when it is revoked; null while it is not.</param>
public readonly record struct IssuedGrant(Grant Grant, DateTimeOffset? RevokedAt);

/// <summary>Issues, hands on, lists and revokes grants in the name of one identity.</summary>
/// <remarks>Safe to share between threads. Source: docs/spec/grants.md, sections 4 and 5.</remarks>
public sealed class GrantDirectory
{
    /// <summary>Characters of the longest reason of a revocation.</summary>
    public const int ReasonLengthMax = 200;

    private const string RegisterPrefix = "grants/$"; // The key follows: so the register belongs to the identity.
    private const int FieldsPerPage = 256;
    private const int PrunedPerIssue = 64;

    /// <summary>How long a grant stays in the list behind its end. Default: 30 days.</summary>
    public static readonly TimeSpan EndedKept = TimeSpan.FromDays(30);

    private readonly WeftNode _node;
    private readonly Ed25519KeyPair _identity;
    private readonly string _register;
    private string _pruneFrom = ""; // Behind the last entry looked at; any value does, as the walk goes round.

    internal GrantDirectory(WeftNode node, Ed25519KeyPair identity)
    {
        _node = node;
        _identity = identity;
        _register = RegisterPrefix + identity.PublicKey;
    }

    /// <summary>
    /// Signs a grant on what this identity owns, and notes it down, sealed, in its own node of the graph. Whether the
    /// identity owns what the prefixes name is judged where the grant is used.
    /// </summary>
    /// <param name="offer">What is granted, to whom.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <exception cref="ArgumentException">A bound is broken. Nothing was issued.</exception>
    /// <exception cref="WeftException">It could not be noted down. Nothing was issued.</exception>
    public async ValueTask<Grant> IssueAsync(GrantOffer offer, CancellationToken cancellationToken = default)
    {
        var grant = Grant.Issue(_node.Crypto, _identity, TermsOf(offer, NowMs));
        await NoteAsync(grant, cancellationToken).ConfigureAwait(false);
        return grant;
    }

    /// <summary>Hands on a grant that is for this identity, or less of it, and notes it down likewise.</summary>
    /// <param name="held">A grant whose audience this identity is.</param>
    /// <param name="offer">What is handed on; without a beginning it begins with the held one.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <exception cref="ArgumentException">A bound is broken, or it is more than the grant allows.</exception>
    /// <exception cref="WeftException">It could not be noted down. Nothing was issued.</exception>
    public async ValueTask<Grant> DelegateAsync(
        Grant held, GrantOffer offer, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(held);
        Grant grant = held.Attenuate(
            _node.Crypto, _identity, TermsOf(offer, Math.Max(NowMs, held.Terms.NotBeforeMs)));
        await NoteAsync(grant, cancellationToken).ConfigureAwait(false);
        return grant;
    }

    /// <summary>Lists the grants this identity has issued or handed on, as far as this node's store knows.</summary>
    /// <param name="grantsMax">How many at the most.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <returns>In order of their ids. Ended ones are among them for a month, see <see cref="EndedKept"/>.</returns>
    public async ValueTask<IReadOnlyList<IssuedGrant>> ListAsync(
        int grantsMax = 1_000, CancellationToken cancellationToken = default)
    {
        var grants = new List<IssuedGrant>();
        string? from = "";
        while (from is not null && grants.Count < grantsMax)
        {
            NodeResult page = await _node.Graph.ReadNodeAsync(
                _register, new LexRange(From: from), FieldsPerPage, cancellationToken: cancellationToken)
                .ConfigureAwait(false);
            foreach (StoredField field in page.Fields)
            {
                if (grants.Count < grantsMax && Read(field) is Grant grant)
                {
                    grants.Add(new(grant, await FindRevocationAsync(grant, cancellationToken).ConfigureAwait(false)));
                }
            }

            from = page.More && page.Fields.Count > 0 ? page.Fields[^1].Field + "\0" : null;
        }

        return grants;
    }

    /// <summary>Revokes the last block of a grant, and with it all that was handed on from it.</summary>
    /// <param name="grant">One that this identity, or somebody after it in the chain, has signed last.</param>
    /// <param name="reason">For people: at most 200 characters. Everybody can read it.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <returns>
    /// What became of the record; a grant that was revoked already stays so from the first time on. Refused with
    /// <see cref="WeftError.NotOwner"/> when this identity has not signed any block of the chain.
    /// </returns>
    /// <exception cref="ArgumentException">The reason is too long.</exception>
    /// <remarks>
    /// It counts on each peer from when the record reaches it, for every write with a later state, whenever it came.
    /// A holder can still give a write an older state; where that matters, end grants soon.
    /// </remarks>
    public async ValueTask<WriteResult> RevokeAsync(
        Grant grant, string reason = "", CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(grant);
        ArgumentNullException.ThrowIfNull(reason);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(reason.Length, ReasonLengthMax, nameof(reason));
        if (!grant.Blocks.Any(block => block.Issuer == _identity.PublicKey))
        {
            return WriteResult.Refused(WeftError.NotOwner, 0);
        }

        string soul = Ownership.Revocations + _identity.PublicKey;
        string field = Base64Url.EncodeToString(grant.Id.Span);
        ReadResult known = await _node.Graph.ReadFieldAsync(soul, field, default, cancellationToken)
            .ConfigureAwait(false);
        return known.Status == ReadStatus.Found
            ? new(known.State, _node.Options.Durability, _node.Store.CommittedSequence, 0, 1, 0)
            : await WriteAsync(new(soul, field, reason, double.NaN), cancellationToken).ConfigureAwait(false);
    }

    private double NowMs => (_node.Time.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalMilliseconds;

    private GrantTerms TermsOf(GrantOffer offer, double beginMs)
    {
        ArgumentNullException.ThrowIfNull(offer);
        var nonce = new byte[16];
        RandomNumberGenerator.Fill(nonce);
        return new()
        {
            Network = _node.NetworkId,
            Audience = offer.Audience,
            Rights = offer.Rights,
            Prefixes = offer.Prefixes,
            Fields = offer.Fields,
            NotBeforeMs = offer.NotBefore?.ToUnixTimeMilliseconds() ?? (long)beginMs,
            ExpiresMs = offer.Expires.ToUnixTimeMilliseconds(),
            Delegations = offer.Delegations,
            Nonce = nonce,
        };
    }

    private async ValueTask NoteAsync(Grant grant, CancellationToken cancellationToken)
    {
        string field = Base64Url.EncodeToString(grant.Id.Span);
        WriteResult write = await WriteAsync(
            new(_register, field, Seal(field, grant.ToText()), double.NaN), cancellationToken).ConfigureAwait(false);
        if (!write.IsAccepted)
        {
            throw new WeftException(
                write.Error, $"The grant was not issued: {ErrorCatalogue.Find(write.Error).Cause}");
        }

        await PruneAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Looks at the next 64 entries of the list, a walk that goes round, and takes out those that ended long ago: the work
    /// for one grant stays the same, and the list does not grow with what was issued in all the years before.
    /// </summary>
    private async ValueTask PruneAsync(CancellationToken cancellationToken)
    {
        NodeResult page = await _node.Graph.ReadNodeAsync(
            _register, new LexRange(From: Volatile.Read(ref _pruneFrom)), PrunedPerIssue,
            cancellationToken: cancellationToken).ConfigureAwait(false);
        double endedBefore = NowMs - EndedKept.TotalMilliseconds;
        FieldWrite[] ended = [.. page.Fields
            .Where(field => Read(field) is { } grant && grant.Terms.ExpiresMs < endedBefore)
            .Select(field => new FieldWrite(_register, field.Field, WeftValue.Null, double.NaN))];
        Volatile.Write(ref _pruneFrom, page.More && page.Fields.Count > 0 ? page.Fields[^1].Field + "\0" : "");
        if (ended.Length > 0)
        {
            // Whether it succeeds or not: what is left is looked at again, a round later.
            await _node.Graph.WriteAsync(
                ended, WriteSource.Local.With(_identity), cancellationToken: cancellationToken).ConfigureAwait(false);
        }
    }

    private string Seal(string field, string text)
    {
        Span<byte> salt = stackalloc byte[OwnSeal.SaltLength];
        RandomNumberGenerator.Fill(salt);
        return OwnSeal.Seal(_node.Crypto, _identity, _node.NetworkId.Span, _register, field, text, salt);
    }

    private Grant? Read(in StoredField field) =>
        field.Value.AsText() is string text
            && OwnSeal.Open(_node.Crypto, _identity, _node.NetworkId.Span, _register, field.Field, text) is string open
            && Grant.TryParse(open, _node.Crypto, out Grant? grant)
            ? grant
            : null;

    private async ValueTask<DateTimeOffset?> FindRevocationAsync(Grant grant, CancellationToken cancellationToken)
    {
        double earliest = double.PositiveInfinity;
        for (int block = 0; block < grant.Blocks.Count; block++)
        {
            string field = Base64Url.EncodeToString(grant.Blocks[block].Id.Span);
            for (int issuer = 0; issuer <= block; issuer++)
            {
                ReadResult record = await _node.Graph.ReadFieldAsync(
                    Ownership.Revocations + grant.Blocks[issuer].Issuer, field, default, cancellationToken)
                    .ConfigureAwait(false);
                earliest = record.Status == ReadStatus.Found ? Math.Min(earliest, record.State) : earliest;
            }
        }

        return double.IsFinite(earliest) ? DateTimeOffset.UnixEpoch.AddMilliseconds(earliest) : null;
    }

    private ValueTask<WriteResult> WriteAsync(FieldWrite write, CancellationToken cancellationToken) =>
        _node.Graph.WriteAsync([write], WriteSource.Local.With(_identity), cancellationToken: cancellationToken);
}
