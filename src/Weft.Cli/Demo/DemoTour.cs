using System.Globalization;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Output;
using Weft.Node;
using Weft.Node.Network;
using Weft.Node.Sync;

namespace Weft.Cli.Demo;

/// <summary>Leads through the demo: acts, waits for what must follow, and shows it.</summary>
internal sealed class DemoTour(DemoWorld world, CliOutput output, TimeProvider time, TimeSpan pause)
{
    private const string Soul = "room/1";
    private const string Field = "topic";
    private const int WritesApart = 50;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(20);

    private bool _isGood = true;
    private int _step;

    private IReadOnlyList<WeftNode> Nodes => world.Nodes;

    private int Last => Nodes.Count - 1;

    /// <summary>Runs every step.</summary>
    /// <returns>True when all came out as they should.</returns>
    public async Task<bool> RunAsync(CancellationToken cancellationToken)
    {
        await MeetAsync(cancellationToken);
        await WriteAsync(cancellationToken);
        await SyncedAsync(cancellationToken);
        await CutAsync(cancellationToken);
        await ApartAsync(cancellationToken);
        await HealAsync(cancellationToken);
        await AgreeAsync(cancellationToken);
        if (!output.IsJson)
        {
            output.Line("");
            output.Note("All peers stop now; their stores were in memory, so nothing is left. Your own: weft up");
        }

        return _isGood;
    }

    private async Task MeetAsync(CancellationToken cancellationToken)
    {
        long started = time.GetTimestamp();
        bool isMet = await UntilAsync(
            () => Nodes.All(node => node.Sync.ListPeers().Count(peer => peer.IsCaughtUp) == Last), cancellationToken);
        await TellAsync(
            "meet", $"{Nodes.Count} peers have met: each has a key, a store and a port of its own, and none is the centre.",
            isMet, started, cancellationToken, json =>
            {
                json.WriteStartArray("peers");
                foreach (WeftNode node in Nodes)
                {
                    json.WriteStringValue(node.Network!.Addresses[0].ToString());
                }

                json.WriteEndArray();
            });
    }

    private async Task WriteAsync(CancellationToken cancellationToken)
    {
        long started = time.GetTimestamp();
        await Nodes[0].Graph.Get(Soul).PutAsync(Field, "tea at five", cancellationToken);
        bool isRead = await UntilAsync(() => Nodes.All(node => Read(node) == "tea at five"), cancellationToken);
        await TellAsync(
            "write", $"{DemoWorld.NameOf(0)} writes {Soul} {Field} = \"tea at five\"; every peer reads it.", isRead, started,
            cancellationToken);
    }

    private async Task SyncedAsync(CancellationToken cancellationToken)
    {
        long started = time.GetTimestamp();
        SyncResult synced = await Nodes[0].Sync
            .WaitAsync(Scope.Prefix("room/"), timeout: Patience, cancellationToken: cancellationToken);
        await TellAsync(
            "synced", $"{DemoWorld.NameOf(0)}, are you synced under room/? Yes: {synced.Peers} peers have all of it.",
            synced.Complete, started, cancellationToken, json => json.WriteNumber("peers", synced.Peers));
    }

    private async Task CutAsync(CancellationToken cancellationToken)
    {
        long started = time.GetTimestamp();
        world.Cut();
        bool isSeen = await UntilAsync(
            () => Nodes.All(node => node.Network!.Partition.IsPartitioned), cancellationToken);
        await TellAsync(
            "partition", $"The wires between {DemoWorld.NameOf(0)}, {DemoWorld.NameOf(1)} and the others are cut; every peer has noticed.",
            isSeen, started, cancellationToken, json =>
            {
                json.WriteStartArray("away");
                foreach (WeftNode node in Nodes)
                {
                    json.WriteNumberValue(node.Network!.Partition.Away.Count);
                }

                json.WriteEndArray();
            });
    }

    private async Task ApartAsync(CancellationToken cancellationToken)
    {
        long started = time.GetTimestamp();
        await Nodes[0].Graph.Get(Soul).PutAsync(Field, "coffee at four", cancellationToken);
        await Nodes[Last].Graph.Get(Soul).PutAsync(Field, "wine at six", cancellationToken);
        for (int i = 0; i < WritesApart; i++)
        {
            await Nodes[0].Graph.Get($"left/{i}").PutAsync("x", i, cancellationToken);
            await Nodes[Last].Graph.Get($"right/{i}").PutAsync("x", i, cancellationToken);
        }

        bool isApart = await UntilAsync(
            () => Enumerable.Range(0, Nodes.Count).All(
                i => Read(Nodes[i]) == (DemoWorld.IsLeft(i) ? "coffee at four" : "wine at six")),
            cancellationToken);
        SyncResult waited = await Nodes[0].Sync.WaitAsync(
            until: SyncGoal.AllKnownPeers, timeout: TimeSpan.FromMilliseconds(500), cancellationToken: cancellationToken);
        int away = waited.Behind.Count(peer => !peer.IsConnected);
        await TellAsync(
            "apart", $"Both sides go on: {WritesApart} writes each, and two minds about the topic. Synced? No: {away} peers are away.",
            isApart && !waited.Complete && away == Nodes.Count - 2, started, cancellationToken, json =>
            {
                json.WriteBoolean("complete", waited.Complete);
                json.WriteNumber("away", away);
            });
    }

