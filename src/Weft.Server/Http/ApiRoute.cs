using Weft.Server.Access;

namespace Weft.Server.Http;

/// <summary>What a route is about, and so what a token must reach.</summary>
internal enum RouteReach
{
    /// <summary>Open to everyone who may reach the port.</summary>
    Open = 0,

    /// <summary>Needs a token with the scope, whatever its prefixes.</summary>
    Anyone,

    /// <summary>About the whole node: needs a token with the scope and without a limit to a prefix.</summary>
    Node,

    /// <summary>About souls: the graph is reached through <see cref="GraphDoor"/>, which looks at each.</summary>
    Souls,
}

/// <summary>What the guard does for a route.</summary>
[Flags]
internal enum RouteTraits
{
    /// <summary>Nothing of its own.</summary>
    None = 0,

    /// <summary>Takes a JSON body.</summary>
    TakesJson = 2,

    /// <summary>Takes lines of JSON, too, and then a body of any length.</summary>
    TakesLines = 4,

    /// <summary>Lasts as long as the client wants; counted as a watch, not as a request.</summary>
    Watch = 8,

    /// <summary>May be repeated with an Idempotency-Key.</summary>
    Repeatable = 16,

    /// <summary>Checks signatures for somebody who has no token yet; few at once.</summary>
    Proof = 32,

    /// <summary>Takes bytes as they are, as application/octet-stream; how many, its handler says.</summary>
    TakesBytes = 64,
}

/// <summary>One method of one resource.</summary>
/// <param name="Pattern">The path, with {names} for variable parts.</param>
/// <param name="Method">GET, PUT, and so on.</param>
/// <param name="Scope">What its token must allow; none when it is open.</param>
/// <param name="Reach">What it is about.</param>
/// <param name="Traits">What the guard does for it.</param>
/// <param name="Handler">What answers it.</param>
internal sealed record ApiRoute(
    string Pattern, string Method, Scopes Scope, RouteReach Reach, RouteTraits Traits, Func<ApiCall, Task> Handler)
{
    /// <summary>True for the resources of the API: they need a token and count against its ceilings.</summary>
    internal bool IsApi => Reach != RouteReach.Open;
}
