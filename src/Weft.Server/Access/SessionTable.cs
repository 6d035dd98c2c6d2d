using System.Buffers.Binary;
using System.Security.Cryptography;
using Weft.Crypto;
using Weft.Primitives;
using Weft.Server.Http;

namespace Weft.Server.Access;

/// <summary>Short tokens of keys that proved themselves. In memory only: a restart ends every session.</summary>
/// <remarks>
/// Anybody can make keys, and with a key souls of its own. So sessions whose rights begin with such a key give way: the
/// oldest of them goes when there is no room, and no key holds more than a few.
/// </remarks>
internal sealed class SessionTable(int sessionsMax, TimeProvider time)
{
    /// <summary>How long a session lasts at the most.</summary>
    internal static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(15);

    private const int PerKeyMax = 8;

    private readonly Lock _gate = new();
    private readonly Dictionary<ulong, Session> _sessions = [];
    private long _number;

    /// <summary>Sessions held now, those that are over included.</summary>
    internal int Count
    {
        get
        {
            lock (_gate)
            {
                return _sessions.Count;
            }
        }
    }

    /// <summary>Opens a session.</summary>
    /// <param name="key">The key that was proved.</param>
    /// <param name="rights">What it may do.</param>
    /// <param name="grants">Where the rights come from.</param>
    /// <param name="stillHold">Asked at each use: whether nothing has taken the rights back.</param>
    /// <returns>Its token, and when it ends.</returns>
    /// <exception cref="ApiException">TooManyRequests: there is no room.</exception>
    internal (string Token, DateTimeOffset ExpiresAt) Open(
        Ed25519PublicKey key, SessionRights rights, IReadOnlyList<Grant> grants, Func<bool> stillHold)
    {
        string token = ApiToken.New();
        byte[] digest = new byte[SHA256.HashSizeInBytes];
        TokenTable.TryDigest(token, digest);
        DateTimeOffset now = time.GetUtcNow();
        DateTimeOffset end = rights.EndsBy - now < Lifetime ? rights.EndsBy : now + Lifetime;
        var revoked = new CancellationTokenSource();
        lock (_gate)
        {
            long number = ++_number;
            MakeRoom(key, rights.IsOfNode, now);
            var caller = new Caller($"session {number} of {key}", rights.Rights, end, revoked.Token);
            _sessions[Prefix(digest)] = new Session(
                number, digest, key, rights.IsOfNode, caller, revoked, grants, stillHold);
        }

        return (token, end);
    }

    /// <summary>Who offers the token with this digest; null when it is no session's, or the session is over.</summary>
    internal Caller? Find(ReadOnlySpan<byte> digest)
    {
        Session? session;
        lock (_gate)
        {
            session = _sessions.GetValueOrDefault(Prefix(digest));
        }

        if (session is null || !CryptographicOperations.FixedTimeEquals(digest, session.Digest))
        {
            return null;
        }

        if (time.GetUtcNow() < session.Caller.ExpiresAt && session.StillHold())
        {
            return session.Caller;
        }

        End(session);
        return null;
    }

    /// <summary>Ends the sessions that a block of a grant stands behind, and their watches.</summary>
    internal void EndOf(ReadOnlySpan<byte> blockId)
    {
        byte[] id = blockId.ToArray();
        lock (_gate)
        {
            Session[] ended = [.. _sessions.Values.Where(session => session.Grants.Any(
                grant => grant.Blocks.Any(block => block.Id.Span.SequenceEqual(id))))];
            foreach (Session session in ended)
            {
                Remove(session);
            }
        }
    }

    private static ulong Prefix(ReadOnlySpan<byte> digest) => BinaryPrimitives.ReadUInt64BigEndian(digest);

    private void MakeRoom(Ed25519PublicKey key, bool isOfNode, DateTimeOffset now)
    {
        foreach (Session over in _sessions.Values.Where(held => now >= held.Caller.ExpiresAt).ToArray())
        {
            Remove(over);
        }

        if (_sessions.Values.Count(held => held.Key == key) >= PerKeyMax)
        {
            Remove(_sessions.Values.Where(held => held.Key == key).MinBy(held => held.Number)!);
        }

        int strangers = _sessions.Values.Count(held => !held.IsOfNode);
        bool full = _sessions.Count >= sessionsMax || (!isOfNode && strangers >= (sessionsMax + 1) / 2);
        if (full && _sessions.Values.Where(held => !held.IsOfNode).MinBy(held => held.Number) is { } oldest)
        {
            Remove(oldest);
        }
        else if (full)
        {
            throw new ApiException(
                WeftError.TooManyRequests, $"{sessionsMax} sessions are open; no more until one ends.");
        }
    }

    private void End(Session session)
    {
        lock (_gate)
        {
            Remove(session);
        }
    }

    private void Remove(Session session)
    {
        if (_sessions.Remove(Prefix(session.Digest)))
        {
            // Elsewhere: what a watch does when it ends must not run under the lock.
            _ = session.Revoked.CancelAsync();
        }
    }

    private sealed record Session(
        long Number, byte[] Digest, Ed25519PublicKey Key, bool IsOfNode, Caller Caller, CancellationTokenSource Revoked,
        IReadOnlyList<Grant> Grants, Func<bool> StillHold);
}
