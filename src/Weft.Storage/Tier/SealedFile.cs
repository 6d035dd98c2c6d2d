using System.Buffers.Binary;
using System.Runtime.InteropServices;
using SQLitePCL;
using Weft.Storage.Sealing;

namespace Weft.Storage.Tier;

/// <summary>
/// One open file of a sealed disk tier: the database, whose pages are sealed one by one, or SQLite's write-ahead log,
/// whose frames are a sealed head and a sealed page each. SQLite sees neither; it reads and writes plain bytes.
/// </summary>
/// <remarks>
/// A sealed page is <c>ciphertext | tag 16 | epoch 16 | counter 8</c> in the room of a page: SQLite leaves the last 40
/// bytes free. It is bound to its page number, and is the same bytes in the log and in the database, so a checkpoint
/// copies it as it is. In the log the head of a frame grows from 24 to 64 bytes; offsets are translated. One thread at
/// a time, as its connection.
/// </remarks>
internal sealed unsafe class SealedFile : IDisposable
{
    /// <summary>Bytes at the end of each page that the seal takes.</summary>
    public const int ReservedBytes = Sealer.Overhead;

    private const int PlainBytes = Db.PageBytes - ReservedBytes;
    private const int LogHeaderBytes = 32;
    private const int HeadBytes = 24;
    private const int SealedHeadBytes = HeadBytes + Sealer.Overhead;
    private const int FrameBytes = HeadBytes + Db.PageBytes;
    private const int SealedFrameBytes = SealedHeadBytes + Db.PageBytes;

    private const int ReadError = 10 | (1 << 8);   // SQLITE_IOERR_READ
    private const int ShortRead = 10 | (2 << 8);   // SQLITE_IOERR_SHORT_READ
    private const int WriteError = 10 | (3 << 8);  // SQLITE_IOERR_WRITE

    private readonly Sealer _sealer;
    private readonly SealedFile _database;
    private readonly bool _isLog;
    private readonly byte* _raw;
    private readonly byte* _plain;
    private long _headFrame = -1;
    private uint _headPage;
    private long _waitingFrame = -1; // Its sealed head is in _raw, and goes to the disk together with its page.

    private SealedFile(Sealer sealer, SealedFile? database)
    {
        _sealer = sealer;
        _isLog = database is not null;
        _database = database ?? this;
        _raw = (byte*)NativeMemory.Alloc(SealedFrameBytes);
        _plain = (byte*)NativeMemory.Alloc(FrameBytes);
    }

    /// <summary>While a checkpoint runs, pages pass as they are.</summary>
    public bool InCheckpoint { get; set; }

    public static SealedFile Database(Sealer sealer) => new(sealer, null);

    public SealedFile Log() => new(_sealer, this);

    /// <summary>Opens the first page of a database in place.</summary>
    public static bool TryOpenFirst(Sealer sealer, Span<byte> page)
    {
        byte[] plain = new byte[Db.PageBytes];
        bool opened = OpenPage(sealer, 1, page, plain);
        plain.CopyTo(page);
        return opened;
    }

    public int Read(SqliteNative.Methods* methods, nint* file, Span<byte> target, long offset) =>
        _isLog ? ReadLog(methods, file, target, offset) : ReadDatabase(methods, file, target, offset);

    public int Write(SqliteNative.Methods* methods, nint* file, ReadOnlySpan<byte> source, long offset) =>
        _isLog ? WriteLog(methods, file, source, offset) : WriteDatabase(methods, file, source, offset);

    /// <summary>
    /// Writes the head that waits for its page, if there is one. Called before anything but its page comes.
    /// </summary>
    public int Settle(SqliteNative.Methods* methods, nint* file)
    {
        if (_waitingFrame < 0)
        {
            return raw.SQLITE_OK;
        }

        long place = LogHeaderBytes + (_waitingFrame * SealedFrameBytes);
        _waitingFrame = -1;
        return methods->Write(file, _raw, SealedHeadBytes, place);
    }

