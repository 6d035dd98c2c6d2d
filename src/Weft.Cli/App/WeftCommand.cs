using System.CommandLine;

namespace Weft.Cli.App;

/// <summary>A command with what help, documents and tests need beyond its syntax.</summary>
internal sealed class WeftCommand(string name, string description) : Command(name, description)
{
    /// <summary>Command lines to copy.</summary>
    public string[] Examples { get; init; } = [];

    /// <summary>The HTTP resources it uses, as "VERB /path"; the parity test compares them with the node's.</summary>
    public string[] Resources { get; init; } = [];

    /// <summary>What one should know beyond the options.</summary>
    public string? Remarks { get; init; }
}
