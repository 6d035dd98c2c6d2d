using Weft.Graph;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Storage;

namespace Weft.Integration.Tests.Storage;

/// <summary>
/// Fails the Nth file operation of a script in every way there is. Either the caller gets an error, or the write is there
/// for good; a value that nobody wrote, or an acknowledged one that is gone, is a bug.
/// </summary>
public sealed class FileFaultTests
{
    private const int Writes = 60;

    [Theory]
    [InlineData(Fault.Error, false)]
    [InlineData(Fault.Short, false)]
    [InlineData(Fault.Full, false)]
    [InlineData(Fault.Crash, false)]
    [InlineData(Fault.Error, true)]
    [InlineData(Fault.Short, true)]
    [InlineData(Fault.Full, true)]
    [InlineData(Fault.Crash, true)]
    public async Task Whatever_fails_an_acknowledged_write_is_kept_and_a_failed_one_is_never_half(Fault kind, bool encrypted)
    {
        using var folder = new TempFolder();
        int operations = await RunAsync(Options(folder.At("count"), new FaultFiles(), encrypted), new Script(), seed: 1);
        Assert.True(operations > Writes, $"{operations} operations");
        var random = new WeftRandom((ulong)kind + 10);
        for (int round = 0; round < 40; round++)
        {
            int failAt = 1 + random.Next(operations);
            ulong seed = random.NextUInt64();
            string path = folder.At($"{kind}-{round}");
            var files = new FaultFiles { FailAt = failAt, Kind = kind };
            var script = new Script();
            await RunAsync(Options(path, files, encrypted), script, seed);

            // Once more on what the disk is left with: after a power cut, or after the process alone died.
            FaultFiles left = kind == Fault.Crash ? files.Restart(random) : files.Copy();
            await script.CheckAsync(Options(path, left, encrypted), $"{kind} at operation {failAt}, seed {seed}");
        }
    }

    [Theory]
    [InlineData("begin", false)]
    [InlineData("begin", true)]
    [InlineData("nodes", false)]
    [InlineData("nodes", true)]
    [InlineData("links", false)]
    [InlineData("links", true)]
    [InlineData("state", false)]
    [InlineData("state", true)]
    [InlineData("commit", false)]
    [InlineData("commit", true)]
    [InlineData("checkpoint", false)]
    [InlineData("checkpoint", true)]
    public async Task A_failing_disk_tier_loses_nothing(string step, bool encrypted)
    {
        using var folder = new TempFolder();
        var files = new FaultFiles();
        var script = new Script();
        StorageOptions options = Options(folder.At("data"), files, encrypted);
        bool failing = false;
        options.TierStep = now =>
        {
            if (failing && now == step)
            {
                throw new WeftException(WeftError.DiskFailed, "The test's disk failed.");
            }
        };
        await using (StorageEngine store = await StorageEngine.OpenAsync(options))
        {
            await script.WriteAsync(store, 20, new WeftRandom(1));
            failing = true;
            await Assert.ThrowsAnyAsync<WeftException>(async () => await store.MaintainAsync(double.MinValue));
            await script.ReadAsync(store, "after the failure");
            Assert.NotNull(store.ReadStats().Failure ?? (step == "checkpoint" ? "" : null));
        }

        await script.CheckAsync(Options(folder.At("data"), files.Copy(), encrypted), step);
    }

    [Fact]
    public async Task A_full_disk_refuses_writes_goes_on_reading_and_recovers_by_itself()
    {
        using var folder = new TempFolder();
        var files = new FaultFiles();
        await using StorageEngine store = await StorageEngine.OpenAsync(Options(folder.At("data"), files));
        var script = new Script();
        await script.WriteAsync(store, 10, new WeftRandom(1));
        files.IsFull = true;
        WeftException? refused = null;
        for (int i = 0; refused is null && i < 1_000; i++)
        {
            refused = await Record.ExceptionAsync(
                async () => await store.PutAsync("filler", "f" + i, new string('x', 4_000), 1)) as WeftException;
        }

        Assert.Equal(WeftError.DiskFull, refused?.Error);
        Assert.True(refused!.IsTransient);
        await script.ReadAsync(store, "while the disk is full");
        files.IsFull = false;
        await WaitUntilAsync(async () => await Record.ExceptionAsync(
            async () => await store.PutAsync("again", "f", "there is room", 1)) is null);
        Assert.Equal("\"there is room\"", await store.GetAsync("again", "f"));
        Assert.Null(store.ReadStats().Failure);
    }

