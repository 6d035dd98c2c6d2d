using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Weft.Graph;
using Weft.Node.Commits;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Storage.Files;
using Weft.Storage.Log;
using Weft.Storage.Memory;
using Weft.Storage.Sealing;
using Weft.Storage.Tier;

namespace Weft.Storage;

/// <summary>What opening a folder found: the disk tier, and the log read back into a memory table.</summary>
internal sealed class Recovered
{
    private Recovered(SqliteTier tier, SegmentFiles segments, Sealer? sealer, ulong seed)
    {
        Tier = tier;
        Sealer = sealer;
        Segments = segments;
        Seed = seed;
        Table = new MemTable(Pool, seed);
        ClockHigh = tier.Writer.State.ClockHigh;
        Deferred = [.. tier.Deferred];
    }

    public SqliteTier Tier { get; }

    public SegmentFiles Segments { get; }

    /// <summary>Seals the store's files; null for a plain store.</summary>
    public Sealer? Sealer { get; }

    public ChunkPool Pool { get; } = new();

    public ulong Seed { get; }

    public MemTable Table { get; }

    public double ClockHigh { get; private set; }

    public List<FieldWrite> Deferred { get; }

    public CommitStart Start { get; private set; }

    /// <summary>True when acknowledged commits could not be read, and the options allow to go on without them.</summary>
    public bool HasLost { get; private set; }

    public static Recovered Read(StorageOptions options, string folder, Sealer? sealer, ILogger logger)
    {
        var segments = new SegmentFiles(options.Files, folder);
        List<long> numbers = segments.List();
        if (numbers.Count > 0 && !File.Exists(Path.Combine(folder, SqliteTier.FileName)))
        {
            throw StorageErrors.Damaged(SqliteTier.FileName, "its place", "it is missing, but the commit log is there");
        }

        SqliteTier tier = SqliteTier.Open(folder, options, sealer, hasLog: numbers.Count > 0);
        try
        {
            if (tier.FilterRebuilt)
            {
                EngineLog.FilterRebuilt(logger, folder);
            }

            var recovered = new Recovered(tier, segments, sealer, BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)));
            recovered.ReadLog(numbers, options, folder, logger);
            return recovered;
        }
        catch
        {
            tier.Dispose();
            throw;
        }
    }

    private void ReadLog(List<long> numbers, StorageOptions options, string folder, ILogger logger)
    {
        TierState state = Tier.Writer.State;
        LogScan scan = CommitRecovery.Run(
            numbers, number => Segments.ReadWhole(number), state.StoreId, state.Flushed, Take, Sealer);
        if (scan.NewerVersion > 0)
        {
            throw new WeftException(WeftError.FormatNewer,
                $"The commit log in '{folder}' has format {scan.NewerVersion}; this version of weft understands up to "
                + $"{CommitRecordCodec.FormatVersion}. Nothing was touched.");
        }

        foreach (LogDamage damage in scan.Damages)
        {
            EngineLog.LogDamaged(logger, folder, damage.Segment, damage.Offset, damage.What);
        }

        if (scan.LostCommits && !options.AcceptLogDamage)
        {
            LogDamage first = scan.Damages.First(damage => damage.LastSequence > state.Flushed);
            throw StorageErrors.Damaged(
                SegmentFiles.NameOf(first.Segment), $"offset {first.Offset}",
                $"commits {first.FirstSequence} to {first.LastSequence} were acknowledged and cannot be read ({first.What}); "
                + "the store was not opened and nothing was touched. Restore a backup, or set "
                + "Weft:AcceptLogDamage to go on without them");
        }

        HasLost = scan.LostCommits;
        if (scan.CutBytes > 0)
        {
            EngineLog.TailCut(logger, folder, scan.CutBytes);
        }

        var kept = new List<CommitSegment>();
        long last = state.Flushed;
        foreach (SegmentScan segment in scan.Segments)
        {
            bool damaged = scan.Damages.Any(damage => damage.Segment == segment.Number && damage.LastSequence > 0);
            if (damaged || (segment.Header == default && !Segments.IsBlank(segment.Number)))
            {
                Segments.Quarantine(segment.Number, Segments.ReadWhole(segment.Number));
            }

            if (segment.Header == default)
            {
                Segments.TryDelete(segment.Number);
                continue;
            }

            last = Math.Max(last, segment.LastSequence);
            kept.Add(new CommitSegment(segment.Number, last));
        }

        Table.LastSequence = scan.LastSequence;
        Start = new CommitStart(
            state.StoreId, BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)), scan.LastSequence,
            numbers.Count == 0 ? 1 : numbers[^1] + 1, kept);
    }

    private void Take(long sequence, CommitBatch batch)
    {
        ClockHigh = Math.Max(ClockHigh, batch.ClockHigh);
        byte[]? buffer = null;
        foreach (CommitField field in batch.Fields)
        {
            Table.Put(KeyText.Encode(field.Write.Soul, ref buffer), field.Write, sequence);
        }

        foreach (FieldWrite row in batch.History)
        {
            Table.Put(KeyText.Encode(row.Soul, ref buffer), row, sequence);
        }

        foreach (FieldWrite released in batch.Released)
        {
            Deferred.Remove(released);
        }

        Deferred.AddRange(batch.Deferred);
        foreach (Weft.Log.LogDelta log in batch.Logs)
        {
            Table.Logs.Apply(log);
        }

        foreach (RecordChange record in batch.Records)
        {
            Table.Records.Apply(record);
        }
    }
}