    private async Task HealAsync(CancellationToken cancellationToken)
    {
        long started = time.GetTimestamp();
        long bytes = Nodes.Sum(node => node.Sync.ReadCounts().BytesOut);
        world.Heal();
        bool isHealed = await UntilAsync(
            () => Nodes.All(node => !node.Network!.Partition.IsPartitioned)
                && Nodes.Select(Read).Distinct().Count() == 1
                && Nodes.All(node => node.Sync.ListPeers().Count == Last),
            cancellationToken);
        foreach (WeftNode node in Nodes)
        {
            SyncResult synced = await node.Sync.WaitAsync(timeout: Patience, cancellationToken: cancellationToken);
            isHealed &= synced.Complete;
        }

        long sent = Nodes.Sum(node => node.Sync.ReadCounts().BytesOut) - bytes;
        await TellAsync(
            "heal", $"The wires are back. All peers agree on \"{Read(Nodes[0])}\", the later write; {Units.Size(sent)} went over them.",
            isHealed, started, cancellationToken, json =>
            {
                json.WriteString("winner", Read(Nodes[0]));
                json.WriteNumber("bytes", sent);
            });
    }

    private async Task AgreeAsync(CancellationToken cancellationToken)
    {
        long started = time.GetTimestamp();
        long fields = 0;
        bool isEqual = true;
        IReadOnlyList<AuditReport> reports = await Nodes[0].Sync
            .AuditAsync(new AuditRequest { Timeout = Patience }, cancellationToken);
        foreach (AuditReport report in reports)
        {
            fields = report.Tally.FieldsHere;
            isEqual &= report.IsEqual;
        }

        await TellAsync(
            "audit", $"{DemoWorld.NameOf(0)} compares its {fields} fields with {reports.Count} peers by fingerprints: nothing differs.",
            isEqual && reports.Count == Last && fields == (2 * WritesApart) + 1, started, cancellationToken, json =>
            {
                json.WriteNumber("fields", fields);
                json.WriteNumber("peers", reports.Count);
                json.WriteNumber("bytes", reports.Sum(report => report.BytesIn + report.BytesOut));
            });
    }

    private static string? Read(WeftNode node)
    {
        Task<ReadResult> read = node.Graph.Get(Soul).GetAsync(Field).AsTask(); // In memory: it is there at once.
        return read.IsCompletedSuccessfully && read.Result.Status == ReadStatus.Found
            ? read.Result.Value.AsText()
            : null;
    }

    private async Task<bool> UntilAsync(Func<bool> test, CancellationToken cancellationToken)
    {
        long started = time.GetTimestamp();
        while (!test())
        {
            if (time.GetElapsedTime(started) > Patience)
            {
                return false;
            }

            await Task.Delay(Look, time, cancellationToken);
        }

        return true;
    }

    private async Task TellAsync(
        string step, string text, bool isGood, long started, CancellationToken cancellationToken,
        Action<Utf8JsonWriter>? members = null)
    {
        TimeSpan took = time.GetElapsedTime(started);
        _isGood &= isGood;
        _step++;
        if (output.IsJson)
        {
            output.Json(json =>
            {
                json.WriteStartObject();
                json.WriteString("step", step);
                json.WriteBoolean("ok", isGood);
                json.WriteNumber("elapsedMs", Math.Round(took.TotalMilliseconds, 1));
                members?.Invoke(json);
                json.WriteEndObject();
            });
            return;
        }

        string mark = isGood ? output.Paint("ok", 32) : output.Paint("FAILED", 31);
        output.Line(string.Create(CultureInfo.InvariantCulture, $"{_step}. {mark}  {text}  {Units.Duration(took)}"));
        if (output.IsTerminal)
        {
            Show();
        }

        if (pause > TimeSpan.Zero)
        {
            await Task.Delay(pause, time, cancellationToken);
        }
    }

    // What each peer sees at this moment.
    private void Show()
    {
        var table = new TextTable("peer", ">links", "mesh", $"{Soul} {Field}", ">fields in", ">out");
        for (int i = 0; i < Nodes.Count; i++)
        {
            NodeNetwork network = Nodes[i].Network!;
            PartitionState partition = network.Partition;
            SyncCounts counts = Nodes[i].Sync.ReadCounts();
            table.Add(
                DemoWorld.NameOf(i), network.Host.Connections.Count.ToString(CultureInfo.InvariantCulture),
                partition.IsPartitioned ? $"partitioned, {partition.Away.Count} away" : "whole", Read(Nodes[i]) ?? "–",
                counts.FieldsIn.ToString(CultureInfo.InvariantCulture),
                counts.FieldsOut.ToString(CultureInfo.InvariantCulture));
        }

        output.Table(table);
    }
}
