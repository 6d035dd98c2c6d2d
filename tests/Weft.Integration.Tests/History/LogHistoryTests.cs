using System.Text.Json;
using Weft.Graph;
using Weft.Graph.History;
using Weft.Log;
using Weft.Node;
using Weft.Node.History;
using Weft.Node.Logs;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Storage;

namespace Weft.Integration.Tests.History;

/// <summary>Prefixes whose whole history stands in a signed log.</summary>
public sealed class LogHistoryTests : IAsyncLifetime
{
    private readonly HistoryKit _kit = new();

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await _kit.DisposeAsync();

    [Fact]
    public async Task Every_version_of_a_document_is_read_back_with_a_proof()
    {
        WeftNode node = await _kit.StartAsync();
        await HistoryKit.KeepAsync(node, "document-", "log");
        foreach (string status in (string[])["Draft", "Review", "Final"])
        {
            await node.Graph.Get("document-123").PutAsync("status", status);
        }

        NodeHistory history = node.History("document-123");
        long length = 0;
        for (int number = 1; number <= 3; number++)
        {
            string expected = ((string[])["Draft", "Review", "Final"])[number - 1];
            Assert.Equal($"status=\"{expected}\"", HistoryKit.Text(await history.AtAsync(number)));
            HistoryProof proof = (await history.ProveAsync(number))!;
            HistoryVersion version = proof.Check(node.Crypto, out ProvenBlock? proven)!;
            Assert.Equal((number, "document-123"), ((int)version.Number, version.Soul));
            Assert.Equal(expected, version.Changes.Single().Value.AsText());
            length = proven!.Length;
            Assert.Equal(number, proof.Block);

            for (int at = 0; at < proof.Bytes.Length; at += 7)
            {
                byte[] wrong = proof.Bytes.ToArray();
                wrong[at] ^= 1;
                HistoryVersion? forged = (proof with { Bytes = wrong }).Check(node.Crypto, out _);
                Assert.True(forged is null || HistoryKit.Text(forged) == HistoryKit.Text(version), $"byte {at}");
            }

            Assert.Null((proof with { Block = number + 1 }).Check(node.Crypto, out _));
        }

        Assert.Equal(4, length); // The first block says whose history it is.
        SignedLog log = (await node.Logs.FindAsync("history:document-"))!;
        Assert.True((await log.VerifyAsync()).Holds);
        using JsonDocument first = JsonDocument.Parse((await log.GetAsync(0)).Block);
        Assert.Equal("document-", first.RootElement.GetProperty("prefix").GetString());
        Assert.Equal(node.Identity.PublicKey.ToString(), first.RootElement.GetProperty("peer").GetString());
        WeftException refused = await Assert.ThrowsAsync<WeftException>(() => log.AppendAsync("mine"u8.ToArray()));
        Assert.Equal(WeftError.LogNotWritable, refused.Error);
        refused = await Assert.ThrowsAsync<WeftException>(() => log.TruncateAsync(1));
        Assert.Equal(WeftError.LogNotWritable, refused.Error);
    }

    [Fact]
    public async Task What_many_writers_change_stands_in_the_log_once_each_and_in_order()
    {
        const int Writers = 12;
        const int Each = 40;
        WeftNode node = await _kit.StartAsync(options: new NodeOptions { Lanes = 4 });
        await HistoryKit.KeepAsync(node, "w/", "log");
        await HistoryKit.KeepAsync(node, "w/shared", "last 4");

        await Task.WhenAll(Enumerable.Range(0, Writers).Select(async writer =>
        {
            for (int i = 0; i < Each; i++)
            {
                FieldWrite[] delta =
                [
                    new($"w/{writer}", "n", i, double.NaN), new("w/all", $"f{writer}", i, double.NaN),
                    new("w/shared", "n", i, double.NaN), new($"plain/{writer}", "n", i, double.NaN),
                ];
                Assert.True((await node.Graph.WriteAsync(delta, WriteSource.Local)).IsAccepted);
            }
        }));

        SignedLog log = (await node.Logs.FindAsync("history:w/"))!;
        LogInfo info = await log.WaitForLengthAsync(1 + (2 * Writers * Each));
        Assert.Equal(1 + (2 * Writers * Each), info.Length);
        Assert.True((await log.VerifyAsync()).Holds);
        var last = new Dictionary<string, long>();
        await foreach (LogEntry entry in log.ReadAsync(1, info.Length))
        {
            HistoryVersion version = HistoryCodec.Read(entry.Block.Span)!;
            Assert.Equal(last.GetValueOrDefault(version.Soul) + 1, version.Number);
            last[version.Soul] = version.Number;
        }

        HistoryVerification verified = await node.Retention.VerifyAsync(log);
        Assert.Equal(
            new HistoryVerification(2 * Writers * Each, Writers + 1, 0, 0, 0, null), verified);
        Assert.Equal(Writers * Each, last["w/all"]);
        Assert.Equal(Each, last["w/3"]);
        Assert.Equal(Each, (await HistoryKit.VersionsAsync(node.History("w/3"))).Length);
        Assert.Equal(4, (await HistoryKit.VersionsAsync(node.History("w/shared"))).Length);
        Assert.Equal(0, (await node.History("plain/3").InfoAsync()).Newest);
    }

