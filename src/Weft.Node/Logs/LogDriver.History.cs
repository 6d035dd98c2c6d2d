using System.Text;
using Weft.Crypto;
using Weft.Log;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Node.Logs;

/// <content>
/// Logs that hold the history of prefixes. They are appended to by the lanes of the graph, in the commits of the graph, so
/// what touches a log is guarded: the loop holds the guard while it works, a lane while it appends.
/// </content>
internal sealed partial class LogDriver
{
    private const string HistoryName = "history:";

    private readonly Lock _guard = new();

    /// <summary>
    /// Appends blocks to the logs of some prefixes within one batch of the graph, all or nothing.
    /// </summary>
    /// <param name="blocks">For each prefix its blocks, in order.</param>
    /// <param name="first">The first block of a new log, from the log before it: null for the first of a prefix.</param>
    /// <param name="make">Makes the batch, given where each prefix's first block stands.</param>
    /// <returns>The number of the commit.</returns>
    /// <exception cref="WeftException">TooManyRequests, DiskFull, DiskFailed, StoreStopped. Nothing was stored.</exception>
    public long AppendHistory(
        IReadOnlyDictionary<string, List<ReadOnlyMemory<byte>>> blocks,
        Func<string, OpenLog?, ReadOnlyMemory<byte>> first,
        Func<IReadOnlyDictionary<string, (Hash32 Log, long Start)>, CommitBatch> make)
    {
        lock (_guard)
        {
            var appends = new List<(OpenLog Log, PreparedAppend Append)>(blocks.Count);
            var places = new Dictionary<string, (Hash32 Log, long Start)>(StringComparer.Ordinal);
            foreach ((string scope, List<ReadOnlyMemory<byte>> own) in blocks)
            {
                OpenLog log = HistoryLog(scope, out OpenLog? before);
                bool isNew = log.Core.Length == 0;
                ReadOnlyMemory<byte>[] all = isNew ? [first(scope, before), .. own] : [.. own];
                if (LogErrors.Of(log.Core.Prepare(all, out PreparedAppend? append), log) is { } refused)
                {
                    throw refused;
                }

                appends.Add((log, append!));
                places.Add(scope, (log.Key, append!.Start + (isNew ? 1 : 0)));
            }

            CommitBatch batch = make(places) with { Logs = [.. appends.Select(one => one.Append.Delta)] };
            ValueTask<CommitReceipt> stored = _store.AppendAsync(batch, Durability.Memory);
            if (!stored.IsCompleted)
            {
                throw new InvalidOperationException("A commit on the level of memory was not answered at once.");
            }

            long number = stored.Result.Sequence;
            foreach ((OpenLog log, PreparedAppend append) in appends)
            {
                log.Core.Complete(append, number);
                Post(() => _touched.Add(log));
            }

            return number;
        }
    }

    /// <summary>Does something with the logs from beside the loop.</summary>
    public T Guarded<T>(Func<T> work)
    {
        lock (_guard)
        {
            return work();
        }
    }

    /// <summary>The logs that hold a prefix's history, oldest first; the last one is written.</summary>
    public IReadOnlyList<OpenLog> HistoryLogs(string scope)
    {
        var found = new List<OpenLog>();
        for (int number = 1; _names.TryGetValue(HistoryNameOf(scope, number), out OpenLog? log); number++)
        {
            if (log.Note.IsHistory)
            {
                found.Add(log);
            }
        }

        return found;
    }

    /// <summary>
    /// The log to write. One that was restored from a backup, or has stopped, is followed by a new one: it may have been
    /// signed further than is known here.
    /// </summary>
    private OpenLog HistoryLog(string scope, out OpenLog? before)
    {
        before = null;
        int number = 1;
        for (; _names.TryGetValue(HistoryNameOf(scope, number), out OpenLog? log); number++)
        {
            if (log.Note.IsHistory && !_names.ContainsKey(HistoryNameOf(scope, number + 1))
                && log.Core is { IsWritable: true, IsRecovering: false, Evidence: null })
            {
                return log;
            }

            before = log.Note.IsHistory ? log : before;
        }

        byte[] seed = new byte[Hash32.Length];
        KeyGenerator.Fill(seed);
        var note = new LogNote { Name = HistoryNameOf(scope, number), Seed = seed, IsHistory = true };
        using var keys = new LogKeyPair(_crypto, seed);
        using LogCore named = LogCore.OpenOwn(_crypto, new MemoryLogStore(), keys);
        return Add(named.Key, note);
    }

    private string HistoryNameOf(string scope, int number)
    {
        const int NameMax = 48;
        bool isShort = scope.Length <= NameMax && !scope.Any(char.IsControl);
        string name = isShort ? scope : $"{Hashed(scope)}";
        return number == 1 ? HistoryName + name : $"{HistoryName}{name}#{number}";
    }

    private string Hashed(string scope)
    {
        Span<byte> hash = stackalloc byte[32];
        _crypto.Sha256(Encoding.UTF8.GetBytes(scope), hash);
        return Convert.ToHexStringLower(hash[..16]);
    }
}