    [Fact]
    public async Task A_full_disk_under_the_disk_tier_slows_then_refuses_then_recovers()
    {
        using var folder = new TempFolder();
        StorageOptions options = StoreKit.Small(folder.At("data"));
        bool full = false;
        options.TierStep = step =>
        {
            if (full && step == "nodes")
            {
                throw new WeftException(WeftError.DiskFull, "The test's disk is full.");
            }
        };
        await using StorageEngine store = await StorageEngine.OpenAsync(options);
        full = true;
        WeftException? refused = null;
        int written = 0;
        while (refused is null && written < 20_000)
        {
            await store.WaitForRoomAsync();
            refused = await Record.ExceptionAsync(async () => await store.AppendAsync(
                StoreKit.Batch(new FieldWrite("s" + written, "f", new string('x', 1_000), 1)), Durability.Memory)) as WeftException;
            written += refused is null ? 1 : 0;
        }

        Assert.Equal(WeftError.DiskFull, refused?.Error);
        Assert.NotNull(await store.ReadFieldAsync("s0", "f"));
        full = false;
        await WaitUntilAsync(async () => await Record.ExceptionAsync(
            async () => await store.PutAsync("again", "f", 1)) is null);
        for (int i = 0; i < written; i += 97)
        {
            Assert.NotNull(await store.ReadFieldAsync("s" + i, "f"));
        }
    }

    private static async Task WaitUntilAsync(Func<Task<bool>> condition)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        while (!await condition())
        {
            await timer.WaitForNextTickAsync(deadline.Token);
        }
    }

    private static StorageOptions Options(string path, FaultFiles files, bool encrypted = false) => new()
    {
        Path = path,
        MemoryMiB = 16,
        SegmentBytes = 8 << 10,
        Readers = 1,
        Files = files,
        Encryption = encrypted ? StoreKit.Encryption() : null,
    };

    private static async Task<int> RunAsync(StorageOptions options, Script script, ulong seed)
    {
        var files = (FaultFiles)options.Files;
        StorageEngine store;
        try
        {
            store = await StorageEngine.OpenAsync(options);
        }
        catch (WeftException)
        {
            return files.Operations; // It could not even start; nothing was acknowledged.
        }

        await using (store)
        {
            await script.WriteAsync(store, Writes, new WeftRandom(seed));
            await script.ReadAsync(store, $"before the restart, seed {seed}");
        }

        return files.Operations;
    }

    /// <summary>Writes, and remembers what may be read.</summary>
    private sealed class Script
    {
        private const int Souls = 12;

        private readonly Dictionary<string, int> _acknowledged = [];
        private readonly Dictionary<string, HashSet<int>> _possible = [];
        private int _next;

        public async Task WriteAsync(StorageEngine store, int writes, WeftRandom random)
        {
            for (int i = 0; i < writes; i++)
            {
                int value = ++_next;
                string[] souls = [.. Enumerable.Range(0, 1 + random.Next(3)).Select(_ => "s" + random.Next(Souls)).Distinct()];
                string padding = new('x', random.Next(900));
                FieldWrite[] batch = [.. souls.Select(soul => new FieldWrite(soul, "f", $"{value} {padding}", value))];
                try
                {
                    await store.AppendAsync(StoreKit.Batch(batch), Durability.Disk);
                    foreach (string soul in souls)
                    {
                        _acknowledged[soul] = value;
                    }
                }
                catch (WeftException failure) when (
                    failure.Error is WeftError.DiskFull or WeftError.DiskFailed or WeftError.StoreStopped)
                {
                    foreach (string soul in souls)
                    {
                        _possible.TryAdd(soul, []);
                        _possible[soul].Add(value); // Not in this life, but a restart may find it: the log had it.
                        Assert.NotEqual(value, await ValueAsync(store, soul));
                    }
                }

                if (random.Chance(0.05))
                {
                    await Record.ExceptionAsync(async () => await store.MaintainAsync(double.MinValue));
                }
            }
        }

        public async Task ReadAsync(StorageEngine store, string when)
        {
            foreach ((string soul, int value) in _acknowledged)
            {
                Assert.True(value == await ValueAsync(store, soul), $"{soul} is not {value} {when}");
            }
        }

        public async Task CheckAsync(StorageOptions options, string what)
        {
            await using StorageEngine store = await StorageEngine.OpenAsync(options);
            for (int i = 0; i < Souls; i++)
            {
                string soul = "s" + i;
                int expected = _acknowledged.GetValueOrDefault(soul);
                int found = await ValueAsync(store, soul);
                bool later = found > expected && _possible.TryGetValue(soul, out HashSet<int>? values) && values.Contains(found);
                Assert.True(found == expected || later, $"{soul} is {found} and should be {expected}: {what}");
            }

            Assert.Empty((await store.VerifyAsync()).Damages);
            await store.PutAsync("goes", "on", 1);
        }

        private static async Task<int> ValueAsync(StorageEngine store, string soul)
        {
            string? text = (await store.ReadFieldAsync(soul, "f"))?.Value.AsText();
            return text is null ? 0 : int.Parse(text.Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture);
        }
    }
}
