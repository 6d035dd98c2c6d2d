using System.Text;
using Weft.Crypto;
using Weft.Graph;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Storage;
using Weft.Storage.Sealing;

namespace Weft.Integration.Tests.Storage;

/// <summary>
/// Looks into every file a store leaves, byte by byte, for what was written to it: at any moment, after a crash, and in
/// backups. The same look at a plain store finds everything, so it can see.
/// </summary>
public sealed class CanaryTests : IDisposable
{
    private const string Passphrase = "canary-passphrase";

    private static readonly string[] Written =
    [
        "canary-soul", "canary-field", "canary-value", "canary-target", "canary-author", "canary-signature",
        "canary-late-soul", "canary-late-value", "canary-lost-soul", "canary-lost-field", "canary-lost-value",
        "canary-peer",
    ];

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task No_file_of_an_encrypted_store_or_its_backup_holds_what_was_written()
    {
        using StoreSecret secret = StoreSecret.FromPassphrase(Passphrase);
        await PlayAsync(new StoreEncryption(PlatformCrypto.Create(), secret));

        Dictionary<string, List<string>> found = Look([.. Written, Passphrase], out int files, out long bytes);

        Assert.True(files > 15 && bytes > 1_000_000, $"only {files} files with {bytes} bytes were looked through");
        Assert.Empty(found.Select(hit => $"{hit.Key} in {string.Join(", ", hit.Value)}"));
    }

    [Fact]
    public async Task The_same_look_finds_everything_in_a_plain_store()
    {
        await PlayAsync(null);

        Dictionary<string, List<string>> found = Look([.. Written, Passphrase], out _, out _);

        Assert.Equal(Written.Order(), found.Keys.Order());
        string[] places = [.. found.Values.SelectMany(files => files).Distinct()];
        foreach (string kind in (string[])[".log", "graph.db", "graph.db-wal", ".weftbak"])
        {
            Assert.Contains(places, place => place.EndsWith(kind, StringComparison.Ordinal));
        }
    }

    /// <summary>Writes all that a store takes, and keeps what lies on the disk at each stage.</summary>
    private async Task PlayAsync(StoreEncryption? encryption)
    {
        string data = _folder.At("data");
        StorageOptions options = StoreKit.Small(data);
        options.Encryption = encryption;
        int checkpoints = 0;
        options.TierStep = step =>
        {
            if (step == "checkpoint" && checkpoints++ < 3)
            {
                Keep(data, $"before-checkpoint-{checkpoints}"); // The write-ahead log holds everything now.
            }
        };
        await using (StorageEngine store = await StorageEngine.OpenAsync(options))
        {
            await WriteAsync(store, 0);
            Keep(data, "killed-with-log");
            await store.FlushAsync();
            await WriteAsync(store, 500);
            await store.SaveJournalAsync(
                [
                    new Loss(
                        1, "canary-lost-soul", "canary-lost-field", "canary-lost-value", 1, 2, HamVerdict.KnownNewer,
                        "canary-peer", 3),
                ]);
            Keep(data, "killed-with-both");
            await store.BackupAsync(_folder.At("friday.weftbak"));
            Assert.NotEmpty(await store.ListSoulsAsync(new LexRange(Prefix: "canary-soul"), 10));
            Assert.NotEmpty(await store.ReadLinksToAsync("canary-target7", null, 10));
            Assert.Empty((await store.VerifyAsync()).Damages);
        }

        Keep(data, "stopped");
        await StorageEngine.RestoreAsync(_folder.At("friday.weftbak"), _folder.At("restored"), encryption);
        options.Path = _folder.At("killed-with-both");
        options.TierStep = null;
        await using StorageEngine again = await StorageEngine.OpenAsync(options);
        Assert.Equal("\"canary-value 7\"", await again.GetAsync("canary-soul7", "canary-field"));
    }

    private static async Task WriteAsync(StorageEngine store, int from)
    {
        var extras = new FieldExtras("canary-author"u8.ToArray(), "canary-signature"u8.ToArray(), 0, 1);
        for (int i = from; i < from + 500; i++)
        {
            await store.AppendAsync(
                StoreKit.Batch(
                    new FieldWrite("canary-soul" + i, "canary-field", $"canary-value {i}", 1, extras),
                    new FieldWrite("canary-soul" + i, "link", WeftValue.Link("canary-target" + i), 1)),
                Durability.Memory);
        }

        await store.AppendAsync(
            new CommitBatch([], [new FieldWrite("canary-late-soul", "f", "canary-late-value", 9_999)], [], 1),
            Durability.Disk);
    }

    private void Keep(string data, string name)
    {
        Directory.CreateDirectory(_folder.At(name));
        foreach (string file in Directory.EnumerateFiles(data).Where(file => Path.GetFileName(file) is not "lock"))
        {
            try
            {
                File.Copy(file, Path.Combine(_folder.At(name), Path.GetFileName(file)));
            }
            catch (FileNotFoundException)
            {
                // A segment that was freed just now.
            }
        }
    }

    /// <summary>Every text found in any file, as UTF-8 and as UTF-16, with the files.</summary>
    private Dictionary<string, List<string>> Look(string[] texts, out int files, out long bytes)
    {
        var found = new Dictionary<string, List<string>>();
        files = 0;
        bytes = 0;
        foreach (string file in Directory.EnumerateFiles(_folder.Path, "*", SearchOption.AllDirectories))
        {
            byte[] content = File.ReadAllBytes(file);
            files++;
            bytes += content.Length;
            foreach (string text in texts)
            {
                if (content.AsSpan().IndexOf(Encoding.UTF8.GetBytes(text)) >= 0
                    || content.AsSpan().IndexOf(Encoding.Unicode.GetBytes(text)) >= 0)
                {
                    found.TryAdd(text, []);
                    found[text].Add(Path.GetRelativePath(_folder.Path, file));
                }
            }
        }

        return found;
    }
}
