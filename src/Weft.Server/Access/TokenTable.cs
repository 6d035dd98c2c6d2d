using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Weft.Primitives;
using Weft.Server.Http;

namespace Weft.Server.Access;

/// <summary>Every token this node takes: the first one and further ones.</summary>
/// <remarks>
/// Tokens are found by eight bytes of their SHA-256 and then compared whole in fixed time. That the search itself takes
/// longer for some digests tells nothing: who can choose a digest's first bytes has not got nearer to a token.
/// </remarks>
internal sealed class TokenTable
{
    /// <summary>Characters of the longest token that is looked at.</summary>
    internal const int TokenLengthMax = 512;

    private const int RandomBytes = 32;
    private const int IdBytes = 8;

    private static readonly byte[] NoDigest = new byte[SHA256.HashSizeInBytes];

    private readonly Lock _gate = new();
    private readonly ApiToken _first;
    private readonly Caller _firstCaller =
        new("first", [new Right(Scopes.All, "")], null, CancellationToken.None);

    private readonly SessionTable _sessions;
    private readonly string? _file;
    private readonly int _tokensMax;
    private readonly TimeProvider _time;
    private volatile Dictionary<ulong, Entry> _entries; // Replaced as a whole: lookups take no lock.

    /// <param name="first">The token of the first start.</param>
    /// <param name="sessions">Short tokens, which are looked for last.</param>
    /// <param name="file">Where further tokens are kept; null for memory only.</param>
    /// <param name="tokensMax">How many further tokens there may be.</param>
    /// <param name="time">The clock that expires them.</param>
    /// <exception cref="WeftException">The file cannot be read.</exception>
    internal TokenTable(ApiToken first, SessionTable sessions, string? file, int tokensMax, TimeProvider time)
    {
        _first = first;
        _sessions = sessions;
        _file = file;
        _tokensMax = tokensMax;
        _time = time;
        _entries = [];
        foreach (TokenRecord record in file is null ? [] : TokenFile.Read(file))
        {
            _entries[Key(record.Digest)] = new Entry(record);
        }
    }

    /// <summary>Who offers this token.</summary>
    /// <exception cref="ApiException">TokenMissing: it is none of this node's, or its time is over.</exception>
    internal Caller Find(ReadOnlySpan<char> offered)
    {
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        if (!TryDigest(offered, digest))
        {
            throw Unknown();
        }

        if (_first.Matches(digest))
        {
            return _firstCaller;
        }

        Entry? entry = _entries.GetValueOrDefault(Key(digest));
        bool isSame = CryptographicOperations.FixedTimeEquals(digest, entry is null ? NoDigest : entry.Record.Digest);
        if (entry is null || !isSame)
        {
            return _sessions.Find(digest) ?? throw Unknown();
        }

        if (entry.Record.ExpiresAt is { } end && _time.GetUtcNow() >= end)
        {
            throw new ApiException(WeftError.TokenMissing, $"The token expired at {JsonAnswers.Time(end)}.");
        }

        return entry.Caller;
    }

    /// <summary>Further tokens, oldest first, expired ones included until their place is needed.</summary>
    internal IReadOnlyList<TokenRecord> List() =>
        [.. _entries.Values.Select(entry => entry.Record)
            .OrderBy(record => record.CreatedAt).ThenBy(record => record.Id, StringComparer.Ordinal)];

    /// <summary>Makes a token.</summary>
    /// <returns>Its record, and its text, which exists nowhere else.</returns>
    /// <exception cref="WeftException">
    /// TooManyRequests: there are as many as may be; DiskFailed: it was not kept.
    /// </exception>
    internal (TokenRecord Record, string Token) Issue(string name, Scopes scopes, string prefix, TimeSpan? lifetime)
    {
        string token = ApiToken.New();
        byte[] digest = new byte[SHA256.HashSizeInBytes];
        TryDigest(token, digest);
        DateTimeOffset now = _time.GetUtcNow();
        var record = new TokenRecord(
            RandomNumberGenerator.GetHexString(IdBytes * 2, lowercase: true), name, scopes, prefix, now,
            now + lifetime, digest);
        lock (_gate)
        {
            var next = new Dictionary<ulong, Entry>(_entries);
            if (next.Count >= _tokensMax)
            {
                foreach ((ulong key, Entry entry) in _entries.Where(held => held.Value.Record.ExpiresAt <= now))
                {
                    next.Remove(key);
                }
            }

            if (next.Count >= _tokensMax)
            {
                throw new ApiException(
                    WeftError.TooManyRequests, $"There are {_tokensMax} tokens; revoke one before you make another.");
            }

            next.Add(Key(digest), new Entry(record));
            Keep(next);
        }

        return (record, token);
    }

    /// <summary>Takes a token back; watches that it opened end.</summary>
    /// <returns>False when there is none of this id.</returns>
    internal bool Revoke(string id)
    {
        Entry? revoked;
        lock (_gate)
        {
            revoked = _entries.Values.FirstOrDefault(entry => entry.Record.Id == id);
            if (revoked is null)
            {
                return false;
            }

            var next = new Dictionary<ulong, Entry>(_entries);
            next.Remove(Key(revoked.Record.Digest));
            Keep(next);
        }

        revoked.Revoked.Cancel();
        return true;
    }

    /// <summary>SHA-256 of a token's text.</summary>
    /// <param name="token">As it came.</param>
    /// <param name="digest">Takes 32 bytes.</param>
    /// <returns>False when it is too long to be a token.</returns>
    internal static bool TryDigest(ReadOnlySpan<char> token, Span<byte> digest)
    {
        if (token.Length is 0 or > TokenLengthMax)
        {
            return false;
        }

        Span<byte> bytes = stackalloc byte[TokenLengthMax * 3];
        int length = Encoding.UTF8.GetBytes(token, bytes);
        SHA256.HashData(bytes[..length], digest);
        CryptographicOperations.ZeroMemory(bytes);
        return true;
    }

    private static ulong Key(ReadOnlySpan<byte> digest) => BinaryPrimitives.ReadUInt64BigEndian(digest);

    private static ApiException Unknown() =>
        new(WeftError.TokenMissing, "The token is not one of this node, or its session is over.");

    // What is not kept does not count: after a failed write the table is as it was.
    private void Keep(Dictionary<ulong, Entry> next)
    {
        if (_file is not null)
        {
            TokenFile.Write(_file, next.Values.Select(entry => entry.Record).OrderBy(record => record.CreatedAt));
        }

        _entries = next;
    }

    private sealed class Entry
    {
        internal Entry(TokenRecord record)
        {
            Record = record;
            Caller = new Caller(
                record.Id, [new Right(record.Scopes, record.Prefix)], record.ExpiresAt, Revoked.Token);
        }

        internal TokenRecord Record { get; }

        internal CancellationTokenSource Revoked { get; } = new();

        internal Caller Caller { get; }
    }
}
