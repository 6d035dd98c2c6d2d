using System.CommandLine;
using System.CommandLine.Help;
using System.Text;
using Weft.Cli.App;
using Weft.Primitives;

namespace Weft.Integration.Tests.Cli;

/// <summary>
/// Writes docs/reference/cli.md from the command objects, so that the document cannot drift from the program.
/// </summary>
internal static class CliReference
{
    public static string Write()
    {
        _ = CliApp.Root; // Commands know their paths once the tree stands.
        var text = new StringBuilder();
        text.Append("""
            # The command line

            Generated from the command objects; a test compares this file with them. To write it anew:
            `WEFT_UPDATE_DOCS=1 dotnet test -c Release tests/Weft.Integration.Tests --filter CliReferenceTests`.

            `weft up` starts a node and stays in front. Every other command talks to a running node over HTTP, or
            opens the data folder itself with `--offline`. Data goes to stdout; notes, progress, questions and errors
            go to stderr. Piped output has no colour and no drawing: cells are separated by tabs. With `--json` every
            answer is one JSON object per line, errors (on stderr) too.


            """);
        WriteExitCodes(text);
        WriteSettings(text);
        text.Append("## Options of every command\n\n");
        WriteOptions(text, GlobalOptions.All);
        foreach (CommandSection section in CommandTree.Sections)
        {
            text.Append($"## {section.Title}\n\n");
            foreach (Command command in section.Commands)
            {
                WriteCommand(text, command);
            }
        }

        return text.ToString().TrimEnd('\n') + "\n";
    }

    private static void WriteCommand(StringBuilder text, Command command)
    {
        text.Append($"### {HelpWriter.PathOf(command)}\n\n{command.Description}\n\n");
        text.Append($"```text\n{HelpWriter.Usage(command)}\n```\n\n");
        if (command is WeftCommand { Remarks: { } remarks })
        {
            text.Append(remarks).Append("\n\n");
        }

        if (command.Arguments.Count > 0)
        {
            text.Append("| argument | |\n| --- | --- |\n");
            foreach (Argument argument in command.Arguments)
            {
                string name = argument.HelpName ?? argument.Name.ToUpperInvariant();
                text.Append($"| `{Cell(name)}` | {Cell(argument.Description)} |\n");
            }

            text.Append('\n');
        }

        WriteOptions(text, [.. command.Options.Where(option => option is not HelpOption)]);
        if (command is WeftCommand { Examples.Length: > 0 } described)
        {
            text.Append($"```sh\n{string.Join('\n', described.Examples)}\n```\n\n");
        }

        if (command is WeftCommand { Resources.Length: > 0 } client)
        {
            text.Append($"HTTP: {string.Join(", ", client.Resources.Select(resource => $"`{resource}`"))}\n\n");
        }

        foreach (Command sub in command.Subcommands)
        {
            WriteCommand(text, sub);
        }
    }

    private static void WriteOptions(StringBuilder text, IReadOnlyList<Option> options)
    {
        if (options.All(option => option.Hidden))
        {
            return;
        }

        text.Append("| option | |\n| --- | --- |\n");
        foreach (Option option in options.Where(option => !option.Hidden))
        {
            text.Append($"| `{Cell(HelpWriter.Label(option))}` | {Cell(option.Description)} |\n");
        }

        text.Append('\n');
    }

    private static void WriteExitCodes(StringBuilder text)
    {
        text.Append("## Exit codes\n\n| exit | meaning | errors |\n| --- | --- | --- |\n");
        foreach ((int code, string meaning) in Meanings)
        {
            IEnumerable<string> errors = ErrorCatalogue.All
                .Where(entry => ExitCode.Of(entry.Error) == code).Select(entry => ErrorCatalogue.Code(entry.Error));
            string list = code == ExitCode.Failed ? "all others" : string.Join(' ', errors);
            text.Append($"| {code} | {meaning} | {list} |\n");
        }

        text.Append('\n');
    }

    private static void WriteSettings(StringBuilder text)
    {
        text.Append("""
            ## Settings

            A flag comes first, then the variable, then the configuration file (`--config`, `WEFT_CONFIG`, else
            `$XDG_CONFIG_HOME/weft/config.json`: one JSON object), then the default. Lists have commas in a variable and
            are arrays in the file.

            | key of the file | variable |
            | --- | --- |

            """);
        foreach (string key in Settings.Keys)
        {
            text.Append($"| `{key}` | `WEFT_{key.ToUpperInvariant().Replace('-', '_')}` |\n");
        }

        text.Append("""

            Secrets are never flag values, since those show in process lists: the token comes from `--token-file`,
            `WEFT_TOKEN`, `WEFT_TOKEN_FILE`, or the file `token` in the data folder. The folder's token is sent to this
            machine only. The data folder is `--data`, else `WEFT_DATA`, else `$XDG_DATA_HOME/weft`, else
            `~/.local/share/weft` (Windows: `%LOCALAPPDATA%\weft`). The node that runs on it is found through its
            `running.json`.


            """);
    }

    private static string Cell(string? text) => (text ?? "").Replace("|", "\\|", StringComparison.Ordinal);

    private static readonly (int Code, string Meaning)[] Meanings =
    [
        (ExitCode.Done, "done"), (ExitCode.Failed, "failed, see the error"), (ExitCode.Usage, "wrong usage"),
        (ExitCode.NothingThere, "nothing there: absent, deleted or unknown"),
        (ExitCode.Refused, "refused: no token, not allowed"), (ExitCode.Unreachable, "no node answers"),
        (ExitCode.Conflict, "precondition failed, conflict"), (ExitCode.Deadline, "the deadline passed"),
        (ExitCode.Damage, "a check found damage or a failure"),
        (ExitCode.Warning, "a check found something to look at"),
        (ExitCode.Interrupted, "interrupted"),
    ];
}
