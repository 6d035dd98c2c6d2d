// The latest value and the series behind it: one field, written as ever, read by time.
//   dotnet run -c Release --project samples/SensorSeries
using Weft;
using Weft.Graph.Policy;
using Weft.Node;
using Weft.Node.History;

string folder = Path.Combine(Path.GetTempPath(), "weft-sensor-" + Guid.NewGuid().ToString("N")[..8]);
await using (WeftPeer peer = await WeftPeer.StartAsync(new WeftOptions { Path = folder }))
{
    await peer.Node.Retention.SetAsync("sensor/", new HistoryRule(HistoryKind.Days, 30));
    NodeSeries celsius = peer.Node.Series("sensor/roof", "celsius");
    DateTimeOffset start = DateTimeOffset.UtcNow;
    for (int i = 0; i < 500; i++)
    {
        await celsius.AppendAsync(Math.Round(20 + (5 * Math.Sin(i / 40.0)), 2));
    }

    Console.WriteLine($"latest: {(await peer.Graph.Get("sensor/roof").GetAsync("celsius")).Value}");
    int count = 0;
    await foreach (SeriesPoint point in celsius.RangeAsync(start, DateTimeOffset.UtcNow.AddSeconds(1)))
    {
        count++;
    }

    Console.WriteLine($"values of the last minute: {count}");
    TimeSpan step = (DateTimeOffset.UtcNow - start) / 4;
    await foreach (SeriesBucket bucket in celsius.DownsampleAsync(start, DateTimeOffset.UtcNow.AddSeconds(1), step))
    {
        Console.WriteLine(
            $"{(bucket.Start - start).TotalMilliseconds,6:0} ms: {bucket.Count,4} values, "
            + $"{bucket.Min} to {bucket.Max}, on average {bucket.Average:0.00}");
    }
}

Directory.Delete(folder, recursive: true);
