using System.Buffers;
using System.Text;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Http;
using Weft.Cli.Output;
using Weft.Primitives;

namespace Weft.Cli.Bench;

/// <summary>Drives a node over HTTP with several clients, and reads back everything that was acknowledged.</summary>
internal sealed class BenchRun(WeftClient client, BenchOptions options, TimeProvider time)
{
    private const int FieldsPerNode = 100;

    private readonly int[] _acknowledged = new int[Math.Max(1, options.Puts)];
    private long _putsDone;
    private long _getsDone;

    /// <summary>Writes so far.</summary>
    public long PutsDone => Interlocked.Read(ref _putsDone);

    /// <summary>Reads so far.</summary>
    public long GetsDone => Interlocked.Read(ref _getsDone);

    /// <summary>Writes the nodes that the readers read.</summary>
    public async Task PrepareAsync(CancellationToken cancellationToken)
    {
        for (int first = 0; first < options.Keys && options.Gets > 0; first += 1_000)
        {
            var body = new ArrayBufferWriter<byte>();
            for (int key = first; key < Math.Min(options.Keys, first + 1_000); key++)
            {
                WriteLine(body, KeySoul(key), ValueOf(ulong.MaxValue, key));
            }

            using HttpResponseMessage answer = await client.OpenAsync(
                HttpMethod.Post, WeftClient.Path("nodes:batch"),
                new BytesContent(body.WrittenMemory, "application/x-ndjson"), "application/json",
                cancellationToken);
        }
    }

    /// <summary>Runs writers and readers side by side.</summary>
    public async Task<IReadOnlyList<BenchRow>> RunAsync(CancellationToken cancellationToken)
    {
        long start = time.GetTimestamp();
        Task<Tally>[] puts = Start(options.Puts, index => WriteAsync(index, start, cancellationToken));
        Task<Tally>[] gets = Start(options.Gets, index => ReadAsync(index, start, cancellationToken));
        var rows = new List<BenchRow>();
        foreach ((string name, Task<Tally>[] tasks) in ((string, Task<Tally>[])[])[("put", puts), ("get", gets)])
        {
            if (tasks.Length == 0)
            {
                continue;
            }

            var latency = new LatencyHistogram();
            long errors = 0;
            TimeSpan elapsed = default;
            foreach (Tally tally in await Task.WhenAll(tasks))
            {
                latency.Add(tally.Latency);
                errors += tally.Errors;
                elapsed = tally.Elapsed > elapsed ? tally.Elapsed : elapsed;
            }

            rows.Add(new BenchRow(name, latency, errors, elapsed, latency.Count * options.ValueBytes));
        }

        return rows;
    }

    /// <summary>Reads back every acknowledged write and compares it.</summary>
    public async Task<BenchCheck> CheckAsync(Action<double> onProgress, CancellationToken cancellationToken)
    {
        long written = _acknowledged.Sum(count => (long)count);
        long equal = 0;
        long seen = 0;
        for (int writer = 0; writer < options.Puts; writer++)
        {
            for (int first = 0; first < _acknowledged[writer]; first += FieldsPerNode)
            {
                int count = Math.Min(FieldsPerNode, _acknowledged[writer] - first);
                using JsonDocument answer = await client.GetAsync(
                    WeftClient.Path("node", ("soul", PutSoul(writer, first)), ("wait", "0")), cancellationToken);
                JsonElement? fields = answer.RootElement.Member("fields");
                for (int index = first; index < first + count; index++)
                {
                    equal += fields?.Text(FieldOf(index)) == ValueOf((ulong)writer, index) ? 1 : 0;
                }

                seen += count;
                onProgress(seen / (double)Math.Max(1, written));
            }
        }

        return new BenchCheck(written, equal);
    }

    private static Task<Tally>[] Start(int count, Func<int, Task<Tally>> run) =>
        [.. Enumerable.Range(0, count).Select(index => Task.Run(() => run(index)))];

