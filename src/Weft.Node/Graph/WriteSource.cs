namespace Weft.Node;

/// <summary>Who brings a write.</summary>
/// <param name="Name">For the journal: "local", "http", "import", or a peer's name.</param>
/// <param name="Connection">The number of the connection; 0 for this process.</param>
public readonly record struct WriteSource(string Name, long Connection = 0)
{
    /// <summary>Code in this process.</summary>
    public static WriteSource Local { get; } = new("local");

    /// <summary>The HTTP API.</summary>
    public static WriteSource Http { get; } = new("http");
}
