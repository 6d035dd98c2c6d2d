using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Weft.Crypto;
using Weft.Primitives;
using Weft.Protocols.Kad;
using Weft.Protocols.Kad.Records;

namespace Weft.Benchmarks.Records;

/// <summary>
/// The record store against what an application would write without it: a dictionary of objects, made from records when
/// they come and made into records when they are sent.
/// </summary>
internal static class RecordBench
{
    private const double Now = 1_800_000_000_000;

    internal static int Run(string[] args)
    {
        int count = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 100_000;
        Console.WriteLine($"{count:N0} records, keys of 24 bytes, one publisher for each 100; times are medians of 5");
        foreach (int size in (int[])[32, 128, 1_024])
        {
            KadRecord[] records = Make(count, size);
            (long plainBytes, double plainPut, double plainSend) = Plain(records);
            (long storeBytes, double storePut, double storeSend) = Store(records);
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"value {size,5} B   plain {plainBytes / (double)count,7:0} B/record, put {plainPut,6:0} ns, send {plainSend,6:0} ns"
                + $"   store {storeBytes / (double)count,7:0} B/record, put {storePut,6:0} ns, send {storeSend,6:0} ns"
                + $"   memory {storeBytes * 100.0 / plainBytes,5:0} %"));
        }

        return 0;
    }

    private static (long Bytes, double PutNs, double SendNs) Plain(KadRecord[] records)
    {
        long before = Memory();
        var plain = new Dictionary<string, Entry>();
        long start = Stopwatch.GetTimestamp();
        foreach (KadRecord record in records)
        {
            var entry = new Entry
            {
                Key = Encoding.UTF8.GetString(record.Key.Span),
                Value = record.Value.ToArray(),
                Publisher = record.Publisher.ToString(),
                Expires = DateTimeOffset.FromUnixTimeMilliseconds((long)Now + 1_000),
                Received = DateTimeOffset.FromUnixTimeMilliseconds((long)Now),
            };
            plain[entry.Key] = entry;
        }

        double put = Ns(start, records.Length);
        long bytes = Memory() - before;
        double send = Median(() =>
        {
            var target = new ArrayBufferWriter<byte>(4_096);
            foreach (Entry entry in plain.Values)
            {
                PeerId.TryParse(entry.Publisher, out PeerId publisher);
                byte[] key = Encoding.UTF8.GetBytes(entry.Key);
                Send(KadRecord.Make(key, entry.Value, publisher), key, target);
            }
        }, records.Length);
        GC.KeepAlive(plain);
        return (bytes, put, send);
    }

    private static (long Bytes, double PutNs, double SendNs) Store(KadRecord[] records)
    {
        long before = Memory();
        var store = new MemoryRecordStore(
            PeerId.FromEd25519(new byte[32]), new() { RecordsMax = records.Length, BytesMax = 4L << 30 },
            PlatformCrypto.Create());
        long start = Stopwatch.GetTimestamp();
        foreach (KadRecord record in records)
        {
            // As it comes off the wire: the codec makes the one array that is kept.
            KadRecord.TryRead(record.Encoded.Span, out KadRecord read, out _);
            store.Put(read, Now + 1_000, isOwn: false, Now);
        }

        double put = Ns(start, records.Length);
        long bytes = Memory() - before;
        double send = Median(() =>
        {
            var target = new ArrayBufferWriter<byte>(4_096);
            foreach (StoredRecord stored in store.Iterate())
            {
                Send(stored.Record, stored.Record.Key, target);
            }
        }, records.Length);
        GC.KeepAlive(store);
        return (bytes, put, send);
    }

    private static void Send(in KadRecord record, ReadOnlyMemory<byte> key, ArrayBufferWriter<byte> target)
    {
        target.ResetWrittenCount();
        KadCodec.Write(new(KadMessageKind.PutValue, key, record, 60), target);
    }

    private static KadRecord[] Make(int count, int size)
    {
        var random = new WeftRandom(1);
        var records = new KadRecord[count];
        var publisher = new byte[32];
        var value = new byte[size];
        for (int i = 0; i < count; i++)
        {
            if (i % 100 == 0)
            {
                random.Fill(publisher);
            }

            random.Fill(value);
            byte[] key = Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"/open/records/{i:0000000000}"));
            records[i] = KadRecord.Make(key, value, PeerId.FromEd25519(publisher));
        }

        return records;
    }

    private static long Memory()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return GC.GetTotalMemory(forceFullCollection: true);
    }

    private static double Median(Action run, int count)
    {
        var times = new double[5];
        for (int i = 0; i < times.Length; i++)
        {
            long start = Stopwatch.GetTimestamp();
            run();
            times[i] = Ns(start, count);
        }

        Array.Sort(times);
        return times[2];
    }

    private static double Ns(long start, int count) => Stopwatch.GetElapsedTime(start).TotalNanoseconds / count;

    private sealed class Entry
    {
        public required string Key { get; init; }

        public required byte[] Value { get; init; }

        public required string Publisher { get; init; }

        public required DateTimeOffset Expires { get; init; }

        public required DateTimeOffset Received { get; init; }
    }
}
