using System.Diagnostics;
using System.Globalization;
using System.Text;
using Weft.Crypto;
using Weft.Crypto.Sea;
using Weft.Graph;
using Weft.Graph.Access;
using Weft.Graph.Policy;
using Weft.Node;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Protocols.Gun;
using Weft.Storage;

namespace Weft.Benchmarks.Sea;

/// <summary>
/// What a SEA-signed put costs, stage by stage and as a whole: processor time and bytes allocated for each put.
/// <c>dotnet run -c Release --project bench/Weft.Benchmarks -- sea [PUTS]</c>
/// </summary>
internal static class SeaBench
{
    private const int InFlight = 2_000;
    private const int Rounds = 3;

    public static async Task<int> RunAsync(string[] args)
    {
        int puts = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 60_000;
        ICrypto crypto = PlatformCrypto.Create();
        using SeaPair pair = KeyGenerator.NewSeaPair(crypto);
        long now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        FieldWrite[] signed = [.. Enumerable.Range(0, puts).Select(i => SeaSigner.Sign(
            crypto, pair,
            new FieldWrite($"~{pair.Pub}/bench/{i}", "name", $"a value of some length, number {i}", now)))];
        FieldWrite[] plain = [.. signed.Select((write, i) => write with { Soul = $"bench/{i}" })];
        Console.WriteLine("stage                              us processor   bytes allocated   (each put)");
        Stages(crypto, signed);
        foreach (bool isDisk in (bool[])[false, true])
        {
            string where = isDisk ? "engine" : "memory";
            var client = new WriteSource("bench", 1, WriteDoor.Client);
            await WholeAsync($"node, {where}, unsigned", crypto, plain, isDisk, client);
            await WholeAsync($"node, {where}, SEA-signed", crypto, signed, isDisk, client);
            await WholeAsync($"node, {where}, signed by the node", crypto, plain, isDisk, WriteSource.Local);
        }

        return 0;
    }

    private static void Stages(ICrypto crypto, FieldWrite[] signed)
    {
        byte[][] frames = [.. signed.Select(Frame)];
        var codec = new GunCodec(new GunLimits());
        var messages = new List<GunMessage>();
        Stage("read the frame", signed.Length, i =>
        {
            messages.Clear();
            codec.Read(frames[i], messages);
        });
        var core = new AdmissionCore(crypto, new PolicyBook(new PolicyOptions(), crypto, null), new byte[32]);
        var admissions = new Admission[signed.Length];
        Stage("judge, all but the signature", signed.Length, i =>
            admissions[i] = core.Judge(signed.AsSpan(i, 1), null, signed[i].State)!);
        var keys = new SeaKeyCache(crypto, 16);
        Stage("verify", signed.Length, i =>
        {
            if (!admissions[i].Checks[0].Check.Verify(crypto, keys))
            {
                throw new InvalidOperationException("What the benchmark signed does not verify.");
            }
        });
    }

    private static byte[] Frame(FieldWrite write)
    {
        string soul = write.Soul;
        return Encoding.UTF8.GetBytes(
            $$$"""{"#":"123456789","put":{"{{{soul}}}":{"_":{"#":"{{{soul}}}",">":{"name":{{{write.State}}}}},"name":"""
            + Encoding.UTF8.GetString(write.Value.Json) + "}},\"ok\":{\"@\":9,\"/\":1}}");
    }

    private static void Stage(string name, int count, Action<int> run)
    {
        for (int round = 0; round < Rounds; round++) // The last one counts: by then the code is compiled for good.
        {
            long bytes = GC.GetAllocatedBytesForCurrentThread();
            TimeSpan before = Environment.CpuUsage.TotalTime;
            for (int i = 0; i < count; i++)
            {
                run(i);
            }

            TimeSpan used = Environment.CpuUsage.TotalTime - before;
            if (round == Rounds - 1)
            {
                Print(name, used, GC.GetAllocatedBytesForCurrentThread() - bytes, count);
            }
        }
    }

    private static async Task WholeAsync(
        string name, ICrypto crypto, FieldWrite[] writes, bool isDisk, WriteSource source)
    {
        string folder = Directory.CreateTempSubdirectory("weft-bench-").FullName;
        try
        {
            IStore store = isDisk
                ? await StorageEngine.OpenAsync(new StorageOptions { Path = Path.Combine(folder, "data") })
                : new MemoryStore();
            await using WeftNode node = await WeftNode.StartAsync(new NodeOptions { Crypto = crypto }, store);
            for (int round = 0; round < Rounds; round++)
            {
                // Other souls in each round, or the merge would find nothing new.
                FieldWrite[] part = writes[(round * writes.Length / Rounds)..((round + 1) * writes.Length / Rounds)];
                long bytes = GC.GetTotalAllocatedBytes(precise: true);
                TimeSpan before = Environment.CpuUsage.TotalTime;
                await RunAsync(node, source, part);
                TimeSpan used = Environment.CpuUsage.TotalTime - before;
                if (round == Rounds - 1)
                {
                    Print(name, used, GC.GetTotalAllocatedBytes(precise: true) - bytes, part.Length);
                }
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task RunAsync(WeftNode node, WriteSource source, FieldWrite[] writes)
    {
        using var room = new SemaphoreSlim(InFlight);
        var running = new Task[writes.Length];
        for (int i = 0; i < writes.Length; i++)
        {
            await room.WaitAsync();
            running[i] = WriteAsync(node, source, writes[i], room);
        }

        await Task.WhenAll(running);
    }

    private static async Task WriteAsync(WeftNode node, WriteSource source, FieldWrite write, SemaphoreSlim room)
    {
        WriteResult result = await node.Graph.WriteAsync([write], source);
        room.Release();
        if (result.Applied != 1)
        {
            throw new InvalidOperationException($"A put was not taken: {result.Error}.");
        }
    }

    private static void Print(string name, TimeSpan used, long bytes, int count) => Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"{name,-34} {used.TotalMicroseconds / count,12:F1} {(double)bytes / count,17:F0}"));
}
