namespace Weft.Graph.History;

/// <summary>Where a store keeps the past of a node: under a soul of its own, which nobody can write or read.</summary>
/// <remarks>
/// The name begins with text that no soul may have (half of a surrogate pair), so that no write of anybody can meet it;
/// stores keep it out of their lists. Source: docs/spec/history.md, section 3.
/// </remarks>
public static class HistorySoul
{
    /// <summary>How these souls begin. The text itself is below all of them.</summary>
    public const string Prefix = "\uFFFF\uDFFF";

    /// <summary>Above every soul of anybody that stands below them, and below all of them.</summary>
    public const string Before = "\uFFFF\uDC00";

    /// <summary>The lowest soul above all of them.</summary>
    public const string After = "\uFFFF\uE000";

    /// <summary>Where a node's own rules stand: the past of the node without a name, which there is not.</summary>
    public const string Rules = Prefix;

    /// <summary>Where the past of a node is kept.</summary>
    public static string Of(string soul) => Prefix + soul;

    /// <summary>True for a soul that <see cref="Of"/> gives.</summary>
    public static bool Is(string soul) => soul.StartsWith(Prefix, StringComparison.Ordinal);

    /// <summary>The node whose past is kept there.</summary>
    public static string NodeOf(string historySoul) => historySoul[Prefix.Length..];
}
