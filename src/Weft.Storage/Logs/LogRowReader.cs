using Weft.Log;
using Weft.Storage.Sealing;
using Weft.Storage.Tier;

namespace Weft.Storage.Logs;

/// <summary>Reads rows of logs from the disk tier, with the last ones kept. Any thread.</summary>
internal sealed class LogRowReader : IDisposable
{
    private const int CacheBytesMax = 2 << 20; // In each of two halves.

    private readonly Lock _gate = new();
    private readonly Db _db;
    private readonly Statement _row;
    private readonly Statement _log;
    private readonly Dictionary<Hash32, long> _ids = [];
    private Dictionary<(long Log, int Kind, long Number), byte[]> _young = [];
    private Dictionary<(long Log, int Kind, long Number), byte[]> _old = [];
    private long _youngBytes;

    public LogRowReader(string path, long cacheBytes, Sealer? sealer)
    {
        _db = Db.Open(path, write: false, cacheBytes, sealer);
        _row = _db.Prepare("SELECT data FROM logrows WHERE log=?1 AND kind=?2 AND number=?3");
        _log = _db.Prepare("SELECT id, restored, state, meta FROM logs WHERE key=?1");
    }

    /// <summary>Reads a row; empty when it is not there.</summary>
    public ReadOnlyMemory<byte> Row(in Hash32 key, int kind, long number)
    {
        lock (_gate)
        {
            long log = IdOf(key);
            if (log == 0)
            {
                return default;
            }

            var place = (log, kind, number);
            if (_young.TryGetValue(place, out byte[]? row))
            {
                return row;
            }

            if (!_old.TryGetValue(place, out row))
            {
                row = _row.Bind(1, log).Bind(2, kind).Bind(3, number).Step() ? _row.Blob(0).ToArray() : [];
                _row.Reset();
            }

            Keep(place, row);
            return row;
        }
    }

    /// <summary>What is kept about a log; null when nothing is.</summary>
    public LogRecord? Log(in Hash32 key)
    {
        lock (_gate)
        {
            LogRecord? found = _log.Bind(1, key.Span).Step()
                ? LogRecord.Read(_log.Number(0), _log.Number(1) != 0, _log.Blob(2), _log.Blob(3).ToArray())
                : null;
            _log.Reset();
            return found;
        }
    }

    /// <summary>The keys of all logs.</summary>
    public List<Hash32> Keys()
    {
        lock (_gate)
        {
            using Statement all = _db.Prepare("SELECT key FROM logs ORDER BY key");
            var keys = new List<Hash32>();
            while (all.Step())
            {
                keys.Add(new Hash32(all.Blob(0)));
            }

            return keys;
        }
    }

    /// <summary>Brings in the bits of a log.</summary>
    public void Bits(in Hash32 key, LogBitfield bits)
    {
        lock (_gate)
        {
            using Statement pages = _db.Prepare("SELECT data FROM logrows WHERE log=?1 AND kind=?2 ORDER BY number");
            pages.Bind(1, IdOf(key)).Bind(2, LogRowKind.Bits);
            while (pages.Step())
            {
                BitPages.AddTo(bits, pages.Blob(0));
            }
        }
    }

    /// <summary>Forgets what was kept: the disk tier has changed.</summary>
    public void Forget()
    {
        lock (_gate)
        {
            _ids.Clear();
            _young.Clear();
            _old.Clear();
            _youngBytes = 0;
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _db.Dispose();
        }
    }

    private long IdOf(in Hash32 key)
    {
        if (_ids.TryGetValue(key, out long id))
        {
            return id;
        }

        id = _log.Bind(1, key.Span).Step() ? _log.Number(0) : 0;
        _log.Reset();
        _ids[key] = id; // Also that it is not there: until the next flush it cannot come.
        return id;
    }

    private void Keep((long Log, int Kind, long Number) place, byte[] row)
    {
        if (_youngBytes > CacheBytesMax)
        {
            _old = _young;
            _young = [];
            _youngBytes = 0;
        }

        _young[place] = row;
        _youngBytes += row.Length + 64;
    }
}
