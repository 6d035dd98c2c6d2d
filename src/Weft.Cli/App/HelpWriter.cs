using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;

namespace Weft.Cli.App;

/// <summary>Writes help, from the command objects alone.</summary>
internal static class HelpWriter
{
    private const int NameWidth = 26;

    /// <summary>True when the command line asks for help.</summary>
    public static bool IsAsked(ParseResult parse)
    {
        HelpOption? help = CliApp.Root.Options.OfType<HelpOption>().FirstOrDefault();
        return help is not null && parse.GetResult(help) is { Implicit: false };
    }

    /// <summary>Writes the help of the command that was named.</summary>
    public static void Write(ParseResult parse, TextWriter target)
    {
        if (parse.CommandResult.Command is RootCommand)
        {
            WriteRoot(target, parse.GetValue(CommandTree.AllOption));
        }
        else
        {
            WriteCommand(target, parse.CommandResult.Command);
        }
    }

    /// <summary>The words that lead to a command: <c>weft set add</c>.</summary>
    public static string PathOf(Command command) => command is RootCommand || !command.Parents.Any()
        ? "weft"
        : PathOf(command.Parents.OfType<Command>().First()) + " " + command.Name;

    /// <summary>The line that shows how a command is used.</summary>
    public static string Usage(Command command)
    {
        IEnumerable<string> arguments = command.Arguments.Select(argument =>
        {
            string name = argument.HelpName ?? argument.Name.ToUpperInvariant();
            name = argument.Arity.MaximumNumberOfValues > 1 ? name + "..." : name;
            return argument.Arity.MinimumNumberOfValues == 0 ? $"[{name}]" : name;
        });
        IEnumerable<string> words = command.Subcommands.Count > 0 ? ["COMMAND"] : arguments;
        return string.Join(' ', [PathOf(command), .. words, "[options]"]);
    }

    /// <summary>The names and the placeholder of an option: <c>-u, --url URL</c>.</summary>
    public static string Label(Option option)
    {
        IEnumerable<string> names = [.. option.Aliases.OrderBy(alias => alias.Length), option.Name];
        string value = option.ValueType == typeof(bool) ? "" : " " + (option.HelpName ?? "VALUE");
        return string.Join(", ", names.Distinct()) + value;
    }

    private static void WriteRoot(TextWriter target, bool isWhole)
    {
        target.WriteLine("weft  a graph database that lives on your users' machines");
        target.WriteLine();
        foreach (CommandSection section in CommandTree.Sections.Where(section => isWhole || section.IsShort))
        {
            target.WriteLine(section.Title);
            foreach (Command command in section.Commands)
            {
                Row(target, "weft " + command.Name, command.Description);
                foreach (Command sub in isWhole ? command.Subcommands : [])
                {
                    Row(target, $"  {command.Name} {sub.Name}", sub.Description);
                }
            }
        }

        if (!isWhole)
        {
            IEnumerable<string> rest = CommandTree.Sections.Where(section => !section.IsShort)
                .SelectMany(section => section.Commands).Select(command => command.Name);
            target.WriteLine($"MORE  {string.Join(", ", rest)}   (weft --help --all)");
        }
        else
        {
            target.WriteLine("OPTIONS of every command");
            WriteOptions(target, GlobalOptions.All);
        }

        target.WriteLine();
        target.WriteLine("weft COMMAND --help shows the options of a command.");
    }

    private static void WriteCommand(TextWriter target, Command command)
    {
        target.WriteLine(command.Description);
        target.WriteLine();
        target.WriteLine("  " + Usage(command));
        foreach (Command sub in command.Subcommands)
        {
            string words = Usage(sub)["weft ".Length..].Replace(" [options]", "", StringComparison.Ordinal);
            Row(target, words, sub.Description);
        }

        target.WriteLine();
        foreach (Argument argument in command.Arguments)
        {
            Row(target, argument.HelpName ?? argument.Name.ToUpperInvariant(), argument.Description);
        }

        WriteOptions(target, command.Options.Where(option => option is not HelpOption));
        if (command is WeftCommand { Remarks: { } remarks })
        {
            target.WriteLine();
            target.WriteLine("  " + remarks);
        }

        if (command is WeftCommand { Examples.Length: > 0 } described)
        {
            target.WriteLine();
            target.WriteLine("Examples");
            foreach (string example in described.Examples)
            {
                target.WriteLine("  " + example);
            }
        }

        target.WriteLine();
        IEnumerable<string> global = GlobalOptions.All.Select(option => option.Name);
        target.WriteLine("Options of every command: " + string.Join(' ', global));
    }

    private static void WriteOptions(TextWriter target, IEnumerable<Option> options)
    {
        foreach (Option option in options.Where(option => !option.Hidden))
        {
            Row(target, Label(option), option.Description);
        }
    }

    private static void Row(TextWriter target, string name, string? text) =>
        target.WriteLine(name.Length < NameWidth
            ? $"  {name.PadRight(NameWidth)} {text}"
            : $"  {name}\n  {new string(' ', NameWidth)} {text}");
}
