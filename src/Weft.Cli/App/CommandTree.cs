using System.CommandLine;
using System.CommandLine.Help;
using Weft.Cli.Commands;

namespace Weft.Cli.App;

/// <summary>A group of commands in the help.</summary>
/// <param name="Title">Its name.</param>
/// <param name="IsShort">True when the short help shows it.</param>
/// <param name="Commands">Its commands, in order.</param>
internal sealed record CommandSection(string Title, bool IsShort, IReadOnlyList<Command> Commands);

/// <summary>All commands. This list is the only one.</summary>
internal static class CommandTree
{
    /// <summary>Shows the whole tree in the help.</summary>
    public static Option<bool> AllOption { get; } =
        new("--all") { Description = "With --help: every command.", Hidden = true };

    /// <summary>Prints the version.</summary>
    public static Option<bool> VersionFlag { get; } = new("--version") { Description = "Print the version." };

    /// <summary>The sections, in the order of the help.</summary>
    public static IReadOnlyList<CommandSection> Sections { get; } =
    [
        new("START", true,
            [UpCommand.Build(), DemoCommand.Build(), StatusCommand.Build(), DownCommand.Build()]),
        new("DATA", true,
        [
            PutCommand.Build(), GetCommand.Build(), LsCommand.Build(), RmCommand.Build(), WatchCommand.Build(),
            WalkCommand.Build(), WhyCommand.Build(), HistoryCommand.Build(), SeriesCommand.Build(),
            ConflictsCommand.Build(), SetCommand.Build(), ImportCommand.Build(), ExportCommand.Build(),
        ]),
        new("TOPICS, LOGS, RECORDS", false,
            [TopicCommand.Build(), LogCommand.Build(), DhtCommand.Build(), BlobCommand.Build()]),
        new("NETWORK", false,
        [
            PeersCommand.Build(), RelayCommand.Build(), SyncCommand.Build(), AuditCommand.Build(),
        ]),
        new("IDENTITY", false,
        [
            IdCommand.Build(), PolicyCommand.Build(), GroupCommand.Build(), GrantCommand.Build(),
            TokenCommand.Build(),
        ]),
        new("OPERATE", false,
        [
            EventsCommand.Build(), DoctorCommand.Build(), BenchCommand.Build(), BackupCommand.Build(), RestoreCommand.Build(),
            VerifyCommand.Build(), RepairCommand.Build(), RetainCommand.Build(), RekeyCommand.Build(),
        ]),
        new("TEST", false, [SimCommand.Build()]),
        new("HELP", false, [ExplainCommand.Build(), VersionCommand.Build()]),
    ];

    /// <summary>Makes the tree; called once.</summary>
    public static RootCommand Build()
    {
        var root = new RootCommand("weft: a graph database that lives on your users' machines");
        root.Options.Clear();
        root.Directives.Clear(); // "[name]" may be a soul.
        root.Options.Add(new HelpOption("--help", "-h") { Description = "Show help." });
        root.Options.Add(VersionFlag);
        root.Options.Add(AllOption);
        foreach (Option option in GlobalOptions.All)
        {
            root.Options.Add(option);
        }

        foreach (CommandSection section in Sections)
        {
            foreach (Command command in section.Commands)
            {
                root.Subcommands.Add(command);
            }
        }

        root.Run((context, _) =>
        {
            if (context.Value(VersionFlag))
            {
                VersionCommand.Print(context);
            }
            else
            {
                HelpWriter.Write(context.Parse, context.Host.Out);
            }

            return Task.FromResult(ExitCode.Done);
        });
        return root;
    }
}
