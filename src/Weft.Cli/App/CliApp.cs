using System.CommandLine;
using System.CommandLine.Parsing;
using System.Runtime.InteropServices;
using Weft.Cli.Output;
using Weft.Crypto;

namespace Weft.Cli.App;

/// <summary>Parses, runs, and turns everything into an exit code.</summary>
internal static class CliApp
{
    private static readonly Lazy<RootCommand> Tree = new(CommandTree.Build);

    /// <summary>All commands, as objects: help, documents and tests read them.</summary>
    public static RootCommand Root => Tree.Value;

    /// <summary>Runs one command line.</summary>
    /// <param name="arguments">The words after <c>weft</c>.</param>
    /// <param name="host">The world.</param>
    /// <param name="cancellationToken">Interrupts, as Ctrl+C does.</param>
    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(
        string[] arguments, CliHost host, CancellationToken cancellationToken = default)
    {
        // "@name" is a soul here, never a response file.
        // A key that begins with "-o" is no "-o" with a value: with such a word on the line short options stand alone.
        ParseResult parse = Root.Parse(arguments, new ParserConfiguration
        {
            ResponseFileTokenReplacer = null,
            EnablePosixBundling = !arguments.Any(word => word.StartsWith('-') && IsKey(word)),
        });
        if (HelpWriter.IsAsked(parse))
        {
            HelpWriter.Write(parse, host.Out);
            return ExitCode.Done;
        }

        if (parse.Errors.Count > 0 || MistakenOption(parse) is not null)
        {
            return UsageError(parse, host);
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using IDisposable? signals = host.TakesSignals ? StopSignals.Take(stop) : null;
        var invocation = new CliInvocation
        {
            Host = host,
            Output = host.Out,
            Error = host.Error,
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = null, // Signals are ours: the first one stops cleanly, the second at once.
        };
        return await parse.InvokeAsync(invocation, stop.Token);
    }

    /// <summary>A mistyped option that would pass as a soul; one that is meant so stands behind "--".</summary>
    private static string? MistakenOption(ParseResult parse) =>
        parse.Tokens.Any(token => token.Type == TokenType.DoubleDash)
            ? null
            : parse.CommandResult.Command.Arguments
                .SelectMany(argument => parse.GetResult(argument)?.Tokens ?? [])
                .FirstOrDefault(token => token.Value is ['-', not (>= '0' and <= '9'), ..] && !IsKey(token.Value))?.Value;

    // One key in 64 begins with "-".
    private static bool IsKey(string word) => Ed25519PublicKey.TryParse(word, out _);

    private static int UsageError(ParseResult parse, CliHost host)
    {
        var output = new CliOutput(
            host, parse.GetValue(GlobalOptions.Json), parse.GetValue(GlobalOptions.Quiet),
            parse.GetValue(GlobalOptions.NoColor));
        Command command = parse.CommandResult.Command;
        string help = HelpWriter.PathOf(command) + " --help";
        string? word = MistakenOption(parse) ?? (parse.UnmatchedTokens.Count > 0 ? parse.UnmatchedTokens[0] : null);
        string message = parse.Errors.Count > 0 ? parse.Errors[0].Message.TrimEnd('.') : "";
        if (word is not null && command.Subcommands.Count > 0 && !word.StartsWith('-'))
        {
            string near = Suggestion.For(word, command.Subcommands.Where(sub => !sub.Hidden).Select(sub => sub.Name));
            message = $"\"{word}\" is not a command{near}";
        }
        else if (word is not null && word.StartsWith('-'))
        {
            IEnumerable<string> known = command.Options.Concat(GlobalOptions.All).Select(option => option.Name);
            message = $"\"{word}\" is not an option of {HelpWriter.PathOf(command)}{Suggestion.For(word, known)}";
        }
        else if (word is not null)
        {
            message = $"\"{word}\" is one word too many for {HelpWriter.PathOf(command)}";
        }

        return ErrorPrinter.Print(output, CliException.Usage(message, help), isVerbose: false);
    }
}

/// <summary>Turns Ctrl+C and SIGTERM into a clean stop, and the second Ctrl+C into an end at once.</summary>
internal sealed class StopSignals : IDisposable
{
    private readonly List<PosixSignalRegistration> _registrations = [];
    private int _interrupts;

    private StopSignals(CancellationTokenSource stop)
    {
        foreach (PosixSignal signal in (PosixSignal[])[PosixSignal.SIGINT, PosixSignal.SIGTERM])
        {
            _registrations.Add(PosixSignalRegistration.Create(signal, context =>
            {
                context.Cancel = true;
                if (Interlocked.Increment(ref _interrupts) > 1 && context.Signal == PosixSignal.SIGINT)
                {
                    Environment.Exit(ExitCode.Interrupted);
                }

                Task.Run(stop.Cancel); // Off the signal thread: a clean stop may take a while.
            }));
        }
    }

    /// <summary>Listens until disposed.</summary>
    public static StopSignals Take(CancellationTokenSource stop) => new(stop);

    public void Dispose() => _registrations.ForEach(registration => registration.Dispose());
}
