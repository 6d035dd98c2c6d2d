using Weft.Primitives;
using Weft.Server.Http;

namespace Weft.Server.Access;

/// <summary>Scopes, and how far they reach.</summary>
/// <param name="Scopes">What may be done.</param>
/// <param name="Prefix">Souls that start so; empty for all of them and for the node itself.</param>
internal sealed record Right(Scopes Scopes, string Prefix)
{
    /// <summary>True when it covers the whole node.</summary>
    internal bool IsWhole => Prefix.Length == 0;
}

/// <summary>
/// Who sends a request, as far as its token tells, and what it may do. Everything that is refused for lack of a right
/// is refused here.
/// </summary>
internal sealed class Caller
{
    private readonly IReadOnlyList<Right> _rights;
    private readonly Scopes _whole;

    /// <param name="id">Tells callers apart; no secret.</param>
    /// <param name="rights">What it may do.</param>
    /// <param name="expiresAt">From then on it may do nothing; null for never.</param>
    /// <param name="revoked">Ends when the token is taken back.</param>
    internal Caller(string id, IReadOnlyList<Right> rights, DateTimeOffset? expiresAt, CancellationToken revoked)
    {
        Id = id;
        _rights = rights;
        ExpiresAt = expiresAt;
        Revoked = revoked;
        foreach (Right right in rights.Where(right => right.IsWhole))
        {
            _whole |= right.Scopes;
        }
    }

    /// <summary>Who sends a request that needs no token.</summary>
    internal static Caller Nobody { get; } = new("", [], null, CancellationToken.None);

    /// <summary>Tells callers apart; no secret.</summary>
    internal string Id { get; }

    /// <summary>From then on it may do nothing; null for never.</summary>
    internal DateTimeOffset? ExpiresAt { get; }

    /// <summary>Ends when the token is taken back.</summary>
    internal CancellationToken Revoked { get; }

    /// <summary>What it may do.</summary>
    internal IReadOnlyList<Right> Rights => _rights;

    /// <summary>True when it may do this to every soul, so that they need no look.</summary>
    internal bool IsWhole(Scopes scope) => (_whole & scope) == scope;

    /// <summary>Refuses a request whose route needs more than this caller has.</summary>
    /// <exception cref="ApiException">ScopeMissing, naming the scope.</exception>
    internal void Check(ApiRoute route)
    {
        bool has = false;
        foreach (Right right in _rights)
        {
            if (right.Scopes.HasFlag(route.Scope))
            {
                if (right.IsWhole || route.Reach != RouteReach.Node)
                {
                    return;
                }

                has = true;
            }
        }

        string resource = $"{route.Method} {route.Pattern}";
        throw new ApiException(
            WeftError.ScopeMissing,
            has
                ? $"{resource} is about the whole node; this token is limited to {Prefixes(route.Scope)}."
                : $"{resource} needs the scope \"{ScopeNames.Name(route.Scope)}\", which this token lacks.");
    }

    /// <summary>True when it may do this to a soul.</summary>
    internal bool MayTouch(Scopes scope, string soul)
    {
        foreach (Right right in _rights)
        {
            if (right.Scopes.HasFlag(scope) && soul.StartsWith(right.Prefix, StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Refuses a soul, or a prefix of souls, that no right covers.</summary>
    /// <exception cref="ApiException">ScopeMissing.</exception>
    internal void Check(Scopes scope, string soul)
    {
        // A prefix is covered by the same test: all souls under it start with what it starts with.
        if (!MayTouch(scope, soul))
        {
            throw new ApiException(
                WeftError.ScopeMissing,
                $"\"{LogText.Clean(soul)}\" lies outside what this token may {ScopeNames.Name(scope)}: "
                + $"{Prefixes(scope)}.");
        }
    }

    private string Prefixes(Scopes scope) => string.Join(", ", _rights
        .Where(right => right.Scopes.HasFlag(scope)).Select(right => $"\"{LogText.Clean(right.Prefix)}\"")
        .Take(8));
}