    /// <summary>The length SQLite sees, from the length there is.</summary>
    public long Shown(long bytes)
    {
        if (!_isLog || bytes <= LogHeaderBytes)
        {
            return bytes;
        }

        (long frame, long rest) = Math.DivRem(bytes - LogHeaderBytes, SealedFrameBytes);
        long shown = rest < SealedHeadBytes ? 0 : rest - Sealer.Overhead;
        return LogHeaderBytes + (frame * FrameBytes) + shown;
    }

    /// <summary>The length there is, from the length SQLite sees.</summary>
    public long Stored(long bytes)
    {
        if (!_isLog || bytes <= LogHeaderBytes)
        {
            return bytes;
        }

        (long frame, long rest) = Math.DivRem(bytes - LogHeaderBytes, FrameBytes);
        long stored = rest == 0 ? 0 : Math.Max(rest, HeadBytes) + Sealer.Overhead;
        return LogHeaderBytes + (frame * SealedFrameBytes) + stored;
    }

    public void Dispose()
    {
        NativeMemory.Clear(_plain, FrameBytes);
        NativeMemory.Free(_plain);
        NativeMemory.Free(_raw);
    }

    private int ReadDatabase(SqliteNative.Methods* methods, nint* file, Span<byte> target, long offset)
    {
        (long page, long at) = Math.DivRem(offset, Db.PageBytes);
        if (at + target.Length > Db.PageBytes)
        {
            return ReadError;
        }

        int result = methods->Read(file, _raw, Db.PageBytes, page * Db.PageBytes);
        if (result != raw.SQLITE_OK)
        {
            target.Clear(); // As SQLite wants it behind the end of a file.
            return result;
        }

        var sealedPage = new ReadOnlySpan<byte>(_raw, Db.PageBytes);
        if (target.Length == Db.PageBytes)
        {
            return OpenPage(_sealer, (uint)(page + 1), sealedPage, target) ? raw.SQLITE_OK : PageChecksums.DataError;
        }

        var plain = new Span<byte>(_plain, Db.PageBytes);
        bool opened = OpenPage(_sealer, (uint)(page + 1), sealedPage, plain);
        plain.Slice((int)at, target.Length).CopyTo(target);
        return opened ? raw.SQLITE_OK : PageChecksums.DataError;
    }

    private int WriteDatabase(SqliteNative.Methods* methods, nint* file, ReadOnlySpan<byte> source, long offset)
    {
        (long page, long at) = Math.DivRem(offset, Db.PageBytes);
        if (at != 0 || source.Length != Db.PageBytes)
        {
            return WriteError;
        }

        if (!InCheckpoint)
        {
            return WritePage(methods, file, (uint)(page + 1), source, offset);
        }

        fixed (byte* bytes = source)
        {
            return methods->Write(file, bytes, source.Length, offset);
        }
    }

    private int ReadLog(SqliteNative.Methods* methods, nint* file, Span<byte> target, long offset)
    {
        int settled = Settle(methods, file);
        if (settled != raw.SQLITE_OK)
        {
            return settled;
        }

        if (offset + target.Length <= LogHeaderBytes)
        {
            fixed (byte* bytes = target)
            {
                return methods->Read(file, bytes, target.Length, offset);
            }
        }

        (long frame, long at) = Math.DivRem(offset - LogHeaderBytes, FrameBytes);
        if (offset < LogHeaderBytes || at + target.Length > FrameBytes)
        {
            return ReadError;
        }

        bool isPage = at == HeadBytes && target.Length == Db.PageBytes;
        long place = LogHeaderBytes + (frame * SealedFrameBytes);
        if (isPage && _database.InCheckpoint)
        {
            fixed (byte* bytes = target)
            {
                return methods->Read(file, bytes, target.Length, place + SealedHeadBytes);
            }
        }

        bool headOnly = at + target.Length <= HeadBytes;
        int result = methods->Read(file, _raw, headOnly ? SealedHeadBytes : SealedFrameBytes, place);
        if (result != raw.SQLITE_OK)
        {
            target.Clear();
            return result;
        }

        var plain = new Span<byte>(_plain, FrameBytes);
        var page = new ReadOnlySpan<byte>(_raw + SealedHeadBytes, Db.PageBytes);
        bool opened = OpenHead(frame, plain)
            && (headOnly || OpenPage(_sealer, PageOf(plain), page, plain[HeadBytes..]));
        if (opened)
        {
            plain.Slice((int)at, target.Length).CopyTo(target);
            return raw.SQLITE_OK;
        }

        // SQLite reads whole frames only when it looks for the end of the log after a crash: a frame of zeros is it.
        target.Clear();
        return target.Length == FrameBytes ? raw.SQLITE_OK : PageChecksums.DataError;
    }

