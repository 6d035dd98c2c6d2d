using Weft.Crypto;
using Weft.Log;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Node.Logs;

/// <content>The logs: opening, creating, finding, reading, following, changing. All on the loop.</content>
internal sealed partial class LogDriver
{
    public OpenLog? Find(string nameOrKey) =>
        _names.TryGetValue(nameOrKey, out OpenLog? named) ? named
        : Hash32.TryParse(nameOrKey, out Hash32 key) ? _logs.GetValueOrDefault(key)
        : null;

    public IReadOnlyList<LogInfo> List() =>
        [.. _logs.Values.Select(log => log.Info())
            .OrderBy(info => info.Name ?? "~").ThenBy(info => info.Key.ToString(), StringComparer.Ordinal)];

    /// <summary>Makes a log of one's own.</summary>
    public OpenLog Create(string name, bool isEncrypted, byte[]? secret)
    {
        ThrowIfNameUnusable(name);
        byte[] seed = new byte[Hash32.Length];
        KeyGenerator.Fill(seed);
        byte[] hidden = secret ?? (isEncrypted ? new byte[Hash32.Length] : []);
        if (isEncrypted && secret is null)
        {
            KeyGenerator.Fill(hidden);
        }

        var note = new LogNote { Name = name, Seed = seed, Secret = hidden };
        using var keys = new LogKeyPair(_crypto, seed);
        using LogCore named = LogCore.OpenOwn(_crypto, new MemoryLogStore(), keys);
        return Add(named.Key, note);
    }

    /// <summary>Takes a log of someone else in.</summary>
    public OpenLog Adopt(Hash32 key, string? name, byte[]? secret)
    {
        if (_logs.TryGetValue(key, out OpenLog? known))
        {
            if (secret is not null)
            {
                Renote(known, known.Note with { Secret = secret });
                known.Core.UseEncryption(secret);
            }

            return known;
        }

        if (name is not null)
        {
            ThrowIfNameUnusable(name);
        }

        return Add(key, new LogNote { Name = name, Secret = secret ?? [] });
    }

    /// <summary>Downloads everything of a log from now on, or no longer.</summary>
    public void Follow(OpenLog log, bool isFollowed)
    {
        if (log.Note.IsFollowed != isFollowed)
        {
            Renote(log, log.Note with { IsFollowed = isFollowed });
            if (isFollowed)
            {
                Download(log, 0, null);
            }
        }
    }

    /// <summary>Begins a download; the task completes when all of it is here.</summary>
    /// <returns>Its number for <see cref="CancelDownload"/>, 0 when nothing has to come; and the task.</returns>
    public (long Number, Task Done) Download(OpenLog log, long start, long? end)
    {
        long number = 0;
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        bool isHere = false;
        _hub.Run(
            log.Key,
            (core, outputs) =>
            {
                isHere = end is long last && core.Log.Bits.FirstUnset(start) >= last;
                number = isHere ? 0 : core.DownloadRange(start, end, Now, outputs);
            },
            Now,
            _outbox);
        if (isHere)
        {
            return (0, Task.CompletedTask);
        }

        if (number == 0)
        {
            throw new WeftException(WeftError.TooManyRequests, "Too many downloads of this log are under way.");
        }

        log.Downloads.Add(number, done);
        return (number, done.Task);
    }

    /// <summary>Nobody waits for a download any more; what came of it stays.</summary>
    public void CancelDownload(OpenLog log, long number)
    {
        log.Replication.Cancel(number);
        log.Downloads.Remove(number);
    }

    /// <summary>Downloads a log from a number on for as long as someone reads it.</summary>
    /// <returns>The number for <see cref="EndStream"/>; 0 when nothing has to be downloaded.</returns>
    public long BeginStream(OpenLog log, long start)
    {
        long number = 0;
        if (!log.Core.IsWritable && !log.Note.IsFollowed)
        {
            _hub.Run(
                log.Key, (core, outputs) => number = core.DownloadRange(start, null, Now, outputs), Now, _outbox);
        }

        return number;
    }

