using System.Numerics;

namespace Weft.Server.Access;

/// <summary>What a token may do. No scope includes another.</summary>
[Flags]
internal enum Scopes
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Read data, peers and figures.</summary>
    Read = 1,

    /// <summary>Write data.</summary>
    Write = 2,

    /// <summary>Run the node: peers, backups, checks, tokens, groups, stop.</summary>
    Admin = 4,

    /// <summary>Read the metrics page where it is not open.</summary>
    Metrics = 8,

    /// <summary>Everything: the token of the first start.</summary>
    All = Read | Write | Admin | Metrics,
}

/// <summary>The names of scopes.</summary>
internal static class ScopeNames
{
    private static readonly (Scopes Scope, string Name)[] Names =
        [(Scopes.Read, "read"), (Scopes.Write, "write"), (Scopes.Admin, "admin"), (Scopes.Metrics, "metrics")];

    /// <summary>The names in it, in a fixed order.</summary>
    internal static IEnumerable<string> Of(Scopes scopes) =>
        Names.Where(known => scopes.HasFlag(known.Scope)).Select(known => known.Name);

    /// <summary>The name of one scope.</summary>
    internal static string Name(Scopes scope) => BitOperations.PopCount((uint)scope) == 1
        ? Names[BitOperations.TrailingZeroCount((int)scope)].Name
        : string.Join(", ", Of(scope));

    /// <summary>The scope of a name; <see cref="Scopes.None"/> when there is none.</summary>
    internal static Scopes Find(string? name) => Names.FirstOrDefault(known => known.Name == name).Scope;
}
