using System.CommandLine;

namespace Weft.Cli.App;

/// <summary>The options that every command takes.</summary>
internal static class GlobalOptions
{
    public static Option<string?> Url { get; } = new("--url", "-u")
    {
        Description = "The node to talk to. Default: the one that runs on the data folder.",
        HelpName = "URL",
        Recursive = true,
    };

    public static Option<string?> Data { get; } = new("--data")
    {
        Description = "The data folder. Default: WEFT_DATA, else weft in the user's data folder.",
        HelpName = "DIR",
        Recursive = true,
    };

    public static Option<string?> Config { get; } = new("--config")
    {
        Description = "The configuration file. Default: weft/config.json in the user's configuration folder.",
        HelpName = "FILE",
        Recursive = true,
    };

    public static Option<string?> TokenFile { get; } = new("--token-file")
    {
        Description = "File with the token of the node's API. Default: WEFT_TOKEN, else the data folder's.",
        HelpName = "FILE",
        Recursive = true,
    };

    public static Option<string?> TlsCa { get; } = new("--tls-ca")
    {
        Description = "PEM file of certificates to trust beside the system's, for a node with one of its own.",
        HelpName = "FILE",
        Recursive = true,
    };

    public static Option<bool> Json { get; } = new("--json")
    {
        Description = "One JSON object per line on stdout; errors as JSON on stderr.",
        Recursive = true,
    };

    public static Option<bool> Quiet { get; } = new("--quiet", "-q")
    {
        Description = "No notes and no progress.",
        Recursive = true,
    };

    public static Option<bool> Verbose { get; } = new("--verbose", "-v")
    {
        Description = "Say where settings come from, which requests are sent, and the whole of an unexpected error.",
        Recursive = true,
    };

    public static Option<bool> NoColor { get; } = new("--no-color")
    {
        Description = "No colour. NO_COLOR and TERM=dumb do the same.",
        Recursive = true,
    };

    public static Option<bool> NoInput { get; } = new("--no-input")
    {
        Description = "Never ask; fail instead.",
        Recursive = true,
    };

    public static Option<bool> Yes { get; } = new("--yes", "-y")
    {
        Description = "Answer questions with yes.",
        Recursive = true,
    };

    public static Option<string?> Timeout { get; } = new("--timeout")
    {
        Description = "Give up after this long, for example 500ms, 5s, 2m. Exit code 7.",
        HelpName = "DURATION",
        Recursive = true,
    };

    public static Option<bool> Offline { get; } = new("--offline")
    {
        Description = "Open the data folder instead of talking to a node; no node may run on it.",
        Recursive = true,
    };

    /// <summary>All of them, in the order of the help.</summary>
    public static IReadOnlyList<Option> All { get; } =
        [Url, Data, Config, TokenFile, TlsCa, Json, Quiet, Verbose, NoColor, NoInput, Yes, Timeout, Offline];
}