    public void EndStream(OpenLog log, long number)
    {
        if (number != 0)
        {
            log.Replication.Cancel(number);
        }
    }

    /// <summary>Reads what is durable of a log, from a number on.</summary>
    /// <param name="log">The log.</param>
    /// <param name="from">The first block.</param>
    /// <param name="end">The block after the last; clamped to the log's length.</param>
    /// <param name="fork">The fork that the reader has seen last.</param>
    /// <param name="waits">True when blocks that may still come end the page; false gives them as missing.</param>
    public LogPage Read(OpenLog log, long from, long end, long fork, bool waits)
    {
        LogHead head = log.Core.Published;
        var entries = new List<LogEntry>();
        if (log.Core.Evidence is not null)
        {
            entries.Add(new LogEntry(LogEntryKind.Stopped, from, default, fork));
            return new LogPage(entries, from, head.Fork, head.Length, log.Changed);
        }

        if (fork != head.Fork)
        {
            long cut = log.CutSince(fork);
            if (cut < from)
            {
                entries.Add(new LogEntry(LogEntryKind.Truncated, cut, default, head.Fork));
                from = cut;
            }
        }

        long bytes = 0;
        end = Math.Min(end, head.Length);
        while (from < end && entries.Count < _options.ReadBlocksMax && bytes < _options.ReadBytesMax)
        {
            bool isHere = log.Core.TryGet(from, out ReadOnlyMemory<byte> block);
            if (!isHere && waits && !log.Core.IsWritable)
            {
                break;
            }

            LogEntryKind kind = isHere ? LogEntryKind.Block : LogEntryKind.Missing;
            entries.Add(new LogEntry(kind, from++, block, head.Fork));
            bytes += block.Length;
        }

        return new LogPage(entries, from, head.Fork, head.Length, log.Changed);
    }

    /// <summary>Asks peers for a block; the task completes when it is here.</summary>
    public Task Want(OpenLog log, long index)
    {
        if (log.Core.Bits[index])
        {
            return Task.CompletedTask;
        }

        if (!log.BlockWaiters.TryGetValue(index, out List<TaskCompletionSource>? waiting))
        {
            bool isWanted = false;
            _hub.Run(log.Key, (core, outputs) => isWanted = core.Want(index, Now, outputs), Now, _outbox);
            if (!isWanted)
            {
                throw new WeftException(WeftError.TooManyRequests, "Too many blocks of this log are waited for.");
            }

            log.BlockWaiters.Add(index, waiting = []);
        }

        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        waiting.Add(done);
        return done.Task;
    }

    /// <summary>Nobody waits for the block any more.</summary>
    public void Unwant(OpenLog log, long index)
    {
        if (log.BlockWaiters.TryGetValue(index, out List<TaskCompletionSource>? waiting))
        {
            waiting.RemoveAt(waiting.Count - 1);
            if (waiting.Count == 0)
            {
                log.BlockWaiters.Remove(index);
                _hub.Run(log.Key, (core, outputs) => core.Unwant(index, outputs), Now, _outbox);
            }
        }
    }

    /// <summary>Cuts a log back.</summary>
    public long Truncate(OpenLog log, long length)
    {
        if ((LogErrors.OfHistory(log) ?? LogErrors.Of(log.Core.Truncate(length), log)) is WeftException refused)
        {
            throw refused;
        }

        log.NoteCut(length);
        _touched.Add(log);
        return log.Core.LastCommit;
    }

    /// <summary>Forgets blocks of a log, one stretch at a time.</summary>
    /// <returns>Where it goes on; the end when all is done.</returns>
    public long Clear(OpenLog log, long start, long end)
    {
        const int StretchMax = 4_096;
        long from = log.Core.Bits.FirstSet(start, Math.Min(end, log.Core.Length));
        if (from < 0)
        {
            return end;
        }

        long to = Math.Min(Math.Min(log.Core.Bits.FirstUnset(from), end), from + StretchMax);
        if (LogErrors.Of(log.Core.Clear(from, to), log) is WeftException refused)
        {
            throw refused;
        }

        _touched.Add(log);
        _hub.Run(log.Key, (core, outputs) => core.OnCleared(from, to, outputs), Now, _outbox);
        return to;
    }

