using System.CommandLine;
using Weft.Cli.App;
using Weft.Cli.Output;
using Weft.Primitives;

namespace Weft.Cli.Commands;

/// <summary>Explains an error number, without a network.</summary>
internal static class ExplainCommand
{
    private static readonly Argument<string?> Code = new("code")
    {
        Description = "For example W3307; without it the whole list.",
        HelpName = "W####",
        Arity = ArgumentArity.ZeroOrOne,
    };

    public static Command Build()
    {
        var command = new WeftCommand("explain", "What an error means, offline.")
        {
            Examples = ["weft explain W3101", "weft explain"],
        };
        command.Arguments.Add(Code);
        command.Run((context, _) => Task.FromResult(Run(context)));
        return command;
    }

    private static int Run(CommandContext context)
    {
        string? code = context.Value(Code);
        if (code is not null && ErrorCatalogue.Find(code) is null)
        {
            string near = Suggestion.For(code, ErrorCatalogue.All.Select(entry => ErrorCatalogue.Code(entry.Error)));
            throw CliException.Usage($"there is no error \"{code}\"{near}", "weft explain");
        }

        ErrorEntry[] entries = code is null ? [.. ErrorCatalogue.All] : [ErrorCatalogue.Find(code)!];
        if (context.Output.IsJson)
        {
            foreach (ErrorEntry entry in entries)
            {
                WriteJson(context.Output, entry);
            }
        }
        else if (code is null)
        {
            var table = new TextTable("code", ">http", "title");
            foreach (ErrorEntry entry in entries)
            {
                table.Add(ErrorCatalogue.Code(entry.Error), $"{entry.HttpStatus}", entry.Title);
            }

            context.Output.Table(table);
        }
        else
        {
            Print(context.Output, entries[0]);
        }

        return ExitCode.Done;
    }

    private static void Print(CliOutput output, ErrorEntry entry)
    {
        output.Line(output.Paint($"{ErrorCatalogue.Code(entry.Error)}  {entry.Title}", 1));
        output.Line("");
        output.Line("  " + entry.Cause);
        output.Line($"  HTTP status {entry.HttpStatus}, exit code {ExitCode.Of(entry.Error)}; "
            + (entry.IsTransient ? "the same call may succeed later" : "repeating the same call does not help"));
        for (int i = 0; i < entry.Try.Count; i++)
        {
            output.Line($"  {(i == 0 ? "try" : ""),-4}{entry.Try[i]}");
        }
    }

    private static void WriteJson(CliOutput output, ErrorEntry entry) => output.Json(writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("code", ErrorCatalogue.Code(entry.Error));
        writer.WriteString("title", entry.Title);
        writer.WriteString("cause", entry.Cause);
        writer.WriteNumber("status", entry.HttpStatus);
        writer.WriteNumber("exit", ExitCode.Of(entry.Error));
        writer.WriteBoolean("transient", entry.IsTransient);
        writer.WriteStartArray("try");
        foreach (string helper in entry.Try)
        {
            writer.WriteStringValue(helper);
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    });
}
