using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SQLitePCL;
using Weft.Storage.Sealing;

namespace Weft.Storage.Tier;

/// <summary>
/// The file system under SQLite for an encrypted store: what reaches the disk is sealed, page by page. It takes the
/// place of
/// <see cref="PageChecksums"/>: a tag tells more than a checksum.
/// </summary>
/// <remarks>
/// Only the database and its write-ahead log may be opened. Every other file SQLite may want (a rollback journal, files
/// for sorting or for statements) is refused, so that nothing plain can reach the disk by a way nobody thought of.
/// Locks and the shared index of the log are SQLite's own. See <see cref="SealedFile"/> for the bytes.
/// </remarks>
internal static unsafe class SealedPages
{
    /// <summary>The name under which connections ask for it.</summary>
    public const string Name = "weft-sealed";

    private const int CheckpointDone = 37;
    private const int CheckpointStart = 39;

    private static readonly Lock Gate = new();
    private static readonly Dictionary<nint, nint> Copies = [];
    private static SqliteNative.Vfs* _original;

    // SQLite opens the database within the call that makes the connection, on the same thread.
    [ThreadStatic]
    private static Sealer? _opening;

    /// <summary>Makes the name known to SQLite, once.</summary>
    public static void Register()
    {
        lock (Gate)
        {
            if (_original is null)
            {
                _original = SqliteNative.Register(
                    Name, (nint)(delegate* unmanaged[Cdecl]<SqliteNative.Vfs*, byte*, nint*, int, int*, int>)&Open,
                    sizeof(nint) * 2);
            }
        }
    }

    /// <summary>Opens a connection whose files a sealer seals.</summary>
    public static int Connect(string path, out sqlite3 handle, int flags, Sealer sealer)
    {
        _opening = sealer;
        try
        {
            return raw.sqlite3_open_v2(path, out handle, flags, Name);
        }
        finally
        {
            _opening = null;
        }
    }

    private static ref nint StateOf(nint* file) =>
        ref *(nint*)((byte*)file + ((_original->FileBytes + sizeof(nint) - 1) & ~(sizeof(nint) - 1)));

    private static SealedFile FileOf(nint* file) => (SealedFile)GCHandle.FromIntPtr(StateOf(file)).Target!;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Open(SqliteNative.Vfs* vfs, byte* name, nint* file, int flags, int* outFlags)
    {
        *file = 0; // Without methods SQLite does not close it.
        bool isDatabase = (flags & SqliteNative.OpenMainDatabase) != 0;
        bool isLog = (flags & SqliteNative.OpenLog) != 0;
        if ((isDatabase && _opening is null) || !(isDatabase || isLog))
        {
            return raw.SQLITE_CANTOPEN;
        }

        var open = (delegate* unmanaged[Cdecl]<SqliteNative.Vfs*, byte*, nint*, int, int*, int>)_original->Open;
        int result = open(_original, name, file, flags, outFlags);
        if (result != raw.SQLITE_OK || *file == 0)
        {
            return result;
        }

        SealedFile state = isDatabase
            ? SealedFile.Database(_opening!)
            : FileOf(SqliteNative.DatabaseFile(name)).Log();
        StateOf(file) = GCHandle.ToIntPtr(GCHandle.Alloc(state));
        *file = CopyOf(*file);
        return result;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Close(nint* file)
    {
        GCHandle handle = GCHandle.FromIntPtr(StateOf(file));
        var state = (SealedFile)handle.Target!;
        state.Settle(Original(file), file);
        state.Dispose();
        handle.Free();
        return Original(file)->Close(file);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Read(nint* file, byte* target, int count, long offset)
    {
        try
        {
            return FileOf(file).Read(Original(file), file, new Span<byte>(target, count), offset);
        }
        catch (Exception)
        {
            return raw.SQLITE_IOERR; // No exception may pass through SQLite.
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Write(nint* file, byte* source, int count, long offset)
    {
        try
        {
            return FileOf(file).Write(Original(file), file, new ReadOnlySpan<byte>(source, count), offset);
        }
        catch (Exception)
        {
            return raw.SQLITE_IOERR;
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Truncate(nint* file, long bytes)
    {
        int result = FileOf(file).Settle(Original(file), file);
        return result == raw.SQLITE_OK ? Original(file)->Truncate(file, FileOf(file).Stored(bytes)) : result;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Sync(nint* file, int flags)
    {
        int result = FileOf(file).Settle(Original(file), file);
        return result == raw.SQLITE_OK ? Original(file)->Sync(file, flags) : result;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int FileSize(nint* file, long* bytes)
    {
        int result = FileOf(file).Settle(Original(file), file);
        result = result == raw.SQLITE_OK ? Original(file)->FileSize(file, bytes) : result;
        *bytes = FileOf(file).Shown(*bytes);
        return result;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int FileControl(nint* file, int operation, void* argument)
    {
        if (operation is CheckpointStart or CheckpointDone)
        {
            FileOf(file).InCheckpoint = operation == CheckpointStart;
        }

        return Original(file)->FileControl(file, operation, argument);
    }

    private static SqliteNative.Methods* Original(nint* file) => ((SqliteNative.Methods*)*file)->Original;

    private static nint CopyOf(nint methods)
    {
        lock (Gate)
        {
            if (Copies.TryGetValue(methods, out nint known))
            {
                return known;
            }

            SqliteNative.Methods* copy = SqliteNative.Copy(methods);
            copy->Version = Math.Min(copy->Version, 2); // Without mapping files into memory.
            copy->Close = &Close;
            copy->Read = &Read;
            copy->Write = &Write;
            copy->Truncate = &Truncate;
            copy->Sync = &Sync;
            copy->FileSize = &FileSize;
            copy->FileControl = &FileControl;
            Copies.Add(methods, (nint)copy);
            return (nint)copy;
        }
    }
}