    [Fact]
    public async Task The_log_goes_on_after_a_restart_and_a_new_one_follows_after_a_restore()
    {
        WeftNode node = await _kit.StartAsync();
        await HistoryKit.KeepAsync(node, "d", "log");
        await node.Graph.Get("d").PutAsync("n", 1);
        await _kit.CloseAsync(node);
        node = await _kit.StartAsync();
        await node.Graph.Get("d").PutAsync("n", 2);
        SignedLog log = (await node.Logs.FindAsync("history:d"))!;
        Assert.Equal(3, (await log.WaitForLengthAsync(3)).Length);
        string file = _kit.Folder.At("backup");
        await node.Store.BackupAsync(file);
        await node.Graph.Get("d").PutAsync("n", 3);
        await _kit.CloseAsync(node);

        await StorageEngine.RestoreAsync(file, _kit.Folder.At("b"));
        node = await _kit.StartAsync("b");
        await node.Graph.Get("d").PutAsync("n", 33);

        SignedLog after = (await node.Logs.FindAsync("history:d#2"))!;
        Assert.NotEqual(log.Key, after.Key);
        using JsonDocument first = JsonDocument.Parse((await after.GetAsync(0)).Block);
        JsonElement before = first.RootElement.GetProperty("after");
        Assert.Equal(log.Key.ToString(), before.GetProperty("log").GetString());
        Assert.Equal(3, before.GetProperty("length").GetInt64());
        Assert.Equal(["1: n ->1", "2: n 1>2", "3: n 2>33"], await HistoryKit.VersionsAsync(node.History("d")));
        Assert.Equal(log.Key, (await node.History("d").ProveAsync(2))!.LogKey);
        Assert.NotNull((await node.History("d").ProveAsync(3))!.Check(node.Crypto, out _));
        await node.Graph.Get("d").PutAsync("n", 34);
        Assert.Equal(3, (await after.WaitForLengthAsync(3)).Length);
    }

    [Fact]
    public async Task A_write_that_the_store_refuses_is_in_neither()
    {
        WeftNode node = await _kit.StartAsync();
        await HistoryKit.KeepAsync(node, "d", "log");
        await node.Graph.Get("d").PutAsync("n", 1);
        WriteResult refused = await node.Graph.WriteAsync(
            [new FieldWrite("d", "n", 2, double.NaN), new FieldWrite("d", "_", 1, double.NaN)], WriteSource.Local);

        Assert.False(refused.IsAccepted);
        Assert.Equal(1, (await node.History("d").InfoAsync()).Newest);
        Assert.Equal(2, (await ((await node.Logs.FindAsync("history:d"))!).InfoAsync()).Length);
    }

    [Fact]
    public async Task A_row_that_points_elsewhere_is_found()
    {
        WeftNode node = await _kit.StartAsync();
        await HistoryKit.KeepAsync(node, "d", "log");
        await node.Graph.Get("d").PutAsync("n", 1);
        await node.Graph.Get("d").PutAsync("n", 2);
        SignedLog log = (await node.Logs.FindAsync("history:d"))!;
        await log.WaitForLengthAsync(3);
        FieldWrite row = new(
            HistorySoul.Of("d"), HistoryCodec.FieldOf(1), HistoryCodec.ToRow(1, log.Key.ToString(), 2), 1);
        await node.Store.AppendAsync(new HistoryBatch(CommitBatch.Empty, [row]), Durability.Disk);

        HistoryVerification verified = await node.Retention.VerifyAsync(log);

        Assert.Equal((2L, 1L), (verified.Versions, verified.Faults));
        Assert.Contains("its row says 2", verified.FirstFault, StringComparison.Ordinal);
        await Assert.ThrowsAsync<WeftException>(() => HistoryKit.VersionsAsync(node.History("d")));
    }

    [Fact]
    public async Task A_long_prefix_and_an_odd_one_have_logs_of_their_own()
    {
        WeftNode node = await _kit.StartAsync();
        string longer = new('x', 300);
        await HistoryKit.KeepAsync(node, longer, "log");
        await HistoryKit.KeepAsync(node, "a\nb", "log");
        await HistoryKit.KeepAsync(node, "", "log");
        foreach (string soul in (string[])[longer + "/1", "a\nb/1", "else"])
        {
            await node.Graph.Get(soul).PutAsync("f", 1);
            Assert.NotNull(await node.History(soul).ProveAsync(1));
        }

        Assert.Equal(3, (await node.Logs.ListAsync()).Count);
        Assert.All(await node.Logs.ListAsync(), log => Assert.Equal(2, log.Length));
    }
}
