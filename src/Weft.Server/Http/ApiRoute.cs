namespace Weft.Server.Http;

/// <summary>What the guard does for a route.</summary>
[Flags]
internal enum RouteTraits
{
    /// <summary>Open to everyone who may reach the port.</summary>
    None = 0,

    /// <summary>Needs the token.</summary>
    Token = 1,

    /// <summary>Takes a JSON body.</summary>
    TakesJson = 2,

    /// <summary>Takes lines of JSON, too, and then a body of any length.</summary>
    TakesLines = 4,

    /// <summary>Lasts as long as the client wants; counted as a watch, not as a request.</summary>
    Watch = 8,

    /// <summary>May be repeated with an Idempotency-Key.</summary>
    Repeatable = 16,
}

/// <summary>One method of one resource.</summary>
/// <param name="Pattern">The path, with {names} for variable parts.</param>
/// <param name="Method">GET, PUT, and so on.</param>
/// <param name="Traits">What the guard does for it.</param>
/// <param name="Handler">What answers it.</param>
internal sealed record ApiRoute(string Pattern, string Method, RouteTraits Traits, Func<ApiCall, Task> Handler);
