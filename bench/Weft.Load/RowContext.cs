using System.Text;

namespace Weft.Load;

/// <summary>What every row needs: servers on fresh folders, and a way to fill them.</summary>
internal sealed class RowContext(LoadOptions options, string folder, CancellationToken cancellationToken)
{
    private int _folders;

    public LoadOptions Options { get; } = options;

    public CancellationToken Cancellation { get; } = cancellationToken;

    /// <summary>A folder with a big store that a row left for a later one, or null.</summary>
    public string? BigStore { get; set; }

    /// <summary>The servers to measure, GUN's first.</summary>
    public IEnumerable<ServerKind> Kinds =>
        new[] { ServerKind.GunDisk, ServerKind.GunMemory, ServerKind.Weft }
            .Where(kind => kind == ServerKind.Weft ? Options.RunsWeft : Options.RunsGun);

    public static long NowMs => DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();

    public static void Say(string text) => Console.Error.WriteLine($"  {DateTime.UtcNow:HH:mm:ss}  {text}");

    public string NewFolder()
    {
        string path = Path.Combine(folder, $"data-{++_folders}");
        Directory.CreateDirectory(path);
        return path;
    }

    public static void Remove(string path)
    {
        if (Directory.Exists(path))
        {
            Directory.Delete(path, recursive: true);
        }
    }

    public Task<ServerProcess> StartAsync(ServerKind kind, string path, params string[] arguments) =>
        new Servers(Options).StartAsync(kind, path, arguments, Cancellation);

    public Task<GunSocket> ConnectAsync(ServerProcess server) => GunSocket.ConnectAsync(server.Gun, Cancellation);

    /// <summary>
    /// Writes nodes of five fields. GUN's memory mode acknowledges nothing: it gets 1,000 puts each 5 ms, and then is
    /// asked for the last one until it has it.
    /// </summary>
    /// <returns>How many were acknowledged (or sent, where nothing is acknowledged), and in what time.</returns>
    public async Task<WindowResult> FillAsync(
        ServerKind kind, ServerProcess server, string prefix, int nodes, TimeSpan limit)
    {
        await using GunSocket client = await ConnectAsync(server);
        if (kind != ServerKind.GunMemory)
        {
            return await new WindowRun(client, window: 2_000).RunAsync(
                nodes, limit, (i, id) => LoadData.NodePut(id, LoadData.Soul(prefix, i), i, NowMs), null, Cancellation);
        }

        long began = System.Diagnostics.Stopwatch.GetTimestamp();
        using var done = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        int last = nodes - 1;
        var isThere = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Task reading = ReadUntilAsync(client, isThere, LoadData.Mark(last), done.Token);
        for (int i = 0; i < nodes; i++)
        {
            string id = client.NewId(i);
            await client.AddAsync(LoadData.NodePut(id, LoadData.Soul(prefix, i), i, NowMs), Cancellation);
            if (i % 1_000 == 999)
            {
                await client.FlushAsync(Cancellation);
                await Task.Delay(5, Cancellation);
            }
        }

        await client.FlushAsync(Cancellation);
        for (int attempt = 0; attempt < 600 && !isThere.Task.IsCompleted; attempt++)
        {
            byte[] get = LoadData.Get(client.NewId(nodes + attempt), LoadData.Soul(prefix, last));
            await client.SendAsync(get, Cancellation);
            await Task.WhenAny(isThere.Task, Task.Delay(200, Cancellation));
        }

        await done.CancelAsync();
        await reading;
        bool isFound = isThere.Task.IsCompletedSuccessfully;
        return new WindowResult(
            isFound ? nodes : 0, 0, System.Diagnostics.Stopwatch.GetElapsedTime(began), []);
    }

    private static async Task ReadUntilAsync(
        GunSocket client, TaskCompletionSource isThere, string mark, CancellationToken cancellationToken)
    {
        byte[] wanted = Encoding.UTF8.GetBytes(mark);
        try
        {
            while (await client.ReceiveAsync(
                (in GunMessage message) =>
                {
                    if (message.Put.IndexOf(wanted) >= 0)
                    {
                        isThere.TrySetResult();
                    }
                },
                cancellationToken))
            {
            }
        }
        catch (OperationCanceledException)
        {
            // The caller has what it wanted.
        }
    }
}

/// <summary>One row of the table.</summary>
internal interface ILoadRow
{
    /// <summary>Its name on the command line.</summary>
    string Name { get; }

    Task<RowResult> RunAsync(RowContext context);
}
