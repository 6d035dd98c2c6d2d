using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SQLitePCL;
using Weft.Node.Commits;

namespace Weft.Storage.Tier;

/// <summary>
/// Gives every page of the disk tier a checksum: written with it, checked when it is read from the file, so that a flipped
/// bit in SQLite's own structure cannot hide a row. A file system under SQLite's own one, as SQLite's "cksumvfs" is.
/// </summary>
/// <remarks>
/// Each page keeps 8 bytes at its end free for it (SQLite's "reserved bytes"), so the file stays an ordinary SQLite file. A
/// tool that writes into it breaks the sums. SQLite's methods for a file are copied, and only read and write are replaced:
/// everything else, locking above all, is SQLite's own.
/// Source: sqlite.org/c3ref/vfs.html, /c3ref/io_methods.html, /cksumvfs.html.
/// </remarks>
internal static unsafe class PageChecksums
{
    /// <summary>The name under which connections ask for it.</summary>
    public const string Name = "weft";

    /// <summary>What a read gives when the sum does not fit: SQLITE_IOERR_DATA.</summary>
    public const int DataError = 10 | (32 << 8);

    /// <summary>Bytes at the end of each page that the sum takes.</summary>
    public const int ReservedBytes = 8;

    private const uint Mark = 0x314B4357; // "WCK1"

    private static readonly Lock Gate = new();
    private static readonly Dictionary<nint, nint> Copies = [];
    private static SqliteNative.Vfs* _original;

    /// <summary>Makes the name known to SQLite, once.</summary>
    public static void Register()
    {
        lock (Gate)
        {
            if (_original is null)
            {
                _original = SqliteNative.Register(
                    Name, (nint)(delegate* unmanaged[Cdecl]<SqliteNative.Vfs*, byte*, nint*, int, int*, int>)&Open, 0);
            }
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Open(SqliteNative.Vfs* vfs, byte* name, nint* file, int flags, int* outFlags)
    {
        var open = (delegate* unmanaged[Cdecl]<SqliteNative.Vfs*, byte*, nint*, int, int*, int>)_original->Open;
        int result = open(_original, name, file, flags, outFlags);
        if (result == raw.SQLITE_OK && (flags & SqliteNative.OpenMainDatabase) != 0 && *file != 0)
        {
            *file = CopyOf(*file);
        }

        return result;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Read(nint* file, byte* target, int count, long offset)
    {
        int result = ((SqliteNative.Methods*)*file)->Original->Read(file, target, count, offset);
        return result == raw.SQLITE_OK && count == Db.PageBytes && !IsGood(new ReadOnlySpan<byte>(target, count), offset)
            ? DataError
            : result;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Write(nint* file, byte* source, int count, long offset)
    {
        if (count == Db.PageBytes)
        {
            // In place, as SQLite's own checksums do it: the end of the page is nobody else's.
            var page = new Span<byte>(source, count);
            BinaryPrimitives.WriteUInt32LittleEndian(page[^8..], Sum(page, offset));
            BinaryPrimitives.WriteUInt32LittleEndian(page[^4..], Mark);
        }

        return ((SqliteNative.Methods*)*file)->Original->Write(file, source, count, offset);
    }

    private static bool IsGood(ReadOnlySpan<byte> page, long offset) =>
        (BinaryPrimitives.ReadUInt32LittleEndian(page[^4..]) == Mark
            && BinaryPrimitives.ReadUInt32LittleEndian(page[^8..]) == Sum(page, offset))
        || page.IndexOfAnyExcept((byte)0) < 0; // A free page that was never written.

    private static uint Sum(ReadOnlySpan<byte> page, long offset) =>
        Crc32C.Compute(page[..^ReservedBytes], Crc32C.Compute((ulong)offset, 0));

    private static nint CopyOf(nint methods)
    {
        lock (Gate)
        {
            if (Copies.TryGetValue(methods, out nint known))
            {
                return known;
            }

            SqliteNative.Methods* copy = SqliteNative.Copy(methods);
            copy->Read = &Read;
            copy->Write = &Write;
            Copies.Add(methods, (nint)copy);
            return (nint)copy;
        }
    }
}
