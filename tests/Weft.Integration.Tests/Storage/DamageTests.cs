using Weft.Graph;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Storage;

namespace Weft.Integration.Tests.Storage;

/// <summary>Flips bits in every file. A read gives the right value or an error, and verification reports it.</summary>
public sealed class DamageTests
{
    private const int Souls = 60;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_flipped_bit_in_the_log_is_refused_or_harmless(bool encrypted)
    {
        using var folder = new TempFolder();
        var files = new FaultFiles();
        await using (StorageEngine store = await StorageEngine.OpenAsync(Options(folder.At("data"), files, encrypted)))
        {
            await FillAsync(store);
        }

        (string path, int used) = files.Used().OrderByDescending(file => file.Used).First();
        var random = new WeftRandom(7);
        int refused = 0;
        for (int round = 0; round < 60; round++)
        {
            FaultFiles flipped = files.Copy();
            int at = random.Next(used);
            flipped.Flip(path, at, random.Next(8));
            string copy = folder.At("copy" + round);
            Directory.CreateDirectory(copy);
            File.Copy(folder.At("data/graph.db"), Path.Combine(copy, "graph.db"));
            if (encrypted)
            {
                File.Copy(folder.At("data/keys"), Path.Combine(copy, "keys"));
            }

            string here = Path.Combine(copy, Path.GetFileName(path));
            flipped.Rename(path, here);
            try
            {
                await using StorageEngine store = await StorageEngine.OpenAsync(Options(copy, flipped, encrypted));
                await CheckAsync(store, $"byte {at}");
            }
            catch (WeftException failure) when (failure.Error == WeftError.FileDamaged)
            {
                refused++;
                StorageOptions accepting = Options(copy, flipped, encrypted);
                accepting.AcceptLogDamage = true;
                await using StorageEngine store = await StorageEngine.OpenAsync(accepting);
                await store.PutAsync("goes", "on", 1);
                Assert.Contains(flipped.Used(), file => file.Path.Contains("quarantine"));
            }
        }

        Assert.True(refused > 40, $"{refused} of 60 were noticed at the start");
    }

