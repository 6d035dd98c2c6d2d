// Hot present, cold past: old blocks of a signed log go to a folder of compressed files and are read back on demand.
//   dotnet run -c Release --project samples/ColdArchive
using Weft;
using Weft.Graph.Policy;
using Weft.Node;
using Weft.Node.History;
using Weft.Node.Logs;

string folder = Path.Combine(Path.GetTempPath(), "weft-archive-" + Guid.NewGuid().ToString("N")[..8]);
await using (WeftPeer peer = await WeftPeer.StartAsync(new WeftOptions { Path = folder }))
{
    // "log, cold after 90 days" leaves the moving to maintenance; here it is done by hand.
    await peer.Node.Retention.SetAsync("account/", new HistoryRule(HistoryKind.Log, 90));
    GraphNode account = peer.Graph.Get("account/7");
    for (int i = 1; i <= 2_000; i++)
    {
        await peer.Graph.WriteAsync(
            [new("account/7", "balance", i * 10, double.NaN), new("account/7", "note", $"booking {i}", double.NaN)],
            WriteSource.Local, Weft.Primitives.Durability.Buffered);
    }

    SignedLog log = (await peer.Logs.FindAsync("history:account/"))!;
    await log.WaitForLengthAsync(2_001);
    LogArchiving moved = await log.ArchiveAsync(end: 1_900);
    Console.WriteLine($"moved {moved.Blocks} blocks: {moved.Bytes} bytes are {moved.StoredBytes} in the archive");
    Console.WriteLine($"files: {Directory.GetFiles(Path.Combine(folder, "cold")).Length}");

    HistoryView old = await account.History.AtAsync(version: 100); // Out of the archive.
    Console.WriteLine($"version 100: {string.Join(", ", old.Fields.Select(field => $"{field.Field} {field.Value}"))}");
    Console.WriteLine($"now: balance {(await account.GetAsync("balance")).Value}"); // Touches no archive.
    LogVerification verified = await log.VerifyAsync();
    Console.WriteLine($"verified: {verified.Good} blocks hold, {verified.Missing} missing");
}

Directory.Delete(folder, recursive: true);
