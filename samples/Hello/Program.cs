// A peer inside your own process: no server, no ports. Run it twice: the second time Ada is there already.
//   dotnet run -c Release --project samples/Hello
using Weft;
using Weft.Graph;
using Weft.Node;

await using WeftPeer peer = await WeftPeer.StartAsync(new WeftOptions
{
    Path = Path.Combine(Path.GetTempPath(), "weft-hello"),
});
GraphNode alice = peer.Graph.Get("alice");

ReadResult before = await alice.GetAsync("name");
Console.WriteLine($"before: {before.Status} {before.Value}");

// Live since the call returned: the snapshot first, then each change after it.
await using ChangeSubscription watch = await alice.WatchAsync();

WriteResult written = await alice.PutAsync("name", "Ada");
Console.WriteLine($"written: state {written.State}, safe on {written.Durable}");

await foreach (GraphChange change in watch.ReadAllAsync())
{
    Console.WriteLine($"{change.Kind}: {change.Soul} {change.Field.Field} {change.Field.Value}");
    if (change.Kind == ChangeKind.Synced)
    {
        await alice.PutAsync("boss", WeftValue.Link("mark"));
    }
    else if (change is { Kind: ChangeKind.Change, Field.Field: "boss" })
    {
        break;
    }
}

// Links can be followed against their direction too: who has mark as a boss?
await foreach (WalkStep step in peer.Graph.WalkAsync("mark", WalkDirection.In))
{
    Console.WriteLine($"walk: {new string(' ', step.Depth * 2)}{step.Soul} {step.Field}");
}
