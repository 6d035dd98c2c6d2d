using Weft.Crypto;
using Weft.Primitives;
using Weft.Server.Http;

namespace Weft.Server.Access;

/// <summary>Scopes, and how far they reach.</summary>
/// <param name="Scopes">What may be done.</param>
/// <param name="Prefix">Souls that start so; empty for all of them and for the node itself.</param>
/// <param name="Fields">Patterns of fields, "name" or "beginning*"; none for all fields.</param>
internal sealed record Right(Scopes Scopes, string Prefix, IReadOnlyList<string> Fields)
{
    internal Right(Scopes scopes, string prefix)
        : this(scopes, prefix, [])
    {
    }

    /// <summary>True when it covers everything of the node.</summary>
    internal bool IsWhole => Prefix.Length == 0 && HasAllFields;

    /// <summary>True when it covers all fields of its souls, those to come included.</summary>
    internal bool HasAllFields => Fields.Count == 0 || Fields.Contains("*");

    /// <summary>True when it covers a field of its souls.</summary>
    internal bool CoversField(string field) =>
        HasAllFields || Fields.Any(pattern => GrantTerms.FieldMatches(pattern, field));

    /// <summary>True when it covers every field of its souls that starts so.</summary>
    internal bool CoversFields(string beginning) => HasAllFields || Fields.Any(
        pattern => pattern.EndsWith('*') && GrantTerms.FieldMatches(pattern, beginning));
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
                ? $"{resource} is about the whole node; this token is limited to {Limits(route.Scope)}."
                : $"{resource} needs the scope \"{ScopeNames.Name(route.Scope)}\", which this token lacks.");
    }

    /// <summary>True when it may do this to a soul with all its fields.</summary>
    internal bool MayTouch(Scopes scope, string soul) => May(scope, soul, static right => right.HasAllFields);

    /// <summary>True when it may do this to a field of a soul.</summary>
    internal bool MayTouch(Scopes scope, string soul, string field) =>
        May(scope, soul, right => right.CoversField(field));

    /// <summary>Refuses a soul with all its fields, or a prefix of souls, that no right covers.</summary>
    /// <exception cref="ApiException">ScopeMissing.</exception>
    internal void Check(Scopes scope, string soul)
    {
        // A prefix is covered by the same test: all souls under it start with what it starts with.
        if (!MayTouch(scope, soul))
        {
            throw Outside(scope, soul, null);
        }
    }

    /// <summary>Refuses a field that no right covers.</summary>
    /// <exception cref="ApiException">ScopeMissing.</exception>
    internal void Check(Scopes scope, string soul, string field)
    {
        if (!MayTouch(scope, soul, field))
        {
            throw Outside(scope, soul, field);
        }
    }

    /// <summary>Refuses fields of a soul that start so, unless a right covers all of them.</summary>
    /// <exception cref="ApiException">ScopeMissing.</exception>
    internal void CheckFields(Scopes scope, string soul, string beginning)
    {
        if (!May(scope, soul, right => right.CoversFields(beginning)))
        {
            throw Outside(scope, soul, beginning + "*");
        }
    }

    private bool May(Scopes scope, string soul, Func<Right, bool> covers)
    {
        foreach (Right right in _rights)
        {
            if (right.Scopes.HasFlag(scope) && soul.StartsWith(right.Prefix, StringComparison.Ordinal) && covers(right))
            {
                return true;
            }
        }

        return false;
    }

    private ApiException Outside(Scopes scope, string soul, string? field)
    {
        // Somebody who may touch some fields is told which, or he would look for the mistake in the soul.
        string[] fields = [.. _rights.Where(right => right.Scopes.HasFlag(scope) && !right.HasAllFields
                && soul.StartsWith(right.Prefix, StringComparison.Ordinal))
            .SelectMany(right => right.Fields).Distinct().Take(8).Select(name => $"\"{LogText.Clean(name)}\"")];
        return new ApiException(
            WeftError.ScopeMissing,
            fields.Length > 0
                ? $"{(field is null ? "The whole" : $"\"{LogText.Clean(field)}\"")} of \"{LogText.Clean(soul)}\" lies "
                    + $"outside what this token may {ScopeNames.Name(scope)} there: the fields {string.Join(", ", fields)}."
                : $"\"{LogText.Clean(soul)}\" lies outside what this token may {ScopeNames.Name(scope)}: "
                    + $"{Prefixes(scope)}.");
    }

    private string Limits(Scopes scope) =>
        _rights.Any(right => right.Scopes.HasFlag(scope) && right.Prefix.Length == 0)
            ? "some fields"
            : Prefixes(scope);

    private string Prefixes(Scopes scope) => string.Join(", ", _rights
        .Where(right => right.Scopes.HasFlag(scope)).Select(right => $"\"{LogText.Clean(right.Prefix)}\"")
        .Take(8));
}
