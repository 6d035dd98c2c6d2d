// Current state and history in one write: an application that only puts and gets, and a rule that keeps the past.
//   dotnet run -c Release --project samples/DocumentHistory
using Weft;
using Weft.Graph;
using Weft.Graph.History;
using Weft.Graph.Policy;
using Weft.Log;
using Weft.Node;
using Weft.Node.History;

string folder = Path.Combine(Path.GetTempPath(), "weft-documents-" + Guid.NewGuid().ToString("N")[..8]);
await using (WeftPeer peer = await WeftPeer.StartAsync(new WeftOptions { Path = folder }))
{
    // The one line that is about history. The rest of the application does not know of it.
    await peer.Node.Retention.SetAsync("document-", new HistoryRule(HistoryKind.Log));

    GraphNode document = peer.Graph.Get("document-123");
    foreach (string status in (string[])["Draft", "Review", "Final"])
    {
        await document.PutAsync("status", status); // The value and its version: one record, one flush.
    }

    Console.WriteLine($"now: {(await document.GetAsync("status")).Value}");
    await foreach (HistoryEntry entry in document.History.ReadAsync())
    {
        HistoryChange change = entry.Version.Changes[0];
        Console.WriteLine($"version {entry.Version.Number}: {change.Field} = {change.Value}, block {entry.Block}");
    }

    HistoryView draft = await document.History.AtAsync(version: 1);
    Console.WriteLine($"version 1 was: {draft.Fields[0].Value}");
    HistoryDiff diff = await document.History.DiffAsync(1, 3);
    Console.WriteLine($"1 to 3: {diff.Fields[0].Before} became {diff.Fields[0].After}");

    // What can be handed to anybody: the block, its hashes and the signature over the whole log.
    HistoryProof proof = (await document.History.ProveAsync(2))!;
    HistoryVersion proven = proof.Check(peer.Node.Crypto, out ProvenBlock? block)!;
    Console.WriteLine($"proven: {proven.Changes[0].Value} stands at block {proof.Block} of {block!.Length}");
}

Directory.Delete(folder, recursive: true);
