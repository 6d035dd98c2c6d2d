using System.Buffers.Binary;

namespace Weft.Log.Encoding;

/// <summary>
/// Reads compact-encoding from a peer's bytes. The first thing that does not fit makes it fail for good: every later
/// read
/// gives zeros, and the caller asks once, at the end.
/// </summary>
/// <remarks>Source: docs/spec/log.md, section 1. Longer forms of a number than needed are accepted, as the reference
/// does.</remarks>
internal ref struct CompactReader(ReadOnlySpan<byte> source)
{
    private ReadOnlySpan<byte> _rest = source;

    /// <summary>True when something did not fit; all values read are to be thrown away.</summary>
    public bool IsBroken { get; private set; }

    /// <summary>Bytes not yet read.</summary>
    public readonly int Left => _rest.Length;

    /// <summary>1 byte up to 0xfc; else fd, fe, ff and 2, 4, 8 bytes little-endian. At most 2^53 - 1.</summary>
    public long Uint()
    {
        ReadOnlySpan<byte> first = Bytes(1);
        if (IsBroken || first[0] < 0xfd)
        {
            return IsBroken ? 0 : first[0];
        }

        ReadOnlySpan<byte> bytes = Bytes(1 << (first[0] - 0xfc));
        if (IsBroken)
        {
            return 0;
        }

        ulong value = bytes.Length switch
        {
            2 => BinaryPrimitives.ReadUInt16LittleEndian(bytes),
            4 => BinaryPrimitives.ReadUInt32LittleEndian(bytes),
            _ => BinaryPrimitives.ReadUInt64LittleEndian(bytes),
        };
        return value <= LogLimits.NumberMax ? (long)value : Fail();
    }

    /// <summary>A number that must not exceed <paramref name="max"/>.</summary>
    public long Uint(long max)
    {
        long value = Uint();
        return value <= max ? value : Fail();
    }

    /// <summary>32 bytes.</summary>
    public Hash32 Fixed32()
    {
        ReadOnlySpan<byte> bytes = Bytes(Hash32.Length);
        return IsBroken ? default : new(bytes);
    }

    /// <summary>Exactly <paramref name="length"/> bytes; empty when they are not there.</summary>
    public ReadOnlySpan<byte> Bytes(int length)
    {
        if (IsBroken || length > _rest.Length)
        {
            Fail();
            return default;
        }

        ReadOnlySpan<byte> bytes = _rest[..length];
        _rest = _rest[length..];
        return bytes;
    }

    /// <summary>A length, then that many bytes.</summary>
    public ReadOnlySpan<byte> Buffer(int max) => Bytes((int)Uint(max));

    /// <summary>The number of items of an array, each at least <paramref name="itemBytesMin"/> long.</summary>
    public int Count(int max, int itemBytesMin)
    {
        int count = (int)Uint(max);
        if ((long)count * itemBytesMin > _rest.Length)
        {
            Fail(); // So that a count alone never makes anyone allocate.
            return 0;
        }

        return count;
    }

    /// <summary>All that is left.</summary>
    public ReadOnlySpan<byte> Rest() => Bytes(_rest.Length);

    /// <summary>Marks what was read as wrong.</summary>
    public long Fail()
    {
        IsBroken = true;
        _rest = default;
        return 0;
    }
}