    private int WriteLog(SqliteNative.Methods* methods, nint* file, ReadOnlySpan<byte> source, long offset)
    {
        (long frame, long at) = Math.DivRem(offset - LogHeaderBytes, FrameBytes);
        long place = LogHeaderBytes + (frame * SealedFrameBytes);
        bool isPage = offset >= LogHeaderBytes && at == HeadBytes && source.Length == Db.PageBytes;
        if (isPage && _waitingFrame == frame)
        {
            _waitingFrame = -1;
            return SealPage(_headPage, source, _raw + SealedHeadBytes)
                ? methods->Write(file, _raw, SealedFrameBytes, place)
                : WriteError;
        }

        int result = Settle(methods, file);
        if (result != raw.SQLITE_OK)
        {
            return result;
        }

        if (offset >= LogHeaderBytes && at == 0 && source.Length == HeadBytes)
        {
            Span<byte> bound = stackalloc byte[sizeof(long)];
            BinaryPrimitives.WriteInt64LittleEndian(bound, frame);
            _sealer.Seal(SealKind.PageLogHeader, source, bound, new Span<byte>(_raw, SealedHeadBytes));
            (_headFrame, _headPage, _waitingFrame) = (frame, PageOf(source), frame);
            return raw.SQLITE_OK;
        }

        if (offset + source.Length <= LogHeaderBytes)
        {
            fixed (byte* bytes = source)
            {
                return methods->Write(file, bytes, source.Length, offset);
            }
        }

        return isPage && TryFindHead(methods, file, frame, place)
            ? WritePage(methods, file, _headPage, source, place + SealedHeadBytes)
            : WriteError;
    }

    /// <summary>A page that changed again within its transaction is written over its frame, without the head.</summary>
    private bool TryFindHead(SqliteNative.Methods* methods, nint* file, long frame, long place)
    {
        if (_headFrame == frame)
        {
            return true;
        }

        var head = new Span<byte>(_plain, FrameBytes);
        if (methods->Read(file, _raw, SealedHeadBytes, place) != raw.SQLITE_OK || !OpenHead(frame, head))
        {
            return false;
        }

        (_headFrame, _headPage) = (frame, PageOf(head));
        return true;
    }

    private int WritePage(
        SqliteNative.Methods* methods, nint* file, uint page, ReadOnlySpan<byte> source, long place) =>
        SealPage(page, source, _raw) ? methods->Write(file, _raw, Db.PageBytes, place) : WriteError;

    /// <summary>Seals a page, unless the room of the seal is in use: what is there would be lost.</summary>
    private bool SealPage(uint page, ReadOnlySpan<byte> source, byte* target)
    {
        if (source[PlainBytes..].IndexOfAnyExcept((byte)0) >= 0)
        {
            return false;
        }

        Span<byte> bound = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(bound, page);
        _sealer.Seal(SealKind.Page, source[..PlainBytes], bound, new Span<byte>(target, Db.PageBytes));
        return true;
    }

    private bool OpenHead(long frame, Span<byte> plain)
    {
        Span<byte> bound = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(bound, frame);
        return _sealer.TryOpen(
            SealKind.PageLogHeader, new ReadOnlySpan<byte>(_raw, SealedHeadBytes), bound, plain[..HeadBytes]);
    }

    private static bool OpenPage(Sealer sealer, uint page, ReadOnlySpan<byte> sealedPage, Span<byte> plain)
    {
        plain[PlainBytes..].Clear();
        Span<byte> bound = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(bound, page);
        if (sealer.TryOpen(SealKind.Page, sealedPage, bound, plain[..PlainBytes]))
        {
            return true;
        }

        plain.Clear();
        return sealedPage.IndexOfAnyExcept((byte)0) < 0; // A free page that was never written.
    }

    private static uint PageOf(ReadOnlySpan<byte> head) => BinaryPrimitives.ReadUInt32BigEndian(head);
}
