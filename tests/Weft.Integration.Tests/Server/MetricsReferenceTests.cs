using System.Diagnostics.Metrics;
using System.Net;
using System.Text.RegularExpressions;
using Weft.Node.Network;

namespace Weft.Integration.Tests.Server;

/// <summary>The page of metrics lists what a node measures, and nothing else.</summary>
public sealed partial class MetricsReferenceTests
{
    [Fact]
    public async Task The_documented_instruments_are_those_of_a_node_with_everything_on()
    {
        var found = new SortedDictionary<string, string>(StringComparer.Ordinal);
        using var listener = new MeterListener();
        var instruments = new List<Instrument>();
        listener.InstrumentPublished = (instrument, _) =>
        {
            lock (instruments)
            {
                instruments.Add(instrument);
            }
        };
        listener.Start();
        var options = new WeftOptions { Store = WeftStoreKind.Memory };
        options.Network.Profile = NetworkProfile.Super;
        options.Network.Listen.Add("/ip4/127.0.0.1/tcp/0");
        await using (WeftPeer peer = await WeftPeer.StartAsync(options))
        {
            lock (instruments)
            {
                foreach (Instrument one in instruments.Where(one => one.Meter == peer.Node.Telemetry.Meter))
                {
                    found[one.Name] = one.GetType().Name;
                }
            }
        }

        string[] documented = [.. Documented().Select(row => row.Instrument).Order(StringComparer.Ordinal)];
        Assert.Equal(documented, found.Keys);
        Assert.True(found.Count > 40);
    }

    [Fact]
    public async Task The_page_of_a_node_on_libp2p_has_the_documented_names()
    {
        await using ApiHost host = await ApiHost.StartAsync(options =>
        {
            options.Peer.Network.Profile = NetworkProfile.Super;
            options.Peer.Network.Listen.Add("/ip4/127.0.0.1/tcp/0");
        });
        using var open = new HttpClient { BaseAddress = host.Server.Url };
        using HttpResponseMessage synced = await open.GetAsync("/health/synced");
        string page = await open.GetStringAsync("/metrics");

        Assert.Equal(HttpStatusCode.OK, synced.StatusCode);
        Assert.Contains("weft_partition_active 0", page, StringComparison.Ordinal);
        foreach ((string instrument, string name) in Documented())
        {
            bool isObserved = instrument.StartsWith("weft.host", StringComparison.Ordinal)
                || instrument.StartsWith("weft.dht", StringComparison.Ordinal)
                || instrument.StartsWith("weft.sync.", StringComparison.Ordinal)
                || instrument.StartsWith("weft.partition", StringComparison.Ordinal);
            Assert.True(!isObserved || page.Contains($"\n{name}", StringComparison.Ordinal), $"{name} is not on the page");
        }
    }

    private static IEnumerable<(string Instrument, string Name)> Documented()
    {
        string file = Path.Combine(Root(), "docs", "reference", "metrics.md");
        foreach (string line in File.ReadLines(file))
        {
            if (Row().Match(line) is { Success: true } row)
            {
                yield return (row.Groups[1].Value, row.Groups[2].Value);
            }
        }
    }

    private static string Root()
    {
        string folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Weft.slnx")))
        {
            folder = Path.GetDirectoryName(folder)!;
        }

        return folder;
    }

    [GeneratedRegex(@"^\| `(weft\.[a-z.]+)` \| `([a-z_]+)`")]
    private static partial Regex Row();
}
