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
internal static unsafe partial class PageChecksums
{
    /// <summary>The name under which connections ask for it.</summary>
    public const string Name = "weft";

    /// <summary>What a read gives when the sum does not fit: SQLITE_IOERR_DATA.</summary>
    public const int DataError = 10 | (32 << 8);

    private const int ReservedBytes = 8;
    private const int OpenMainDatabase = 0x100;
    private const int ReserveBytesControl = 38;
    private const uint Mark = 0x314B4357; // "WCK1"

    private static readonly Lock Gate = new();
    private static readonly Dictionary<nint, nint> Copies = [];
    private static Vfs* _original;
    private static bool _registered;

    /// <summary>Makes the name known to SQLite, once.</summary>
    public static void Register()
    {
        lock (Gate)
        {
            if (_registered)
            {
                return;
            }

            _original = (Vfs*)VfsFind(null);
            var copy = (Vfs*)NativeMemory.Alloc((nuint)sizeof(Vfs));
            *copy = *_original;
            copy->Next = 0;
            copy->Name = Marshal.StringToCoTaskMemUTF8(Name);
            copy->Open = (nint)(delegate* unmanaged[Cdecl]<Vfs*, byte*, nint*, int, int*, int>)&Open;
            if (VfsRegister((nint)copy, 0) != raw.SQLITE_OK)
            {
                throw new InvalidOperationException("SQLite refused the file system with checksums.");
            }

            _registered = true;
        }
    }

    /// <summary>Keeps room for the sums in a database that is about to be made.</summary>
    public static void Reserve(sqlite3 database)
    {
        int bytes = ReservedBytes;
        int result = FileControl(database.DangerousGetHandle(), "main", ReserveBytesControl, &bytes);
        if (result != raw.SQLITE_OK)
        {
            throw new InvalidOperationException($"SQLite could not reserve room for checksums ({result}).");
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Open(Vfs* vfs, byte* name, nint* file, int flags, int* outFlags)
    {
        var open = (delegate* unmanaged[Cdecl]<Vfs*, byte*, nint*, int, int*, int>)_original->Open;
        int result = open(_original, name, file, flags, outFlags);
        if (result == raw.SQLITE_OK && (flags & OpenMainDatabase) != 0 && *file != 0)
        {
            *file = CopyOf(*file);
        }

        return result;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Read(nint* file, byte* target, int count, long offset)
    {
        var read = (delegate* unmanaged[Cdecl]<nint*, byte*, int, long, int>)((Methods*)*file)->OriginalRead;
        int result = read(file, target, count, offset);
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

        var write = (delegate* unmanaged[Cdecl]<nint*, byte*, int, long, int>)((Methods*)*file)->OriginalWrite;
        return write(file, source, count, offset);
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

            var copy = (Methods*)NativeMemory.AllocZeroed((nuint)sizeof(Methods));
            int version = *(int*)methods;
            int pointers = version >= 3 ? 18 : version == 2 ? 16 : 12;
            NativeMemory.Copy((void*)methods, copy, (nuint)(sizeof(nint) * (1 + pointers)));
            copy->OriginalRead = copy->Read;
            copy->OriginalWrite = copy->Write;
            copy->Read = (nint)(delegate* unmanaged[Cdecl]<nint*, byte*, int, long, int>)&Read;
            copy->Write = (nint)(delegate* unmanaged[Cdecl]<nint*, byte*, int, long, int>)&Write;
            Copies.Add(methods, (nint)copy);
            return (nint)copy;
        }
    }

    [LibraryImport("e_sqlite3", EntryPoint = "sqlite3_vfs_find", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint VfsFind(string? name);

    [LibraryImport("e_sqlite3", EntryPoint = "sqlite3_vfs_register")]
    private static partial int VfsRegister(nint vfs, int makeDefault);

    [LibraryImport("e_sqlite3", EntryPoint = "sqlite3_file_control", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int FileControl(nint database, string name, int operation, int* argument);

    /// <summary>sqlite3_vfs, version 3.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Vfs
    {
        public int Version;
        public int FileBytes;
        public int PathMax;
        public nint Next;
        public nint Name;
        public nint AppData;
        public nint Open;
        public nint Delete;
        public nint Access;
        public nint FullPathname;
        public nint DlOpen;
        public nint DlError;
        public nint DlSym;
        public nint DlClose;
        public nint Randomness;
        public nint Sleep;
        public nint CurrentTime;
        public nint GetLastError;
        public nint CurrentTimeInt64;
        public nint SetSystemCall;
        public nint GetSystemCall;
        public nint NextSystemCall;
    }

    /// <summary>sqlite3_io_methods, version 3, with the replaced methods behind it.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Methods
    {
        public int Version;
        public nint Close;
        public nint Read;
        public nint Write;
        public nint Truncate;
        public nint Sync;
        public nint FileSize;
        public nint Lock;
        public nint Unlock;
        public nint CheckReservedLock;
        public nint FileControl;
        public nint SectorSize;
        public nint DeviceCharacteristics;
        public nint ShmMap;
        public nint ShmLock;
        public nint ShmBarrier;
        public nint ShmUnmap;
        public nint Fetch;
        public nint Unfetch;
        public nint OriginalRead;
        public nint OriginalWrite;
    }
}
