using System.Text;
using Weft.Integration.Tests.Storage;
using Weft.Node.Logs;

namespace Weft.Integration.Tests.Logs;

/// <summary>Logs between two peers that are connected by libp2p alone.</summary>
public sealed class LogStreamTests
{
    [Fact]
    public async Task A_log_is_followed_over_a_libp2p_connection()
    {
        await using WeftPeer writer = await StartAsync();
        await using WeftPeer reader = await StartAsync(writer.Network!.Addresses[0].ToString());
        SignedLog log = await writer.Logs.OpenAsync("story");
        await log.AppendAsync([.. Enumerable.Range(0, 300).Select(i => (ReadOnlyMemory<byte>)Bytes(i))]);
        SignedLog copy = await reader.Logs.AdoptAsync(log.Key);
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var seen = new List<string>();
        await foreach (LogEntry entry in copy.FollowAsync(0, deadline.Token))
        {
            seen.Add(Encoding.UTF8.GetString(entry.Block.Span));
            if (seen.Count == 300)
            {
                await log.AppendAsync(Bytes(300));
            }

            if (seen.Count == 301)
            {
                break;
            }
        }

        Assert.Equal(Enumerable.Range(0, 301).Select(i => $"block {i}"), seen);
        LogLinkInfo link = Assert.Single(await reader.Logs.LinksAsync());
        Assert.Equal(writer.Network!.Id.ToString(), link.Name);
    }

    private static byte[] Bytes(int index) => Encoding.UTF8.GetBytes($"block {index}");

    private static async Task<WeftPeer> StartAsync(params string[] bootstrap)
    {
        var options = new WeftOptions { Store = WeftStoreKind.Memory };
        options.Network.Listen = ["/ip4/127.0.0.1/tcp/0"];
        options.Network.Bootstrap = bootstrap;
        return await WeftPeer.StartAsync(options);
    }
}
