using System.CommandLine;
using System.Runtime.InteropServices;
using Weft.Cli.App;

namespace Weft.Cli.Commands;

/// <summary>Prints the version.</summary>
internal static class VersionCommand
{
    public static Command Build()
    {
        var command = new WeftCommand("version", "Print the version.") { Examples = ["weft version --json"] };
        command.Run((context, _) =>
        {
            Print(context);
            return Task.FromResult(ExitCode.Done);
        });
        return command;
    }

    /// <summary>One line; more with <c>--json</c>.</summary>
    public static void Print(CommandContext context)
    {
        if (!context.Output.IsJson)
        {
            context.Output.Line("weft " + AppVersion.Short);
            return;
        }

        context.Output.Json(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("version", AppVersion.Short);
            writer.WriteString("build", AppVersion.Full);
            writer.WriteString("runtime", RuntimeInformation.FrameworkDescription);
            writer.WriteString("system", RuntimeInformation.RuntimeIdentifier);
            writer.WriteEndObject();
        });
    }
}
