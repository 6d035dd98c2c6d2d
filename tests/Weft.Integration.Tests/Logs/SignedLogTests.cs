using System.Text;
using Weft.Crypto;
using Weft.Integration.Tests.Storage;
using Weft.Log;
using Weft.Node;
using Weft.Node.Logs;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Storage;
using Weft.Transports;

namespace Weft.Integration.Tests.Logs;

/// <summary>The logs of running nodes: written, read, followed, replicated over TCP, and found out.</summary>
public sealed class SignedLogTests : IAsyncLifetime
{
    private static readonly TimeSpan WaitMax = TimeSpan.FromSeconds(60);

    private readonly TempFolder _folder = new();
    private readonly CancellationTokenSource _deadline = new(WaitMax);
    private readonly List<IAsyncDisposable> _open = [];

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        for (int i = _open.Count - 1; i >= 0; i--)
        {
            await _open[i].DisposeAsync();
        }

        _folder.Dispose();
        _deadline.Dispose();
    }

    [Fact]
    public async Task What_many_writers_append_is_there_once_each_and_in_order()
    {
        WeftNode node = await StartAsync("a");
        SignedLog log = await node.Logs.OpenAsync("audit");
        const int Writers = 16;
        const int Each = 50;

        LogPosition[][] positions = await Task.WhenAll(
            Enumerable.Range(0, Writers).Select(writer => WriteAsync(log, writer)));

        LogInfo info = await log.InfoAsync();
        Assert.Equal(Writers * Each, info.Length);
        Assert.Equal(
            Enumerable.Range(0, Writers * Each).Select(i => (long)i),
            positions.SelectMany(own => own).Select(position => position.Index).Order());
        List<string> read = await ReadAllAsync(log);
        for (int writer = 0; writer < Writers; writer++)
        {
            Assert.Equal(
                Enumerable.Range(0, Each).Select(i => $"{writer}/{i}"),
                read.Where(text => text.StartsWith($"{writer}/")));
            Assert.Equal($"{writer}/7", read[(int)positions[writer][7].Index]);
        }

        Assert.True((await log.VerifyAsync()).Holds);
        Assert.True(log.Verify(positions[3][3], (await log.ProveAsync(positions[3][3].Index)).Span));
        Assert.False(log.Verify(positions[3][4], (await log.ProveAsync(positions[3][3].Index)).Span));

        static async Task<LogPosition[]> WriteAsync(SignedLog log, int writer)
        {
            var own = new LogPosition[Each];
            for (int i = 0; i < Each; i++)
            {
                own[i] = await log.AppendAsync(Encoding.UTF8.GetBytes($"{writer}/{i}"));
            }

            return own;
        }
    }

    [Fact]
    public async Task A_log_is_there_under_its_name_after_a_restart()
    {
        WeftNode node = await StartAsync("a");
        SignedLog log = await node.Logs.CreateAsync("secret", isEncrypted: true);
        await log.AppendAsync("hidden"u8.ToArray());
        await log.AppendAsync([.. Enumerable.Range(0, 100).Select(i => (ReadOnlyMemory<byte>)new[] { (byte)i })]);
        await CloseAsync(node);

        WeftNode again = await StartAsync("a");
        SignedLog reopened = (await again.Logs.FindAsync("secret"))!;

        Assert.Equal(log.Key, reopened.Key);
        LogRead read = await reopened.GetAsync(0);
        Assert.Equal("hidden", Encoding.UTF8.GetString(read.Block.Span));
        LogInfo info = Assert.Single(await again.Logs.ListAsync());
        Assert.Equal(
            ("secret", 101L, 106L, true, true),
            (info.Name, info.Length, info.ByteLength, info.IsWritable, info.IsEncrypted));
        Assert.Equal(new LogPosition(101, 1, 0), await reopened.AppendAsync("more"u8.ToArray()));
        Assert.Equal(LogReadStatus.OutOfRange, (await reopened.GetAsync(102)).Status);
        WeftException taken = await Assert.ThrowsAsync<WeftException>(() => again.Logs.CreateAsync("secret"));
        Assert.Equal(WeftError.LogNameTaken, taken.Error);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_follower_gets_every_block_once_with_truncations_told(bool isRemote)
    {
        WeftNode writer = await StartAsync("a");
        SignedLog log = await writer.Logs.OpenAsync("story");
        await AppendAsync(log, 0, 300);
        SignedLog followed = log;
        if (isRemote)
        {
            WeftNode reader = await StartAsync("b");
            followed = await reader.Logs.AdoptAsync(log.Key);
            reader.Logs.Keep(Listen(writer));
        }

        var seen = new List<string>();
        var half = new TaskCompletionSource();
        Task following = FollowAsync();
        await half.Task.WaitAsync(WaitMax);
        await log.TruncateAsync(290);
        await AppendAsync(log, 1_000, 1_010);
        await following.WaitAsync(WaitMax);

        IEnumerable<string> expected = Enumerable.Range(0, 300).Select(i => $"block {i}")
            .Append("cut 290")
            .Concat(Enumerable.Range(1_000, 10).Select(i => $"block {i}"));
        Assert.Equal(expected, seen);
        Assert.True((await followed.VerifyAsync()).Holds);

        async Task FollowAsync()
        {
            await foreach (LogEntry entry in followed.FollowAsync(0, _deadline.Token))
            {
                seen.Add(entry.Kind == LogEntryKind.Truncated
                    ? $"cut {entry.Index}"
                    : Encoding.UTF8.GetString(entry.Block.Span));
                if (seen.Count == 300)
                {
                    half.SetResult();
                }

                if (seen.Count == 311)
                {
                    return;
                }
            }
        }
    }

    [Fact]
    public async Task Sparse_gets_download_what_is_asked_for_and_no_more()
    {
        WeftNode writer = await StartAsync("a");
        SignedLog log = await writer.Logs.OpenAsync("large");
        await AppendAsync(log, 0, 2_000);
        WeftNode reader = await StartAsync("b");
        SignedLog copy = await reader.Logs.AdoptAsync(log.Key, "copy");
        reader.Logs.Keep(Listen(writer));
        await copy.WaitForLengthAsync(2_000, _deadline.Token);

        LogRead[] reads = await Task.WhenAll(
            Enumerable.Range(0, 40).Select(i => copy.GetAsync(i * 47, WaitMax, _deadline.Token)));

        Assert.Equal(
            Enumerable.Range(0, 40).Select(i => $"block {i * 47}"),
            reads.Select(read => Encoding.UTF8.GetString(read.Block.Span)));
        Assert.Equal(40, (await copy.InfoAsync()).Here);
        await copy.DownloadAsync(100, 200, _deadline.Token);
        Assert.Equal(138, (await copy.InfoAsync()).Here);
        LogRead absent = await copy.GetAsync(1_001);
        Assert.Equal((LogReadStatus.NotHere, 1), (absent.Status, absent.PeersAsked));
        Assert.True((await copy.VerifyAsync()).Holds);
        WeftException refused = await Assert.ThrowsAsync<WeftException>(() => copy.AppendAsync(new byte[1]));
        Assert.Equal(WeftError.LogNotWritable, refused.Error);
    }

    [Fact]
    public async Task A_restored_writer_asks_its_reader_before_it_appends()
    {
        WeftNode writer = await StartAsync("a");
        SignedLog log = await writer.Logs.OpenAsync("ledger");
        await AppendAsync(log, 0, 10);
        await writer.Store.BackupAsync(_folder.At("backup"));
        await AppendAsync(log, 10, 20); // Lost with the machine, but a reader has them.
        WeftNode reader = await StartAsync("b");
        SignedLog copy = await reader.Logs.AdoptAsync(log.Key);
        await copy.SetFollowedAsync(true);
        reader.Logs.Keep(Listen(writer));
        await copy.DownloadAsync(0, 20, _deadline.Token);
        await CloseAsync(writer);
        await StorageEngine.RestoreAsync(_folder.At("backup"), _folder.At("restored"));

        WeftNode restored = await StartAsync("restored");
        SignedLog again = (await restored.Logs.FindAsync("ledger"))!;
        WeftException early = await Assert.ThrowsAsync<WeftException>(() => again.AppendAsync("x"u8.ToArray()));
        Assert.Equal(WeftError.LogRecovering, early.Error);
        restored.Logs.Keep(Listen(reader));
        await again.WaitForLengthAsync(20, _deadline.Token);
        while ((await again.InfoAsync()).IsRecovering)
        {
            _deadline.Token.ThrowIfCancellationRequested();
            await Task.Delay(50);
        }

        Assert.Equal(20, (await again.AppendAsync("block 20"u8.ToArray())).Index);
        await copy.DownloadAsync(0, 21, _deadline.Token);
        Assert.Equal("block 20", (await ReadAllAsync(copy))[20]);
        Assert.Null(await copy.EvidenceAsync());
    }

    [Fact]
    public async Task Two_stories_of_one_key_stop_the_log_and_both_proofs_are_kept()
    {
        WeftNode writer = await StartAsync("a");
        SignedLog log = await writer.Logs.OpenAsync("ledger");
        await AppendAsync(log, 0, 5);
        await writer.Store.BackupAsync(_folder.At("backup"));
        await AppendAsync(log, 5, 9);
        WeftNode reader = await StartAsync("b");
        SignedLog copy = await reader.Logs.AdoptAsync(log.Key);
        reader.Logs.Keep(Listen(writer));
        await copy.DownloadAsync(0, 9, _deadline.Token);
        await StorageEngine.RestoreAsync(_folder.At("backup"), _folder.At("second"));
        WeftNode second = await StartAsync("second");
        SignedLog other = (await second.Logs.FindAsync("ledger"))!;
        await other.EndRecoveryAsync(); // What an operator should not have said.
        await AppendAsync(other, 100, 110);
        reader.Logs.Keep(Listen(second));

        LogEntry last = default;
        await foreach (LogEntry entry in copy.FollowAsync(9, _deadline.Token))
        {
            last = entry;
        }

        Assert.Equal(LogEntryKind.Stopped, last.Kind);
        Assert.NotNull(await copy.EvidenceAsync());
        Assert.True((await copy.InfoAsync()).IsStopped);
        await CloseAsync(reader);
        WeftNode again = await StartAsync("b");
        Assert.NotNull(await (await again.Logs.FindAsync(log.Key.ToString()))!.EvidenceAsync());
    }

    [Fact]
    public async Task Cleared_blocks_are_gone_and_the_rest_still_holds()
    {
        WeftNode node = await StartAsync("a");
        SignedLog log = await node.Logs.OpenAsync("trimmed");
        await AppendAsync(log, 0, 500);

        await log.ClearAsync(0, 450);

        LogVerification verified = await log.VerifyAsync();
        Assert.Equal((500L, 50L, 450L, true), (verified.Length, verified.Good, verified.Missing, verified.Holds));
        Assert.Equal(LogReadStatus.NotHere, (await log.GetAsync(449)).Status);
        Assert.Equal("block 450", Encoding.UTF8.GetString((await log.GetAsync(450)).Block.Span));
        Assert.True(log.Verify(new LogPosition(499, 1, 0), (await log.ProveAsync(499)).Span));
    }

    [Fact]
    public async Task More_logs_than_allowed_are_refused()
    {
        WeftNode node = await StartAsync("a", new LogOptions { LogsMax = 3 });
        for (int i = 0; i < 3; i++)
        {
            await node.Logs.OpenAsync($"log {i}");
        }

        WeftException refused = await Assert.ThrowsAsync<WeftException>(() => node.Logs.OpenAsync("log 3"));

        Assert.Equal(WeftError.TooManyRequests, refused.Error);
        Assert.Equal(3, (await node.Logs.ListAsync()).Count);
    }

    [Fact]
    public async Task Garbage_on_a_connection_ends_it_and_nothing_else()
    {
        WeftNode node = await StartAsync("a");
        SignedLog log = await node.Logs.OpenAsync("calm");
        string address = Listen(node);
        var random = new WeftRandom(7);
        for (int i = 0; i < 8; i++)
        {
            await using Stream stream = await LogTcp.DialAsync(address, _deadline.Token);
            byte[] garbage = new byte[10_000];
            random.Fill(garbage);
            try
            {
                await stream.WriteAsync(garbage, _deadline.Token);
                while (await stream.ReadAsync(garbage, _deadline.Token) > 0)
                {
                }
            }
            catch (IOException)
            {
                // Reset by the node, which is as good as closed.
            }
        }

        Assert.Equal(0, (await log.AppendAsync("still here"u8.ToArray())).Index);
    }

    private static async Task AppendAsync(SignedLog log, int from, int to) => await log.AppendAsync(
        [.. Enumerable.Range(from, to - from).Select(i => (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes($"block {i}"))]);

    private static async Task<List<string>> ReadAllAsync(SignedLog log)
    {
        var read = new List<string>();
        await foreach (LogEntry entry in log.ReadAsync())
        {
            read.Add(entry.Kind == LogEntryKind.Block
                ? Encoding.UTF8.GetString(entry.Block.Span)
                : entry.Kind.ToString());
        }

        return read;
    }

    private async Task<WeftNode> StartAsync(string name, LogOptions? logs = null)
    {
        IStore store = await StorageEngine.OpenAsync(StoreKit.Small(_folder.At(name)));
        var options = new NodeOptions { Crypto = PlatformCrypto.Create(), Logs = logs ?? new LogOptions() };
        options.Logs.RedialMin = TimeSpan.FromMilliseconds(20);
        WeftNode node = await WeftNode.StartAsync(options, store);
        node.Logs.Dialler = LogTcp.DialAsync;
        _open.Add(node);
        return node;
    }

    private string Listen(WeftNode node)
    {
        LogTcp listener = LogTcp.Listen(
            "127.0.0.1:0", (stream, name, ct) => node.Logs.ReplicateAsync(stream, name, isInitiator: false, ct));
        _open.Add(listener);
        return listener.EndPoint.ToString();
    }

    private async Task CloseAsync(WeftNode node)
    {
        _open.Remove(node);
        await node.DisposeAsync();
    }
}
