using System.Diagnostics;
using Weft.Crypto;
using Weft.Node.Commits;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Protocols.Blobs;
using Weft.Storage.Blobs;
using Weft.Storage.Files;
using Weft.Storage.Log;
using Weft.Storage.Logs;
using Weft.Storage.Memory;
using Weft.Storage.Sealing;
using Weft.Storage.Tier;

namespace Weft.Storage;

/// <summary>Reads everything a folder holds, and notes what does not fit.</summary>
internal sealed class Verifier(
    string folder, SegmentFiles segments, Sealer? sealer, IProgress<long>? progress, CancellationToken cancellationToken)
{
    /// <summary>What is said of a node that lost something: everything that is there is good.</summary>
    public const string SetAside = "something of it was damaged and set aside";

    private const int DamagesMax = 1_000;
    private const int SoulsMax = 100;
    private const int LooksMax = 100;

    private readonly List<Damage> _damages = [];
    private long _fields;
    private long _links;
    private long _bytes;
    private bool _isRunning;
    private bool _vanished;

    /// <summary>The blobs of the store; null to leave them out.</summary>
    public BlobFolder? Blobs { get; init; }

    /// <summary>Reads log and disk tier.</summary>
    /// <param name="running">Gives the state of the store when it is open; null to read it from the folder.</param>
    public VerifyReport Run(Func<TierState>? running)
    {
        long started = Stopwatch.GetTimestamp();
        try
        {
            if (running is not null)
            {
                ReadRunningLog(running);
            }
            else if (ReadState() is TierState state)
            {
                NoteDamages(ScanLog(state));
            }

            ReadTier(Path.Combine(folder, SqliteTier.FileName));
        }
        catch (WeftException failure) when (failure.Error is WeftError.FileDamaged or WeftError.DiskFailed)
        {
            Note(SqliteTier.FileName, "a page", failure.Message, []);
        }

        ReadArchive();
        ReadBlobs();
        return new VerifyReport(_fields, _bytes, _damages, Stopwatch.GetElapsedTime(started));
    }

    /// <summary>Reads one database file to its end.</summary>
    public VerifyReport RunOnFile(string path)
    {
        long started = Stopwatch.GetTimestamp();
        try
        {
            ReadTier(path);
        }
        catch (WeftException failure) when (failure.Error is WeftError.FileDamaged or WeftError.DiskFailed)
        {
            Note(Path.GetFileName(path), "a page", failure.Message, []);
        }

        return new VerifyReport(_fields, _bytes, _damages, Stopwatch.GetElapsedTime(started));
    }

    private void ReadArchive()
    {
        foreach (string name in ColdBlocks.List(folder))
        {
            cancellationToken.ThrowIfCancellationRequested();
            byte[] content = File.ReadAllBytes(Path.Combine(folder, ColdBlocks.FolderName, name));
            _bytes += content.Length;
            progress?.Report(_bytes);
            if (ColdFile.OfName(name)!.Read(content, sealer) is null)
            {
                Note(name, ColdBlocks.FolderName, "its checksum does not fit", []);
            }
        }
    }

    private TierState? ReadState()
    {
        using Db db = Db.Open(Path.Combine(folder, SqliteTier.FileName), write: true, 1 << 20, sealer);
        using Statement row = db.Prepare("SELECT value FROM meta WHERE key='state'");
        TierState? state = row.Step() ? TierState.Read(row.Blob(0)) : null;
        if (state is null)
        {
            Note(SqliteTier.FileName, "table meta", "the row 'state' is missing or does not fit", []);
        }

        return state;
    }

    // The log of a running store changes while it is read: the end of the newest segment may be read before the start of
    // a write that is flushed in between, and a segment may be freed. What is damaged stays damaged, so another look tells.
    private void ReadRunningLog(Func<TierState> running)
    {
        _isRunning = true;
        long bytes = _bytes;
        for (int look = 0; ; look++)
        {
            _vanished = false;
            _bytes = bytes;
            LogScan scan = ScanLog(running());
            bool again = _vanished || (scan.Damages.Count > 0 && look < 3);
            if (!again || look == LooksMax)
            {
                NoteDamages(scan);
                return;
            }
        }
    }

    private LogScan ScanLog(TierState state) =>
        CommitRecovery.Run(segments.List(), Read, state.StoreId, state.Flushed, static (_, _) => { }, sealer);

    private void NoteDamages(LogScan scan)
    {
        foreach (LogDamage damage in scan.Damages)
        {
            string lost = damage.LastSequence > 0 ? $"; commits {damage.FirstSequence} to {damage.LastSequence}" : "";
            Note(SegmentFiles.NameOf(damage.Segment), $"offset {damage.Offset}", damage.What + lost, []);
        }
    }

    private ReadOnlyMemory<byte> Read(long number)
    {
        cancellationToken.ThrowIfCancellationRequested();
        try
        {
            byte[] bytes = segments.ReadWhole(number);
            Count(bytes.Length);
            return bytes;
        }
        catch (FileNotFoundException) when (_isRunning)
        {
            _vanished = true; // Flushed and freed since the segments were listed.
            return default;
        }
        catch (Exception failure) when (StorageErrors.IsWorld(failure))
        {
            Note(SegmentFiles.NameOf(number), "the file", failure.Message, []);
            return default;
        }
    }

    private void ReadTier(string path)
    {
        using Db db = Db.Open(path, write: true, 4 << 20, sealer);
        using Statement check = db.Prepare("PRAGMA quick_check(100)");
        while (check.Step())
        {
            string line = System.Text.Encoding.UTF8.GetString(check.Blob(0));
            if (line != "ok")
            {
                Note(Path.GetFileName(path), "a page", line, []);
            }
        }

        using Statement blocks = db.Prepare("SELECT soul, first, data FROM blocks ORDER BY soul, first");
        using Statement link = db.Prepare("SELECT 1 FROM links WHERE target=?1 AND source=?2");
        var block = new RawBlock([], [], []);
        byte[] lastName = [];
        while (blocks.Step())
        {
            cancellationToken.ThrowIfCancellationRequested();
            bool sameSoul = blocks.Blob(0).SequenceEqual(block.Soul);
            block = new RawBlock(
                sameSoul ? block.Soul : blocks.Blob(0).ToArray(), blocks.Blob(1).ToArray(), blocks.Blob(2).ToArray());
            Count(block.Soul.Length + block.First.Length + block.Data.Length);
            ReadBlock(path, block, link, ref lastName, sameSoul);
        }

        // Left-over entries of the index are no damage: reads judge them by the field, maintenance removes them.
        long entries = db.ReadNumber("SELECT count(*) FROM links");
        if (entries < _links)
        {
            Note(Path.GetFileName(path), "table links", $"{_links - entries} entries are missing", []);
        }

        BlobBackup.Read(
            db, null, new BlobHasher(PlatformCrypto.Create()), Count,
            id => Note(Path.GetFileName(path), $"blob {id}", "its content is not what the id stands for", [id.Soul]),
            cancellationToken);
        // What was set aside and made good since is no damage any more: nodes that still lack something say so themselves.
    }

    private void ReadBlobs()
    {
        foreach (string name in Blobs?.Names() ?? [])
        {
            Blobs!.Check(
                name, Count,
                (id, where, what) => Note(
                    $"{BlobFolder.Name}/{name}", id is null ? where : $"{where} of blob {id}", what,
                    id is { } known ? [known.Soul] : []),
                cancellationToken);
        }
    }

    private void ReadBlock(string path, RawBlock block, Statement link, ref byte[] lastName, bool sameSoul)
    {
        if (!BlockCodec.IsGood(block.Soul, block.First, block.Data))
        {
            NoteBlock(path, block, "its checksum does not fit");
            lastName = [];
            return;
        }

        if (!sameSoul && block.First.Length > 0)
        {
            NoteBlock(path, block, "the node's first block is missing");
        }

        if ((BlockCodec.Flags(block.Data) & BlockCodec.HasLost) != 0)
        {
            NoteBlock(path, block, SetAside);
        }

        byte[] previous = sameSoul ? lastName : [];
        BlockReader reader = BlockCodec.Read(block.Data);
        while (reader.TryRead(out PackedField field))
        {
            _fields++;
            if (field.Name.Span.SequenceCompareTo(previous) <= 0 && previous.Length > 0)
            {
                NoteBlock(path, block, "its fields are out of order");
                return;
            }

            previous = field.Name.ToArray();
            if (TierWriter.LinkTarget(field) is not byte[] target)
            {
                continue;
            }

            _links++;
            bool isThere = link.Bind(1, target).Bind(2, MemTable.LinkOf(block.Soul, field.Name.Span)).Step();
            link.Reset();
            if (!isThere)
            {
                NoteBlock(path, block, $"its link '{KeyText.Decode(field.Name.Span)}' is missing from the index");
            }
        }

        lastName = previous;
    }

    private void NoteBlock(string path, RawBlock block, string what) => Note(
        Path.GetFileName(path), $"block '{KeyText.Decode(block.First)}' of node '{KeyText.Decode(block.Soul)}'", what,
        [KeyText.Decode(block.Soul)]);

    private void Note(string file, string where, string what, IReadOnlyList<string> souls)
    {
        if (_damages.Count < DamagesMax)
        {
            _damages.Add(new Damage(file, where, what, [.. souls.Take(SoulsMax)]));
        }
    }

    private void Count(long bytes)
    {
        _bytes += bytes;
        progress?.Report(_bytes);
    }
}
