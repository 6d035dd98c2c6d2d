using System.Text;
using Weft.Cli.App;

namespace Weft.Integration.Tests.Cli;

/// <summary>Runs the command line inside the test, with a world of its own.</summary>
internal sealed class CliCall
{
    private readonly Dictionary<string, string> _variables = new()
    {
        ["HOME"] = "/nonexistent", ["XDG_CONFIG_HOME"] = "/nonexistent/config", ["XDG_DATA_HOME"] = "/nonexistent/data",
    };

    /// <summary>True to play a terminal.</summary>
    public bool IsTerminal { get; init; }

    /// <summary>What stdin holds.</summary>
    public string Input { get; init; } = "";

    /// <summary>Keys that a person presses, for questions whose answer is not shown.</summary>
    public Queue<char> Keys { get; } = new();

    /// <summary>Everything on stdout.</summary>
    public string Out { get; private set; } = "";

    /// <summary>Everything on stderr.</summary>
    public string Error { get; private set; } = "";

    /// <summary>The lines on stdout.</summary>
    public string[] Lines => Out.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Sets a variable.</summary>
    public CliCall With(string name, string value)
    {
        _variables[name] = value;
        return this;
    }

    /// <summary>Runs one command line.</summary>
    /// <returns>The exit code.</returns>
    public async Task<int> RunAsync(params string[] arguments)
    {
        using var bytes = new MemoryStream();
        await using var output = new StreamWriter(bytes, new UTF8Encoding(false)) { AutoFlush = true };
        using var error = new StringWriter();
        using var input = new MemoryStream(Encoding.UTF8.GetBytes(Input));
        var host = new CliHost
        {
            Out = output,
            OutBytes = bytes,
            Error = error,
            InBytes = input,
            Variable = _variables.GetValueOrDefault,
            OutIsTerminal = IsTerminal,
            ErrorIsTerminal = IsTerminal,
            InIsTerminal = IsTerminal,
            ReadKey = () => Press(Keys.Dequeue()),
        };
        int exit = await CliApp.RunAsync(arguments, host);
        Out = Encoding.UTF8.GetString(bytes.ToArray());
        Error = error.ToString();
        return exit;
    }

    private static ConsoleKeyInfo Press(char key) => new(
        key,
        key switch { '\r' => ConsoleKey.Enter, '\b' => ConsoleKey.Backspace, _ => ConsoleKey.A },
        shift: false, alt: false, control: false);
}