    [Fact]
    public async Task A_flipped_bit_in_a_block_is_never_served()
    {
        using var folder = new TempFolder();
        string path = folder.At("data/graph.db");
        await using (StorageEngine store = await StorageEngine.OpenAsync(StoreKit.Small(folder.At("data"))))
        {
            await FillAsync(store);
            await store.FlushAsync();
        }

        byte[] good = await File.ReadAllBytesAsync(path);
        int[] places = [.. Places(good, "\"value 0"u8)];
        Assert.True(places.Length >= Souls);
        for (int round = 0; round < 12; round++)
        {
            byte[] bytes = [.. good];
            bytes[places[round * 5] + 3] ^= 0x04;
            await File.WriteAllBytesAsync(path, bytes);
            await using StorageEngine store = await StorageEngine.OpenAsync(StoreKit.Small(folder.At("data")));

            int failed = await CheckAsync(store, $"place {round}");

            Assert.InRange(failed, 1, Souls); // The nodes of one page; in so small a file that may be all.
            Assert.Contains((await store.VerifyAsync()).Damages, damage => damage.File == "graph.db");
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_flipped_bit_anywhere_in_the_disk_tier_gives_an_error_or_the_right_value(bool encrypted)
    {
        using var folder = new TempFolder();
        string path = folder.At("data/graph.db");
        await using (StorageEngine store = await StorageEngine.OpenAsync(StoreKit.Small(folder.At("data"), encrypted)))
        {
            await FillAsync(store);
            await store.FlushAsync();
        }

        byte[] good = await File.ReadAllBytesAsync(path);
        var random = new WeftRandom(11);
        for (int round = 0; round < 60; round++)
        {
            byte[] bytes = [.. good];
            int at = random.Next(bytes.Length);
            bytes[at] ^= (byte)(1 << random.Next(8));
            await File.WriteAllBytesAsync(path, bytes);
            try
            {
                await using StorageEngine store = await StorageEngine.OpenAsync(StoreKit.Small(folder.At("data"), encrypted));
                await CheckAsync(store, $"byte {at}");
            }
            catch (WeftException failure) when (failure.Error is WeftError.FileDamaged or WeftError.DiskFailed
                or WeftError.FormatNewer or WeftError.FolderUnusable)
            {
                // Said, not served.
            }
        }
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task A_flipped_bit_in_the_write_ahead_log_after_a_kill_is_said_or_made_good_from_the_commit_log(
        bool encrypted, bool freed)
    {
        using var folder = new TempFolder();
        StorageOptions options = StoreKit.Small(folder.At("data"), encrypted);
        options.SegmentBytes = freed ? 8 << 10 : 64 << 10; // The segment in use is never freed.
        bool kept = false;
        options.TierStep = step =>
        {
            if (step == "checkpoint" && !kept)
            {
                kept = true; // Everything is in the log of SQLite, and in no other file of the disk tier.
                CopyFolder(folder.At("data"), folder.At("killed"));
            }
        };
        await using (StorageEngine store = await StorageEngine.OpenAsync(options))
        {
            await FillAsync(store);
            await store.FlushAsync();
        }

        string[] segments = [.. Directory.EnumerateFiles(folder.At("killed"), "commits-*").Order(StringComparer.Ordinal)];
        foreach (string segment in freed ? segments[..^2] : [])
        {
            File.Delete(segment); // As the log does, as soon as the disk tier holds what was in it.
        }

        byte[] good = await File.ReadAllBytesAsync(folder.At("killed/graph.db-wal"));
        var random = new WeftRandom(13);
        int noticed = 0;
        for (int round = 0; round < 40; round++)
        {
            string copy = folder.At("copy" + round);
            CopyFolder(folder.At("killed"), copy);
            byte[] bytes = [.. good];
            int at = random.Next(bytes.Length);
            bytes[at] ^= (byte)(1 << random.Next(8));
            bytes = round % 4 == 0 ? bytes[..at] : bytes; // Some are cut off, as a power cut leaves them.
            await File.WriteAllBytesAsync(Path.Combine(copy, "graph.db-wal"), bytes);
            try
            {
                await using StorageEngine store = await StorageEngine.OpenAsync(StoreKit.Small(copy, encrypted));
                noticed += await CheckAsync(store, $"byte {at}") > 0 ? 1 : 0;
            }
            catch (WeftException failure) when (failure.Error is WeftError.FileDamaged or WeftError.DiskFailed)
            {
                noticed++;
            }
        }

        Assert.True(kept && good.Length > 30_000, $"{good.Length} bytes");
        Assert.True(freed ? noticed > 30 : noticed == 0, $"{noticed} of 40 were noticed");
        await using StorageEngine whole = await StorageEngine.OpenAsync(StoreKit.Small(folder.At("killed"), encrypted));
        Assert.Equal(0, await CheckAsync(whole, "as it was"));
    }

    private static void CopyFolder(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (string file in Directory.EnumerateFiles(from).Where(file => Path.GetFileName(file) is not ("lock" or "running.json")))
        {
            try
            {
                File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
            }
            catch (FileNotFoundException)
            {
                // A segment that was freed just now: the disk tier holds what it had.
            }
        }
    }

    private static StorageOptions Options(string path, FaultFiles files, bool encrypted) => new()
    {
        Path = path,
        MemoryMiB = 16,
        SegmentBytes = 64 << 10,
        Readers = 1,
        Files = files,
        Encryption = encrypted ? StoreKit.Encryption() : null,
    };

    private static async Task FillAsync(StorageEngine store)
    {
        for (int i = 0; i < Souls; i++)
        {
            await store.PutAsync($"soul {i:D3}", "f", $"value {i:D3} {new string('y', 300)}");
        }
    }

    private static async Task<int> CheckAsync(StorageEngine store, string what)
    {
        int failed = 0;
        for (int i = 0; i < Souls; i++)
        {
            try
            {
                string? read = (await store.ReadFieldAsync($"soul {i:D3}", "f"))?.Value.AsText();
                Assert.True(read == $"value {i:D3} {new string('y', 300)}", $"soul {i} reads '{read}': {what}");
            }
            catch (WeftException failure) when (failure.Error is WeftError.FileDamaged or WeftError.DiskFailed)
            {
                failed++;
            }
        }

        return failed;
    }

    private static IEnumerable<int> Places(byte[] bytes, ReadOnlySpan<byte> text)
    {
        var places = new List<int>();
        int at = 0;
        while (bytes.AsSpan(at).IndexOf(text) is int next and >= 0)
        {
            places.Add(at + next);
            at += next + 1;
        }

        return places;
    }
}
