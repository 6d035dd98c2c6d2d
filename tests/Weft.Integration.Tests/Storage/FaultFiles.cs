using Weft.Primitives;
using Weft.Storage.Files;

namespace Weft.Integration.Tests.Storage;

/// <summary>What the Nth file operation does instead of working.</summary>
public enum Fault
{
    /// <summary>Nothing is wrong.</summary>
    None,

    /// <summary>The operation gives an input/output error and does nothing.</summary>
    Error,

    /// <summary>A write stores half and gives an error; a read or flush gives an error.</summary>
    Short,

    /// <summary>No room: once for the operation, then there is room again.</summary>
    Full,

    /// <summary>The machine dies: nothing works from here on, and what was not flushed is there in pieces or not at all.</summary>
    Crash,
}

/// <summary>
/// Files in memory with two faces: what the operating system shows, and what the disk holds. A test can make the Nth
/// operation fail, and let the power go at any moment.
/// </summary>
internal sealed class FaultFiles : IFileSystem
{
    private const int SectorBytes = 512;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Image> _files = [];

    /// <summary>Operations so far.</summary>
    public int Operations { get; private set; }

    /// <summary>Which operation fails, counted from 1; 0 for none.</summary>
    public int FailAt { get; set; }

    public Fault Kind { get; set; }

    public bool Crashed { get; private set; }

    /// <summary>While true, no file grows.</summary>
    public bool IsFull { get; set; }

    public IFile Open(string path, bool create)
    {
        lock (_gate)
        {
            Count();
            if (create && !_files.TryAdd(path, new Image()))
            {
                throw new IOException("It exists.");
            }

            return _files.TryGetValue(path, out Image? image)
                ? new Handle(this, image)
                : throw new FileNotFoundException(path);
        }
    }

    public bool Exists(string path)
    {
        lock (_gate)
        {
            return _files.ContainsKey(path);
        }
    }

    public void Delete(string path)
    {
        lock (_gate)
        {
            Count();
            _files.Remove(path);
        }
    }

    public void Move(string from, string to)
    {
        lock (_gate)
        {
            Count();
            _files.Remove(from, out Image? image);
            _files[to] = image!;
        }
    }

    public IReadOnlyList<string> List(string folder)
    {
        lock (_gate)
        {
            return
            [
                .. _files.Keys.Where(path => Path.GetDirectoryName(path) == folder)
                    .Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal),
            ];
        }
    }

    public void SyncFolder(string folder)
    {
        lock (_gate)
        {
            Count();
        }
    }

    /// <summary>Flips one bit of one file; both faces show it.</summary>
    public void Flip(string path, int at, int bit)
    {
        lock (_gate)
        {
            _files[path].Flip(at, (byte)(1 << bit));
        }
    }

    public void Rename(string from, string to)
    {
        lock (_gate)
        {
            _files.Remove(from, out Image? image);
            _files[to] = image!;
        }
    }

    /// <summary>The files and how far they hold anything.</summary>
    public IReadOnlyList<(string Path, int Used)> Used()
    {
        lock (_gate)
        {
            return [.. _files.Select(file => (file.Key, file.Value.Shown.AsSpan().LastIndexOfAnyExcept((byte)0) + 1))];
        }
    }

    /// <summary>The same disk after the power came back: what was flushed, and any part of what was not.</summary>
    public FaultFiles Restart(WeftRandom random)
    {
        var after = new FaultFiles();
        lock (_gate)
        {
            foreach ((string path, Image image) in _files)
            {
                after._files[path] = image.AfterPowerCut(random, SectorBytes);
            }
        }

        return after;
    }

    /// <summary>The same disk after the process died: everything the operating system was given.</summary>
    public FaultFiles Copy()
    {
        var after = new FaultFiles();
        lock (_gate)
        {
            foreach ((string path, Image image) in _files)
            {
                after._files[path] = image.Copy();
            }
        }

        return after;
    }

    private Fault Count()
    {
        if (Crashed)
        {
            throw new IOException("The machine is dead.", 5);
        }

        Operations++;
        if (Operations != FailAt)
        {
            return Fault.None;
        }

        Crashed = Kind == Fault.Crash;
        return Kind switch
        {
            Fault.Full => throw new IOException("No space left.", 28),
            Fault.Short => Fault.Short,
            _ => throw new IOException("Input/output error.", 5),
        };
    }

    private sealed class Image
    {
        private byte[] _flushed = [];

        public byte[] Shown { get; private set; } = [];

        public void Write(long offset, ReadOnlySpan<byte> bytes)
        {
            byte[] shown = Shown;
            if (offset + bytes.Length > shown.Length)
            {
                Array.Resize(ref shown, (int)offset + bytes.Length);
                Shown = shown;
            }

            bytes.CopyTo(shown.AsSpan((int)offset));
        }

        public void Sync() => _flushed = [.. Shown];

        public void Flip(int at, byte mask)
        {
            Shown[at] ^= mask;
            _flushed[at] ^= mask;
        }

        public Image Copy() => new() { Shown = [.. Shown], _flushed = [.. Shown] };

        public Image AfterPowerCut(WeftRandom random, int sector)
        {
            byte[] left = new byte[Shown.Length];
            _flushed.CopyTo(left, 0);
            for (int at = 0; at < left.Length; at += sector)
            {
                int length = Math.Min(sector, left.Length - at);
                if (random.Chance(0.5))
                {
                    Shown.AsSpan(at, length).CopyTo(left.AsSpan(at)); // Sectors reach the disk in any order.
                }
            }

            return new Image { Shown = left, _flushed = [.. left] };
        }
    }

    private sealed class Handle(FaultFiles files, Image image) : IFile
    {
        public long Length
        {
            get
            {
                lock (files._gate)
                {
                    return image.Shown.Length;
                }
            }
        }

        public int Read(long offset, Span<byte> target)
        {
            lock (files._gate)
            {
                if (files.Count() == Fault.Short)
                {
                    throw new IOException("Input/output error.", 5);
                }

                int count = (int)Math.Clamp(image.Shown.Length - offset, 0, target.Length);
                image.Shown.AsSpan((int)offset, count).CopyTo(target);
                return count;
            }
        }

        public void Write(long offset, ReadOnlySpan<byte> bytes)
        {
            lock (files._gate)
            {
                if (files.IsFull && offset + bytes.Length > image.Shown.Length)
                {
                    throw new IOException("No space left.", 28);
                }

                if (files.Count() == Fault.Short)
                {
                    image.Write(offset, bytes[..(bytes.Length / 2)]);
                    throw new IOException("Input/output error.", 5);
                }

                image.Write(offset, bytes);
            }
        }

        public void Sync()
        {
            lock (files._gate)
            {
                if (files.Count() == Fault.Short)
                {
                    throw new IOException("Input/output error.", 5);
                }

                image.Sync();
            }
        }

        public void Dispose()
        {
        }
    }
}
