using Weft.Primitives;

namespace Weft.Cli.App;

/// <summary>An error that ends the command: a number, one sentence, and what helps.</summary>
internal sealed class CliException : WeftException
{
    public CliException(WeftError error, string message, Exception? inner = null)
        : base(error, message, inner) => ExitCode = App.ExitCode.Of(error);

    /// <summary>What the shell gets.</summary>
    public int ExitCode { get; init; }

    /// <summary>Further lines: a short label and a text.</summary>
    public IReadOnlyList<(string Label, string Text)> Lines { get; init; } = [];

    /// <summary>Commands that help; null for those of the catalogue.</summary>
    public IReadOnlyList<string>? Try { get; init; }

    /// <summary>The problem document as the node sent it, or null.</summary>
    public string? Problem { get; init; }

    /// <summary>Wrong usage: exit code 2.</summary>
    public static CliException Usage(string message, params string[] helpers) =>
        new(WeftError.Usage, message) { Try = helpers.Length == 0 ? null : helpers };
}
