using System.Text;

namespace Weft.Cli.App;

/// <summary>
/// The world as the command line sees it: streams, variables, whether a person watches. Tests bring their own.
/// </summary>
internal sealed class CliHost
{
    /// <summary>Data goes here, and nothing else.</summary>
    public required TextWriter Out { get; init; }

    /// <summary>The same as <see cref="Out"/> for bytes that pass through unchanged.</summary>
    public required Stream OutBytes { get; init; }

    /// <summary>Progress, notes, questions and errors go here.</summary>
    public required TextWriter Error { get; init; }

    /// <summary>Answers and data come from here.</summary>
    public required Stream InBytes { get; init; }

    /// <summary>Reads one environment variable; null when it is not set.</summary>
    public required Func<string, string?> Variable { get; init; }

    /// <summary>True when a person reads <see cref="Out"/>.</summary>
    public bool OutIsTerminal { get; init; }

    /// <summary>True when a person reads <see cref="Error"/>.</summary>
    public bool ErrorIsTerminal { get; init; }

    /// <summary>True when a person can answer questions.</summary>
    public bool InIsTerminal { get; init; }

    /// <summary>
    /// Columns of the terminal. Asked for late, because asking makes the runtime set the terminal up.
    /// </summary>
    public Func<int> Width { get; init; } = () => 120;

    /// <summary>
    /// Reads one key that a person presses, without showing it. Only called when <see cref="InIsTerminal"/>.
    /// </summary>
    public Func<ConsoleKeyInfo> ReadKey { get; init; } = () => Console.ReadKey(intercept: true);

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>True when signals of this process stop the command; false inside another program's tests.</summary>
    public bool TakesSignals { get; init; }

    /// <summary>The real console of this process.</summary>
    public static CliHost System()
    {
        var utf8 = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        Stream output = Console.OpenStandardOutput();
        Stream error = Console.OpenStandardError();
        return new CliHost
        {
            OutBytes = output,
            Out = new StreamWriter(output, utf8) { AutoFlush = true },
            Error = new StreamWriter(error, utf8) { AutoFlush = true },
            InBytes = Console.OpenStandardInput(),
            Variable = name => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null,
            OutIsTerminal = !Console.IsOutputRedirected,
            ErrorIsTerminal = !Console.IsErrorRedirected,
            InIsTerminal = !Console.IsInputRedirected,
            Width = ReadWidth,
            TakesSignals = true,
        };
    }

    private static int ReadWidth()
    {
        try
        {
            int width = Console.IsOutputRedirected ? 0 : Console.WindowWidth;
            return width is >= 20 and <= 1_000 ? width : 120; // Some terminals say 0.
        }
        catch (IOException)
        {
            return 120; // A terminal that does not tell its size.
        }
    }
}
