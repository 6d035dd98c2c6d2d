using System.CommandLine;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Http;
using Weft.Primitives;

namespace Weft.Cli.Commands;

/// <summary>Asks the running node to stop, and waits until it has.</summary>
internal static class DownCommand
{
    private static readonly TimeSpan DeadlineDefault = TimeSpan.FromSeconds(15);

    public static Command Build()
    {
        var command = new WeftCommand("down", "Ask the running node to stop; waits until it has.")
        {
            Examples = ["weft down", "weft down --data ./other"],
            Resources = ["POST /shutdown"],
        };
        command.Run(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        WeftClient client = await context.ConnectAsync(cancellationToken);
        RunInfo? running = RunInfo.Read(context.Settings.DataFolder);
        int pid = running is not null && new Uri(running.Url, "/") == new Uri(client.Url, "/") ? running.Pid : 0;
        using (JsonDocument answer = await client.SendAsync(
            HttpMethod.Post, WeftClient.Path("shutdown"), cancellationToken))
        {
            context.Trace(answer.RootElement.GetRawText());
        }

        long start = context.Host.Time.GetTimestamp();
        TimeSpan deadline = context.Settings.Timeout ?? DeadlineDefault;
        while (await IsUpAsync(client, pid, cancellationToken))
        {
            if (context.Host.Time.GetElapsedTime(start) > deadline)
            {
                throw new CliException(
                    WeftError.DeadlinePassed,
                    $"{client.Url} was asked to stop and still runs after {Units.Duration(deadline)}");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(50), context.Host.Time, cancellationToken);
        }

        TimeSpan elapsed = context.Host.Time.GetElapsedTime(start);
        if (context.Output.IsJson)
        {
            context.Output.Json(writer =>
            {
                writer.WriteStartObject();
                writer.WriteBoolean("stopped", true);
                writer.WriteString("url", client.Url.AbsoluteUri);
                writer.WriteEndObject();
            });
        }
        else
        {
            context.Output.Cells("stopped", client.Url.AbsoluteUri, Units.Duration(elapsed));
        }

        return ExitCode.Done;
    }

    /// <summary>The port is closed early; the folder is free only when the process has ended.</summary>
    private static async Task<bool> IsUpAsync(WeftClient client, int pid, CancellationToken cancellationToken)
    {
        try
        {
            using HttpResponseMessage answer =
                await client.OpenAsync(HttpMethod.Get, "health/live", null, null, cancellationToken);
            return true;
        }
        catch (CliException error) when (error.Error == WeftError.NodeUnreachable)
        {
            return pid > 0 && IsAlive(pid);
        }
        catch (CliException)
        {
            return true; // It answers, so it runs: a 503 while it stops.
        }
    }

    private static bool IsAlive(int pid)
    {
        try
        {
            using var process = System.Diagnostics.Process.GetProcessById(pid);
            return !process.HasExited;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }
}
