using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Bench;
using Weft.Cli.Http;
using Weft.Cli.Output;

namespace Weft.Cli.Commands;

/// <summary>Measures a node over HTTP, and reads back what it wrote.</summary>
internal static class BenchCommand
{
    private static readonly Option<int> Clients = new("--clients")
    {
        Description = "Clients at once. Default: 16.",
        HelpName = "N",
        DefaultValueFactory = _ => 16,
    };

    private static readonly Option<string> Duration = new("--duration")
    {
        Description = "How long. Default: 10s.",
        HelpName = "DURATION",
        DefaultValueFactory = _ => "10s",
    };

    private static readonly Option<long> Count = new("--msgs")
    {
        Description = "Operations of each kind, instead of a duration.",
        HelpName = "N",
    };

    private static readonly Option<string> Size = new("--size")
    {
        Description = "Size of a value. Default: 128B.",
        HelpName = "SIZE",
        DefaultValueFactory = _ => "128B",
    };

    private static readonly Option<string?> Rate = new("--rate")
    {
        Description = "Operations per second of each kind; latency then counts from the planned moment.",
        HelpName = "RATE",
    };

    private static readonly Option<long> Seed = new("--seed")
    {
        Description = "Chooses values and order. Default: 7.",
        HelpName = "N",
        DefaultValueFactory = _ => 7,
    };

    private static readonly Option<int> Keys = new("--keys")
    {
        Description = "Nodes written beforehand for readers. Default: 10000.",
        HelpName = "N",
        DefaultValueFactory = _ => 10_000,
    };

    private static readonly Option<bool> Csv = new("--csv") { Description = "Comma-separated values with a head." };

    private static readonly Option<bool> NoProgress = new("--no-progress") { Description = "No progress." };

    public static Command Build()
    {
        var command = new WeftCommand("bench", "Measure put, get or both; reads back what it wrote.")
        {
            Examples = ["weft bench put --clients 16 --duration 10s", "weft bench mixed --rate 2k/s --json"],
            Remarks = "Exit code 8 when an acknowledged write is not read back as it was written.",
        };
        command.Subcommands.Add(Kind("put", "Writes only.", clients => (clients, 0)));
        command.Subcommands.Add(Kind("get", "Reads only.", clients => (0, clients)));
        command.Subcommands.Add(Kind(
            "mixed", "Half of the clients write, half read.",
            clients => (Math.Max(1, clients / 2), Math.Max(1, clients - clients / 2))));
        return command;
    }

    private static WeftCommand Kind(string name, string description, Func<int, (int Puts, int Gets)> split)
    {
        var command = new WeftCommand(name, description)
        {
            Examples = [$"weft bench {name} --clients 16 --duration 10s --size 128B"],
            Resources = ["PUT /field", "GET /field", "GET /node", "POST /nodes:batch"],
        };
        foreach (Option option in (Option[])[Clients, Duration, Count, Size, Rate, Seed, Keys, Csv, NoProgress])
        {
            command.Options.Add(option);
        }

        command.Run((context, cancellationToken) => RunAsync(context, ReadOptions(context, split), cancellationToken));
        return command;
    }

    private static BenchOptions ReadOptions(CommandContext context, Func<int, (int Puts, int Gets)> split)
    {
        int clients = context.Value(Clients);
        string durationText = context.Value(Duration)!;
        string sizeText = context.Value(Size)!;
        double rate = 0;
        if (clients is < 1 or > 1_024)
        {
            throw CliException.Usage("--clients takes 1 to 1024");
        }

        if (!Units.TryDuration(durationText, out TimeSpan duration))
        {
            throw CliException.Usage($"\"{durationText}\" is not a duration; write for example 10s");
        }

        if (!Units.TrySize(sizeText, out long size) || size is < 1 or > 1 << 20)
        {
            throw CliException.Usage($"\"{sizeText}\" is not a size of 1B to 1MiB");
        }

        if (context.Value(Rate) is { } rateText && !Units.TryRate(rateText, out rate))
        {
            throw CliException.Usage($"\"{rateText}\" is not a rate; write for example 5k/s");
        }

        (int puts, int gets) = split(clients);
        ulong seed = (ulong)context.Value(Seed);
        return new BenchOptions(
            puts, gets, duration, context.Value(Count), (int)size, rate, seed, Math.Max(1, context.Value(Keys)),
            $"bench/{seed}/{context.Host.Time.GetUtcNow().ToUnixTimeMilliseconds()}/");
    }