    /// <summary>Where older blocks go; null when the store has no such place.</summary>
    public ILogArchive? Archive => _store.Logs?.Archive;

    /// <summary>Reads blocks for the archive, as stored, up to one that is not here, or is there already.</summary>
    /// <param name="log">The log.</param>
    /// <param name="start">The first block.</param>
    /// <param name="end">The block after the last.</param>
    public (IReadOnlyList<ReadOnlyMemory<byte>> Blocks, long Fork) ReadStored(OpenLog log, long start, long end)
    {
        var blocks = new List<ReadOnlyMemory<byte>>();
        long bytes = 0;
        end = Math.Min(end, log.Core.Published.Length);
        for (long index = start; index < end && blocks.Count < _options.ReadBlocksMax && bytes < _options.ReadBytesMax
            && Archive!.FirstOutside(log.Key, index) == index
            && log.Core.TryGetStored(index, out ReadOnlyMemory<byte> block); index++)
        {
            blocks.Add(block);
            bytes += block.Length;
        }

        return (blocks, log.Core.Fork);
    }

    /// <summary>Lets the store drop blocks that are in its archive; not when the log was cut back meanwhile.</summary>
    public bool DropArchived(OpenLog log, long start, long end, long fork)
    {
        bool isSame = log.Core.Fork == fork && log.Core.Archived(start, end) == LogVerdict.Accepted;
        if (isSame)
        {
            _touched.Add(log);
        }

        return isSame;
    }

    /// <summary>Lets a restored log go on, because someone says that no peer knows more.</summary>
    public void EndRecovery(OpenLog log)
    {
        log.Core.EndRecovery();
        _touched.Add(log);
    }

    private OpenLog OpenStored(StoredLog stored) => Open(stored.Key, LogNote.Read(stored.Meta.Span)
        ?? throw new WeftException(WeftError.FormatNewer, "its note was written by a newer version"));

    private OpenLog Add(Hash32 key, LogNote note)
    {
        if (_logs.Count >= _options.LogsMax)
        {
            throw new WeftException(
                WeftError.TooManyRequests, $"There are {_logs.Count} logs already, as many as are allowed.");
        }

        long number = Shelf.WriteMeta(key, note.Write());
        OpenLog log = Open(key, note);
        _written = Math.Max(_written, number);
        _touched.Add(log);
        return log;
    }

    private OpenLog Open(Hash32 key, LogNote note)
    {
        LogKeyPair? keys = note.Seed.Length == 0 ? null : new LogKeyPair(_crypto, note.Seed);
        LogCore core;
        try
        {
            ILogStore place = Shelf.Open(key, _crypto);
            core = keys is null
                ? LogCore.OpenKey(_crypto, place, key)
                : LogCore.OpenOwn(_crypto, place, keys);
        }
        catch
        {
            keys?.Dispose();
            throw;
        }

        if (note.Secret.Length > 0)
        {
            core.UseEncryption(note.Secret);
        }

        var log = new OpenLog(core, new ReplicationCore(core, _options.Replication), note, keys);
        _logs.Add(key, log);
        if (note.Name is not null)
        {
            _names[note.Name] = log;
        }

        _hub.Add(log.Replication, Now, _outbox);
        if (note.IsFollowed)
        {
            Download(log, 0, null);
        }

        return log;
    }

    private void Renote(OpenLog log, LogNote note)
    {
        _written = Math.Max(_written, Shelf.WriteMeta(log.Key, note.Write()));
        log.Note = note;
        _touched.Add(log);
    }

    private void ThrowIfNameUnusable(string name)
    {
        if (name.Length is 0 or > 64 || name.Any(char.IsControl) || Hash32.TryParse(name, out _))
        {
            throw new WeftException(WeftError.Usage,
                "A log's name is 1 to 64 characters without control characters, and not itself a key.");
        }

        if (_names.ContainsKey(name))
        {
            throw new WeftException(WeftError.LogNameTaken, $"There is a log '{name}' already; nothing was changed.");
        }
    }
}
