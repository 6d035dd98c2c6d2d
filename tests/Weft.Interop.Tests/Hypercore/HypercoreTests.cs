using System.Text;
using System.Text.Json;
using Weft.Crypto;
using Weft.Log;

namespace Weft.Interop.Tests.Hypercore;

/// <summary>Weft's logs with unmodified hypercore from npm, over TCP, both ways.</summary>
public sealed class HypercoreTests : IDisposable
{
    private const string Seed = "0101010101010101010101010101010101010101010101010101010101010101";
    private const string Secret = "4242424242424242424242424242424242424242424242424242424242424242";

    private readonly ICrypto _crypto = PlatformCrypto.Create();
    private readonly string _folder = Directory.CreateTempSubdirectory("weft-hypercore-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [GunFact]
    public async Task Weft_downloads_a_log_of_hypercore_and_follows_it_live()
    {
        await using NodeProcess hypercore = await StartAsync();
        JsonElement opened = await hypercore.RunAsync($"await open({{ seed: '{Seed}' }}); return await fill(1500)");
        int port = (await hypercore.RunAsync("return await listen()")).GetInt32();
        await using var weft = new LogTcpNode(Reader(opened));
        weft.Download(0, null);
        await weft.ConnectAsync(port);

        await weft.UntilAsync(log => log.ContiguousLength == 1_500);
        await hypercore.RunAsync("return await append(['live one', 'live two'])");
        await weft.UntilAsync(log => log.ContiguousLength == 1_502);

        Assert.Equal("block-777", Text(weft.Log, 777));
        Assert.Equal("live two", Text(weft.Log, 1_501));
        Assert.NotNull(weft.Log.Manifest);
    }

    [GunFact]
    public async Task Hypercore_downloads_a_log_of_weft_and_follows_it_live()
    {
        using LogKeyPair keys = Keys();
        await using var weft = new LogTcpNode(LogCore.OpenOwn(_crypto, new MemoryLogStore(), keys));
        weft.Change(log => log.Append(Blocks(0, 1_500)));
        int port = weft.Listen();
        await using NodeProcess hypercore = await StartAsync();
        await hypercore.RunAsync($"await open({{ key: '{weft.Log.Key}' }}); connect({port})");

        JsonElement done = await hypercore.RunAsync(
            "await until(i => i.length === 1500); return await download(0, 1500)");
        Assert.Equal(1_500, done.GetProperty("contiguousLength").GetInt64());
        Assert.Equal(Hex("block-777"), (await hypercore.RunAsync("return await get(777)")).GetString());
        weft.Change(log => log.Append("live"u8.ToArray()));
        await hypercore.RunAsync("return await until(i => i.length === 1501)");

        Assert.Equal(Hex("live"), (await hypercore.RunAsync("return await get(1500)")).GetString());
        Assert.Empty(done.GetProperty("events").EnumerateArray());
    }

    [GunFact]
    public async Task Sparse_reads_work_both_ways()
    {
        await using NodeProcess writer = await StartAsync("writer");
        JsonElement opened = await writer.RunAsync($"await open({{ seed: '{Seed}' }}); return await fill(3000)");
        await using var weft = new LogTcpNode(Reader(opened));
        await weft.ConnectAsync((await writer.RunAsync("return await listen()")).GetInt32());
        await weft.UntilAsync(log => log.Length == 3_000);
        weft.Download(100, 110);
        weft.Download(2_990, 3_000);
        await weft.UntilAsync(log => log.Bits.Count == 20);
        Assert.Equal("block-2995", Text(weft.Log, 2_995));

        // Weft, now sparse itself, serves a hypercore what it has, and no more.
        await using NodeProcess reader = await StartAsync("reader");
        await reader.RunAsync($"await open({{ key: '{weft.Log.Key}' }}); connect({weft.Listen()})");
        await reader.RunAsync("return await until(i => i.length === 3000)");
        Assert.Equal(Hex("block-105"), (await reader.RunAsync("return await get(105)")).GetString());
        Assert.Equal(Hex("block-2999"), (await reader.RunAsync("return await get(2999)")).GetString());
        await Assert.ThrowsAsync<InvalidOperationException>(() => reader.RunAsync("return await get(500, 1000)"));
    }

    [GunFact]
    public async Task Truncation_and_a_new_fork_are_followed_both_ways()
    {
        await using NodeProcess writer = await StartAsync("writer");
        JsonElement opened = await writer.RunAsync($"await open({{ seed: '{Seed}' }}); return await fill(100)");
        await using var weft = new LogTcpNode(Reader(opened));
        weft.Download(0, null);
        await weft.ConnectAsync((await writer.RunAsync("return await listen()")).GetInt32());
        await weft.UntilAsync(log => log.ContiguousLength == 100);
        await writer.RunAsync("await truncate(61); return await append(['another', 'story'])");
        await weft.UntilAsync(log => log.Fork == 1 && log.ContiguousLength == 63);
        Assert.Equal("block-60", Text(weft.Log, 60));
        Assert.Equal("story", Text(weft.Log, 62));
        Assert.Contains("Forked 61 Accepted", weft.Events);

        using LogKeyPair keys = new(_crypto, Enumerable.Repeat((byte)9, 32).ToArray());
        await using var own = new LogTcpNode(LogCore.OpenOwn(_crypto, new MemoryLogStore(), keys));
        own.Change(log => log.Append(Blocks(0, 100)));
        await using NodeProcess reader = await StartAsync("reader");
        await reader.RunAsync($"await open({{ key: '{own.Log.Key}' }}); connect({own.Listen()})");
        await reader.RunAsync("await until(i => i.length === 100); return await download(0, 100)");
        own.Change(log => log.Truncate(61));
        own.Change(log => log.Append("another"u8.ToArray(), "story"u8.ToArray()));
        JsonElement after = await reader.RunAsync("return await until(i => i.fork === 1 && i.length === 63)");
        Assert.Contains(
            after.GetProperty("events").EnumerateArray(), one => one.GetString()!.StartsWith("truncate 61"));
        Assert.Equal(Hex("story"), (await reader.RunAsync("return await get(62)")).GetString());
        Assert.Equal(Hex("block-60"), (await reader.RunAsync("return await get(60)")).GetString());
    }

    [GunFact]
    public async Task Encrypted_blocks_are_read_both_ways()
    {
        await using NodeProcess writer = await StartAsync("writer");
        JsonElement opened = await writer.RunAsync(
            $"await open({{ seed: '{Seed}', secret: '{Secret}' }}); return await append(['hidden', 'words'])");
        LogCore log = Reader(opened);
        log.UseEncryption(Convert.FromHexString(Secret));
        await using var weft = new LogTcpNode(log);
        weft.Download(0, null);
        await weft.ConnectAsync((await writer.RunAsync("return await listen()")).GetInt32());
        await weft.UntilAsync(one => one.ContiguousLength == 2);
        Assert.Equal("words", Text(weft.Log, 1));
        Assert.Equal(11, weft.Log.ByteLength);

        using LogKeyPair keys = new(_crypto, Enumerable.Repeat((byte)9, 32).ToArray());
        LogCore own = LogCore.OpenOwn(_crypto, new MemoryLogStore(), keys);
        own.UseEncryption(Convert.FromHexString(Secret));
        await using var served = new LogTcpNode(own);
        served.Change(one => one.Append("from weft"u8.ToArray()));
        await using NodeProcess reader = await StartAsync("reader");
        await reader.RunAsync($"await open({{ key: '{own.Key}', secret: '{Secret}' }}); connect({served.Listen()})");
        Assert.Equal(Hex("from weft"), (await reader.RunAsync("return await get(0)")).GetString());
    }

    [GunFact]
    public async Task A_download_goes_on_after_the_connection_was_cut_both_ways()
    {
        await using NodeProcess writer = await StartAsync("writer");
        JsonElement opened = await writer.RunAsync($"await open({{ seed: '{Seed}' }}); return await fill(4000)");
        int port = (await writer.RunAsync("return await listen()")).GetInt32();
        var store = new MemoryLogStore();
        long had;
        await using (var first = new LogTcpNode(Reader(opened, store)))
        {
            first.Download(0, null);
            await first.ConnectAsync(port);
            await first.UntilAsync(log => log.Bits.Count >= 300);
            first.Cut();
            had = first.Log.Bits.Count;
        }

        Assert.InRange(had, 300, 3_999);
        await using var second = new LogTcpNode(Reader(opened, store));
        Assert.InRange(second.Log.Bits.Count, 300, 3_999);
        second.Download(0, null);
        await second.ConnectAsync(port);
        await second.UntilAsync(log => log.ContiguousLength == 4_000);
        Assert.Equal("block-3999", Text(second.Log, 3_999));

        await using NodeProcess reader = await StartAsync("reader");
        int served = second.Listen();
        await reader.RunAsync($"await open({{ key: '{second.Log.Key}' }}); connect({served})");
        await reader.RunAsync("await until(i => i.length === 4000); return await download(0, 1000)");
        await reader.RunAsync($"cut(); connect({served})");
        JsonElement whole = await reader.RunAsync("return await download(0, 4000)");
        Assert.Equal(4_000, whole.GetProperty("contiguousLength").GetInt64());
    }

    [GunFact]
    public async Task Tampered_bytes_never_reach_a_log_on_either_side()
    {
        using LogKeyPair keys = Keys();
        int sent = 0;
        await using var weft = new LogTcpNode(LogCore.OpenOwn(_crypto, new MemoryLogStore(), keys), bytes =>
        {
            if (++sent > 6)
            {
                bytes[bytes.Length / 2] ^= 1;
            }
        });
        weft.Change(log => log.Append(Blocks(0, 1_000)));
        await using NodeProcess hypercore = await StartAsync();
        await hypercore.RunAsync($"await open({{ key: '{weft.Log.Key}' }}); connect({weft.Listen()})");
        await hypercore.RunAsync("state.core.download({ start: 0, end: 1000 })");
        JsonElement end = await hypercore.RunAsync(
            "return await until(i => i.events.some(e => e.startsWith('stream')))");

        Assert.InRange(end.GetProperty("contiguousLength").GetInt64(), 0, 999);
        Assert.DoesNotContain(end.GetProperty("events").EnumerateArray(), one => one.GetString() == "conflict");
    }

    [GunFact]
    public async Task Two_stories_under_one_key_are_found_out_by_weft_and_by_hypercore()
    {
        using LogKeyPair keys = Keys();
        await using NodeProcess other = await StartAsync("other");
        JsonElement opened = await other.RunAsync(
            $"await open({{ seed: '{Seed}' }}); return await append(['a', 'b', 'c'])");
        int port = (await other.RunAsync("return await listen()")).GetInt32();
        LogCore first = LogCore.OpenOwn(_crypto, new MemoryLogStore(), keys);
        Assert.Equal(opened.GetProperty("key").GetString(), first.Key.ToString());
        Assert.Equal(LogVerdict.Accepted, first.Append("a"u8.ToArray(), "b"u8.ToArray()));
        await using var weft = new LogTcpNode(first);
        weft.Change(log => log.Append("x"u8.ToArray(), "y"u8.ToArray()));

        await weft.ConnectAsync(port);
        JsonElement seen = await other.RunAsync("return await until(i => i.events.includes('conflict'))");

        Assert.Contains(seen.GetProperty("events").EnumerateArray(), one => one.GetString() == "conflict");
        await weft.UntilAsync(log => log.Evidence is not null);
        Assert.Equal(LogVerdict.Stopped, weft.Log.Append("more"u8.ToArray()));
    }

    [GunFact]
    public async Task Forged_blocks_of_weft_are_refused_by_hypercore()
    {
        using LogKeyPair keys = Keys();
        var store = new ForgingStore();
        LogCore forged = LogCore.OpenOwn(_crypto, store, keys);
        Assert.Equal(LogVerdict.Accepted, forged.Append(Blocks(0, 20)));
        store.Forges = true;
        await using var weft = new LogTcpNode(forged);
        weft.Change(_ => LogVerdict.Accepted);
        await using NodeProcess hypercore = await StartAsync();
        await hypercore.RunAsync($"await open({{ key: '{forged.Key}' }}); connect({weft.Listen()})");
        await hypercore.RunAsync("await until(i => i.length === 20); state.core.download({ start: 0, end: 20 })");

        JsonElement seen = await hypercore.RunAsync(
            "return await until(i => i.events.some(e => e.startsWith('verification INVALID')))");

        Assert.Equal(0, seen.GetProperty("contiguousLength").GetInt64());
        Assert.DoesNotContain(seen.GetProperty("events").EnumerateArray(), one => one.GetString() == "conflict");
    }

    private static ReadOnlyMemory<byte>[] Blocks(int start, int count) =>
        [.. Enumerable.Range(start, count).Select(i => (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes($"block-{i}"))];

    private static string Hex(string text) => Convert.ToHexStringLower(Encoding.UTF8.GetBytes(text));

    private static string Text(LogCore log, long index)
    {
        Assert.True(log.TryGet(index, out ReadOnlyMemory<byte> block));
        return Encoding.UTF8.GetString(block.Span);
    }

    private LogKeyPair Keys() => new(_crypto, Convert.FromHexString(Seed));

    private LogCore Reader(JsonElement info, MemoryLogStore? store = null)
    {
        Assert.True(Hash32.TryParse(info.GetProperty("key").GetString(), out Hash32 key));
        return LogCore.OpenKey(_crypto, store ?? new MemoryLogStore(), key);
    }

    private Task<NodeProcess> StartAsync(string name = "core") =>
        NodeProcess.StartInAsync(NodeTools.HypercoreFolder, "peer.js", Path.Combine(_folder, name));

    /// <summary>A store that gives other blocks than it was given.</summary>
    private sealed class ForgingStore : ILogStore
    {
        private readonly MemoryLogStore _inner = new();

        public bool Forges { get; set; }

        public LogState? ReadState() => _inner.ReadState();

        public void ReadBits(LogBitfield bits) => _inner.ReadBits(bits);

        public bool TryReadNode(long index, out TreeNode node) => _inner.TryReadNode(index, out node);

        public bool TryReadBlock(long index, out ReadOnlyMemory<byte> block)
        {
            bool isRead = _inner.TryReadBlock(index, out block);
            block = Forges ? "forged"u8.ToArray() : block;
            return isRead;
        }

        public long Write(LogCommit commit) => _inner.Write(commit);
    }
}
