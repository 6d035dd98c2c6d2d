using System.Text.Json;
using Weft.Cli.App;
using Weft.Primitives;

namespace Weft.Cli.Output;

/// <summary>Prints errors, all in one form. The first line is enough for a log, the rest helps a person.</summary>
internal static class ErrorPrinter
{
    /// <summary>Prints one error.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="error">What happened.</param>
    /// <param name="isVerbose">True to print the whole of an unexpected error.</param>
    /// <returns>The exit code.</returns>
    public static int Print(CliOutput output, Exception error, bool isVerbose)
    {
        CliException shown = Translate(error);
        if (shown.ExitCode == ExitCode.Interrupted)
        {
            return PrintInterrupted(output);
        }

        ErrorEntry entry = ErrorCatalogue.Find(shown.Error);
        IReadOnlyList<string> helpers = shown.Try ?? entry.Try;
        if (output.IsJson)
        {
            WriteProblem(output, shown, entry, helpers);
            return shown.ExitCode;
        }

        string head = PlainText.OneLine($"{shown.Code}: {shown.Message}");
        output.ErrorLine($"{output.Paint("error", 31)} {head}");
        foreach ((string label, string text) in shown.Lines)
        {
            output.ErrorLine(PlainText.OneLine($"  {label,-5} {text}"));
        }

        for (int i = 0; i < helpers.Count; i++)
        {
            output.ErrorLine(PlainText.OneLine($"  {(i == 0 ? "try" : ""),-5} {helpers[i]}"));
        }

        if (shown.Error != WeftError.Usage)
        {
            output.ErrorLine($"  more  weft explain {shown.Code}");
        }

        if (isVerbose && (shown.Error == WeftError.Bug || error is not WeftException))
        {
            output.ErrorLine(error.ToString());
        }

        return shown.ExitCode;
    }

    /// <summary>Gives every exception a number.</summary>
    public static CliException Translate(Exception error) => error switch
    {
        CliException known => known,
        WeftException weft => new CliException(weft.Error, weft.Message, weft),
        OperationCanceledException => new CliException(WeftError.DeadlinePassed, "interrupted", error)
        {
            ExitCode = ExitCode.Interrupted,
            Try = [],
        },
        FileNotFoundException or DirectoryNotFoundException =>
            new CliException(WeftError.Usage, error.Message, error) { Try = [] },
        IOException io when (io.HResult & 0xFFFF) is 28 or 112 => new CliException(WeftError.DiskFull, io.Message, io),
        IOException or UnauthorizedAccessException =>
            new CliException(WeftError.DiskFailed, error.Message, error)
            {
                Try = ["check the path and its permissions"],
            },
        _ => new CliException(WeftError.Bug, $"{error.GetType().Name}: {error.Message}", error)
        {
            Try = ["repeat with -v and report what it prints"],
        },
    };

    private static int PrintInterrupted(CliOutput output)
    {
        if (output.IsJson)
        {
            output.ErrorJson(writer =>
            {
                writer.WriteStartObject();
                writer.WriteString("title", "Interrupted");
                writer.WriteNumber("exit", ExitCode.Interrupted);
                writer.WriteEndObject();
            });
        }
        else
        {
            output.ErrorLine("interrupted");
        }

        return ExitCode.Interrupted;
    }

    private static void WriteProblem(
        CliOutput output, CliException shown, ErrorEntry entry, IReadOnlyList<string> helpers)
    {
        if (shown.Problem is { } problem)
        {
            output.ErrorLine(problem); // The node's own words, unchanged.
            return;
        }

        output.ErrorJson(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("type", "/errors/" + shown.Code);
            writer.WriteString("title", entry.Title);
            writer.WriteNumber("status", entry.HttpStatus);
            writer.WriteString("code", shown.Code);
            writer.WriteBoolean("transient", shown.IsTransient);
            writer.WriteString("detail", shown.Message);
            writer.WriteNumber("exit", shown.ExitCode);
            WriteArray(writer, "lines", shown.Lines.Select(line => $"{line.Label} {line.Text}"));
            WriteArray(writer, "try", helpers);
            writer.WriteEndObject();
        });
    }

    private static void WriteArray(Utf8JsonWriter writer, string name, IEnumerable<string> items)
    {
        writer.WriteStartArray(name);
        foreach (string item in items)
        {
            writer.WriteStringValue(item);
        }

        writer.WriteEndArray();
    }
}
