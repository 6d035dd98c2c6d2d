using System.CommandLine;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Http;
using Weft.Cli.Output;
using Weft.Primitives;

namespace Weft.Cli.Commands;

/// <summary>Deletes a field or a node.</summary>
internal static class RmCommand
{
    private static readonly Argument<string> Soul = new("soul") { Description = "The node." };

    private static readonly Argument<string?> Field = new("field")
    {
        Description = "One field; without it all fields of the node.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Option<bool> DryRun = new("--dry-run") { Description = "Say what would be deleted." };

    private static readonly Option<bool> Free = new("--free")
    {
        Description = "Run maintenance afterwards and report the bytes freed.",
    };

    public static Command Build()
    {
        var command = new WeftCommand("rm", "Delete a node's fields; reports what stays and what was freed.")
        {
            Examples = ["weft rm alice born", "weft rm alice --yes --free"],
            Resources = ["DELETE /node", "DELETE /field", "POST /maintain"],
            Remarks = "A deletion is a write: its mark stays until the horizon, so that peers that come late learn of "
                + "it.",
        };
        command.Arguments.Add(Soul);
        command.Arguments.Add(Field);
        command.Options.Add(DryRun);
        command.Options.Add(Free);
        command.Run(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        string soul = context.Value(Soul)!;
        string? field = context.Value(Field);
        WeftClient client = await context.ConnectAsync(cancellationToken);
        long live = await CountAsync(client, soul, field, cancellationToken);
        string what = field is null ? $"\"{soul}\" ({WrittenAnswer.Fields(live)})" : $"\"{soul}\" field \"{field}\"";
        if (live == 0)
        {
            throw new CliException(WeftError.Absent, $"{what} is not here, nothing was deleted");
        }

        if (context.Value(DryRun))
        {
            context.Output.Line(PlainText.OneLine($"would delete {what}"));
            return ExitCode.Done;
        }

        if (!await context.ConfirmAsync($"Delete {what}?", cancellationToken))
        {
            context.Output.Note("nothing was deleted");
            return ExitCode.Failed;
        }

        long start = context.Host.Time.GetTimestamp();
        using JsonDocument answer = await client.SendAsync(
            HttpMethod.Delete,
            field is null
                ? WeftClient.Path("node", ("soul", soul))
                : WeftClient.Path("field", ("soul", soul), ("name", field)),
            cancellationToken);
        long applied = answer.RootElement.Long("applied");
        WrittenAnswer.Print(
            context, soul, WrittenAnswer.Fields(applied) + " deleted", answer.RootElement,
            context.Host.Time.GetElapsedTime(start));
        if (context.Value(Free))
        {
            await FreeAsync(context, client, cancellationToken);
        }
        else
        {
            context.Output.Note(
                $"{(applied == 1 ? "1 mark stays" : $"{applied} marks stay")} until the horizon, so that late peers "
                + "learn of it; weft rm --free runs the clean-up and reports the bytes freed");
        }

        return ExitCode.Done;
    }

    private static async Task FreeAsync(CommandContext context, WeftClient client, CancellationToken cancellationToken)
    {
        using JsonDocument answer =
            await client.SendAsync(HttpMethod.Post, WeftClient.Path("maintain"), cancellationToken);
        if (context.Output.IsJson)
        {
            context.Output.Json(answer.RootElement);
            return;
        }

        context.Output.Cells(
            "freed", Units.Size(answer.RootElement.Number("bytesFreed")),
            $"{answer.RootElement.Long("tombstonesRemoved")} marks past the horizon removed");
    }

    private static async Task<long> CountAsync(
        WeftClient client, string soul, string? field, CancellationToken cancellationToken)
    {
        using JsonDocument answer = await client.GetAsync(
            WeftClient.Path("node", ("soul", soul), ("wait", "0"), ("from", field), ("to", field), ("limit", "10000")),
            cancellationToken);
        return answer.RootElement.Members("fields").LongCount(property => field is null || property.Name == field);
    }
}