    private async Task<Tally> WriteAsync(int writer, long start, CancellationToken cancellationToken)
    {
        var tally = new Tally();
        for (int index = 0; Goes(start, ref _putsDone, cancellationToken); index++)
        {
            long planned = await PaceAsync(start, index, writer, options.Puts, cancellationToken);
            string path = WeftClient.Path("field", ("soul", PutSoul(writer, index)), ("name", FieldOf(index)));
            byte[] value = Encoding.UTF8.GetBytes($"\"{ValueOf((ulong)writer, index)}\"");
            if (!await TryAsync(HttpMethod.Put, path, value, tally, cancellationToken))
            {
                break; // Later acknowledgements would not be in line with the count that is read back.
            }

            tally.Latency.Add(time.GetElapsedTime(planned));
            _acknowledged[writer] = index + 1;
        }

        tally.Elapsed = time.GetElapsedTime(start);
        return tally;
    }

    private async Task<Tally> ReadAsync(int reader, long start, CancellationToken cancellationToken)
    {
        var tally = new Tally();
        var random = new WeftRandom(options.Seed * 1_000 + (ulong)reader);
        for (int index = 0; Goes(start, ref _getsDone, cancellationToken); index++)
        {
            long planned = await PaceAsync(start, index, reader, options.Gets, cancellationToken);
            int key = random.Next(options.Keys);
            string path = WeftClient.Path("field", ("soul", KeySoul(key)), ("name", "value"), ("wait", "0"));
            if (await TryAsync(HttpMethod.Get, path, null, tally, cancellationToken))
            {
                tally.Latency.Add(time.GetElapsedTime(planned));
            }
        }

        tally.Elapsed = time.GetElapsedTime(start);
        return tally;
    }

    private async Task<bool> TryAsync(
        HttpMethod method, string path, byte[]? body, Tally tally, CancellationToken cancellationToken)
    {
        try
        {
            BytesContent? content = body is null ? null : new BytesContent(body, "application/json");
            using HttpResponseMessage answer = await client.OpenAsync(method, path, content, null, cancellationToken);
            byte[] read = await answer.Content.ReadAsByteArrayAsync(cancellationToken);
            return read.Length > 0;
        }
        catch (CliException)
        {
            tally.Errors++;
            return false;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private bool Goes(long start, ref long done, CancellationToken cancellationToken) =>
        !cancellationToken.IsCancellationRequested
        && (options.Count > 0
            ? Interlocked.Increment(ref done) <= options.Count
            : time.GetElapsedTime(start) < options.Duration && Interlocked.Increment(ref done) > 0);

    /// <summary>Waits for the planned moment; latency counts from it, so that a stall is not hidden.</summary>
    private async Task<long> PaceAsync(
        long start, int index, int worker, int workers, CancellationToken cancellationToken)
    {
        if (options.Rate <= 0)
        {
            return time.GetTimestamp();
        }

        var due = TimeSpan.FromSeconds(((double)index * workers + worker) / options.Rate);
        TimeSpan early = due - time.GetElapsedTime(start);
        if (early > TimeSpan.FromMilliseconds(1))
        {
            await Task.Delay(early, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        return start + (long)(due.TotalSeconds * time.TimestampFrequency);
    }

    private string PutSoul(int writer, int index) => $"{options.Prefix}put/{writer}/{index / FieldsPerNode}";

    private string KeySoul(int key) => $"{options.Prefix}key/{key}";

    private static string FieldOf(int index) => "f" + index % FieldsPerNode;

    /// <summary>A value that only its writer and its place give, so that a mixed-up answer is found.</summary>
    private string ValueOf(ulong writer, int index)
    {
        string head = $"{options.Seed}/{writer}/{index}/";
        return head.Length >= options.ValueBytes ? head : head.PadRight(options.ValueBytes, (char)('a' + index % 26));
    }

    private static void WriteLine(ArrayBufferWriter<byte> body, string soul, string value)
    {
        using (var writer = new Utf8JsonWriter(body, JsonForm.Writer))
        {
            writer.WriteStartObject();
            writer.WriteString("soul", soul);
            writer.WriteStartObject("fields");
            writer.WriteString("value", value);
            writer.WriteEndObject();
            writer.WriteEndObject();
        }

        body.Write("\n"u8);
    }

    private sealed class Tally
    {
        public LatencyHistogram Latency { get; } = new();

        public long Errors { get; set; }

        public TimeSpan Elapsed { get; set; }
    }
}
