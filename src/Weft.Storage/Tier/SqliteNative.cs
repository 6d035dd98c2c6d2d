using System.Runtime.InteropServices;

namespace Weft.Storage.Tier;

/// <summary>SQLite's own structures for a file system, so that one can be put under another.</summary>
/// <remarks>Source: sqlite.org/c3ref/vfs.html and /c3ref/io_methods.html.</remarks>
internal static unsafe partial class SqliteNative
{
    public const int OpenMainDatabase = 0x100;
    public const int OpenLog = 0x80000;

    private const int ReserveBytesControl = 38;

    /// <summary>Keeps bytes free at the end of each page of a database that is about to be made.</summary>
    public static void Reserve(SQLitePCL.sqlite3 database, int bytes)
    {
        int result = FileControl(database.DangerousGetHandle(), "main", ReserveBytesControl, &bytes);
        if (result != SQLitePCL.raw.SQLITE_OK)
        {
            throw new InvalidOperationException($"SQLite could not reserve room in its pages ({result}).");
        }
    }

    /// <summary>A copy of the system's file system under a name, with room behind each of its files.</summary>
    /// <param name="name">The name connections ask for.</param>
    /// <param name="open">Replaces its method "open".</param>
    /// <param name="extraBytes">Bytes behind each file that belong to the caller.</param>
    /// <returns>The system's own.</returns>
    public static Vfs* Register(string name, nint open, int extraBytes)
    {
        var original = (Vfs*)VfsFind(null);
        var copy = (Vfs*)NativeMemory.Alloc((nuint)sizeof(Vfs));
        *copy = *original;
        copy->Next = 0;
        copy->FileBytes += extraBytes;
        copy->Name = Marshal.StringToCoTaskMemUTF8(name);
        copy->Open = open;
        if (VfsRegister((nint)copy, 0) != SQLitePCL.raw.SQLITE_OK)
        {
            throw new InvalidOperationException($"SQLite refused the file system '{name}'.");
        }

        return original;
    }

    /// <summary>A copy of a file's methods, to replace some in; it knows the original and is never freed.</summary>
    public static Methods* Copy(nint methods)
    {
        var copy = (Methods*)NativeMemory.AllocZeroed((nuint)sizeof(Methods));
        int version = *(int*)methods;
        int pointers = version >= 3 ? 18 : version == 2 ? 16 : 12;
        NativeMemory.Copy((void*)methods, copy, (nuint)(sizeof(nint) * (1 + pointers)));
        copy->Original = (Methods*)methods;
        return copy;
    }

    /// <summary>The file of the main database that a log belongs to.</summary>
    [LibraryImport("e_sqlite3", EntryPoint = "sqlite3_database_file_object")]
    public static partial nint* DatabaseFile(byte* logName);

    [LibraryImport("e_sqlite3", EntryPoint = "sqlite3_vfs_find", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint VfsFind(string? name);

    [LibraryImport("e_sqlite3", EntryPoint = "sqlite3_vfs_register")]
    private static partial int VfsRegister(nint vfs, int makeDefault);

    [LibraryImport("e_sqlite3", EntryPoint = "sqlite3_file_control", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int FileControl(nint database, string name, int operation, int* argument);

    /// <summary>sqlite3_vfs, version 3.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Vfs
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

    /// <summary>sqlite3_io_methods, version 3, with the table it was copied from behind it.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Methods
    {
        public int Version;
        public delegate* unmanaged[Cdecl]<nint*, int> Close;
        public delegate* unmanaged[Cdecl]<nint*, byte*, int, long, int> Read;
        public delegate* unmanaged[Cdecl]<nint*, byte*, int, long, int> Write;
        public delegate* unmanaged[Cdecl]<nint*, long, int> Truncate;
        public delegate* unmanaged[Cdecl]<nint*, int, int> Sync;
        public delegate* unmanaged[Cdecl]<nint*, long*, int> FileSize;
        public nint Lock;
        public nint Unlock;
        public nint CheckReservedLock;
        public delegate* unmanaged[Cdecl]<nint*, int, void*, int> FileControl;
        public nint SectorSize;
        public nint DeviceCharacteristics;
        public nint ShmMap;
        public nint ShmLock;
        public nint ShmBarrier;
        public nint ShmUnmap;
        public nint Fetch;
        public nint Unfetch;
        public Methods* Original;
    }
}