    private static async Task<int> RunAsync(
        CommandContext context, BenchOptions options, CancellationToken cancellationToken)
    {
        WeftClient client = await context.ConnectAsync(cancellationToken);
        var run = new BenchRun(client, options, context.Host.Time);
        bool isSilent = context.Value(NoProgress);
        using var progress = new ProgressLine(context.Host, context.Output);
        await run.PrepareAsync(cancellationToken);
        long start = context.Host.Time.GetTimestamp();
        Task<IReadOnlyList<BenchRow>> running = run.RunAsync(cancellationToken);
        while (!isSilent && !running.IsCompleted)
        {
            TimeSpan elapsed = context.Host.Time.GetElapsedTime(start);
            double share = options.Count > 0
                ? Math.Max(run.PutsDone, run.GetsDone) / (double)options.Count
                : elapsed / options.Duration;
            progress.Report("bench", share, $"{Units.Count(run.PutsDone)} put  {Units.Count(run.GetsDone)} get");
            await Task.WhenAny(running, Task.Delay(100, CancellationToken.None));
        }

        IReadOnlyList<BenchRow> rows = await running;
        BenchCheck check = await run.CheckAsync(
            share => progress.Report("checking", share, ""), CancellationToken.None);
        progress.Dispose();
        Print(context, options, rows, check);
        return check.Lost > 0 ? ExitCode.Damage
            : rows.Sum(row => row.Errors) > 0 ? ExitCode.Failed
            : ExitCode.Done;
    }

    private static void Print(
        CommandContext context, BenchOptions options, IReadOnlyList<BenchRow> rows, BenchCheck check)
    {
        if (context.Output.IsJson)
        {
            context.Output.Json(writer => WriteJson(writer, options, rows, check));
            return;
        }

        if (context.Value(Csv))
        {
            context.Output.Line("kind,ops_per_s,p50_ms,p95_ms,p99_ms,max_ms,errors,mb_per_s,written,equal");
            foreach (BenchRow row in rows)
            {
                context.Output.Line(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{row.Name},{row.PerSecond:0},{Ms(row, 0.5)},{Ms(row, 0.95)},{Ms(row, 0.99)},{Ms(row, 1)},"
                    + $"{row.Errors},{row.MegabytesPerSecond:0.0},{check.Written},{check.Equal}"));
            }

            return;
        }

        var table = new TextTable("", ">ops/s", ">p50 ms", ">p95 ms", ">p99 ms", ">max ms", ">errors", ">MB/s");
        foreach (BenchRow row in rows)
        {
            table.Add(
                row.Name, Units.Count(row.PerSecond), Ms(row, 0.5), Ms(row, 0.95), Ms(row, 0.99), Ms(row, 1),
                Units.Count(row.Errors), row.MegabytesPerSecond.ToString("0.0", CultureInfo.InvariantCulture));
        }

        context.Output.Table(table);
        context.Output.Line(
            $"checked: {Units.Count(check.Written)} written, {Units.Count(check.Equal)} read back equal, "
            + $"{Units.Count(check.Lost)} lost    seed {options.Seed}");
        context.Output.Note($"the data stays under {options.Prefix}");
    }

    private static string Ms(BenchRow row, double share) =>
        row.Latency.At(share).TotalMilliseconds.ToString("0.00", CultureInfo.InvariantCulture);

    private static void WriteJson(
        Utf8JsonWriter writer, BenchOptions options, IReadOnlyList<BenchRow> rows, BenchCheck check)
    {
        writer.WriteStartObject();
        foreach (BenchRow row in rows)
        {
            writer.WriteStartObject(row.Name);
            writer.WriteNumber("opsPerSecond", Math.Round(row.PerSecond, 1));
            writer.WriteNumber("p50Ms", row.Latency.At(0.5).TotalMilliseconds);
            writer.WriteNumber("p95Ms", row.Latency.At(0.95).TotalMilliseconds);
            writer.WriteNumber("p99Ms", row.Latency.At(0.99).TotalMilliseconds);
            writer.WriteNumber("maxMs", row.Latency.At(1).TotalMilliseconds);
            writer.WriteNumber("operations", row.Latency.Count);
            writer.WriteNumber("errors", row.Errors);
            writer.WriteNumber("megabytesPerSecond", Math.Round(row.MegabytesPerSecond, 2));
            writer.WriteEndObject();
        }

        writer.WriteNumber("written", check.Written);
        writer.WriteNumber("equal", check.Equal);
        writer.WriteNumber("lost", check.Lost);
        writer.WriteNumber("seed", options.Seed);
        writer.WriteString("prefix", options.Prefix);
        writer.WriteEndObject();
    }
}
