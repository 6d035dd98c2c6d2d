namespace Weft.Cli.Output;

/// <summary>A table before it is drawn.</summary>
/// <param name="Columns">The heads; one that starts with '>' is aligned to the right.</param>
internal sealed record TextTable(params string[] Columns)
{
    private readonly List<string[]> _rows = [];

    /// <summary>The rows, each with one cell per column.</summary>
    public IReadOnlyList<string[]> Rows => _rows;

    /// <summary>Adds one row.</summary>
    public void Add(params string[] cells) => _rows.Add(cells);
}
