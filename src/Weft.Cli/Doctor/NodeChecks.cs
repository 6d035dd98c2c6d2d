using System.Net.Sockets;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Http;
using Weft.Cli.Output;
using Weft.Primitives;

namespace Weft.Cli.Doctor;

/// <summary>Checks that ask the running node.</summary>
internal static class NodeChecks
{
    /// <summary>Does anything answer, and is it a weft node that is ready?</summary>
    public static async Task<(Finding Finding, bool Answers)> PortAsync(
        WeftClient client, bool isExpected, CancellationToken cancellationToken)
    {
        try
        {
            using HttpResponseMessage answer =
                await client.OpenAsync(HttpMethod.Get, "health/ready", null, null, cancellationToken);
            return (new(FindingKind.Ok, "http", $"{client.Url} answers and is ready"), true);
        }
        catch (CliException error) when (error.Error == WeftError.NodeUnreachable)
        {
            string port = await IsFreeAsync(client.Url) ? "the port is free" : "the port is taken";
            return isExpected
                ? (new(FindingKind.Fail, "http", error.Message, "W1001 weft up"), false)
                : (new(FindingKind.Ok, "http", $"no node runs; {port}"), false);
        }
        catch (CliException error)
        {
            return (new(FindingKind.Fail, "http", $"{client.Url}: {error.Message}", error.Code), true);
        }
    }

    /// <summary>The clocks of node and command line.</summary>
    public static async Task<Finding> ClockAsync(
        CommandContext context, WeftClient client, CancellationToken cancellationToken)
    {
        DateTimeOffset before = context.Host.Time.GetUtcNow();
        using HttpResponseMessage answer =
            await client.OpenAsync(HttpMethod.Get, "health/live", null, null, cancellationToken);
        if (answer.Headers.Date is not { } date)
        {
            return new(FindingKind.Ok, "clock", "the node does not tell its time");
        }

        TimeSpan off = date - before;
        return Math.Abs(off.TotalSeconds) > 5
            ? new(FindingKind.Warn, "clock", $"the node is {off.TotalSeconds:0} s off this machine", "set the clocks")
            : new(FindingKind.Ok, "clock", "node and this machine agree within seconds");
    }

    /// <summary>What the store says about itself, and the versions.</summary>
    public static async Task<IReadOnlyList<Finding>> StatsAsync(WeftClient client, CancellationToken cancellationToken)
    {
        using JsonDocument document = await client.GetAsync(WeftClient.Path("stats"), cancellationToken);
        JsonElement stats = document.RootElement;
        JsonElement store = stats.Member("storage") ?? default;
        string? failure = store.Text("failure");
        string? version = stats.Text("version");
        var findings = new List<Finding>
        {
            failure is null
                ? new(FindingKind.Ok, "storage", $"{Units.Count(store.Number("fields"))} fields, takes writes")
                : new(FindingKind.Fail, "storage", failure, "W3309 weft verify, then restart the node"),
            version is null || version.StartsWith(AppVersion.Short, StringComparison.Ordinal)
                ? new(FindingKind.Ok, "versions", $"node and command line are {AppVersion.Short}")
                : new(
                    FindingKind.Warn, "versions", $"the node is {version}, this command line {AppVersion.Short}",
                    "use one version"),
        };
        using JsonDocument peers = await client.GetAsync(WeftClient.Path("peers"), cancellationToken);
        JsonElement[] all = [.. peers.RootElement.Items("items")];
        string[] lost =
        [
            .. all.Where(peer => peer.Text("state") is "dialling" or "waiting")
                .Select(peer => peer.Text("url") ?? peer.Text("address") ?? ""),
        ];
        findings.Add(lost.Length == 0
            ? new(FindingKind.Ok, "peers", $"{all.Length} connected")
            : new(FindingKind.Warn, "peers", "not connected: " + string.Join(' ', lost), "W4107 weft peers"));
        return findings;
    }

    private static async Task<bool> IsFreeAsync(Uri url)
    {
        using var socket = new TcpClient();
        try
        {
            await socket.ConnectAsync(url.Host, url.Port);
            return false;
        }
        catch (SocketException)
        {
            return true;
        }
    }
}
