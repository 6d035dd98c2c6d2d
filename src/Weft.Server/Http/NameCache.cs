namespace Weft.Server.Http;

/// <summary>
/// Gives the same string for the same bytes, most of the time: a bulk body names the same few fields a million times.
/// It holds at most 1,024 short names and is kept for one request only. One caller at a time.
/// </summary>
internal sealed class NameCache
{
    private const int Slots = 1_024;
    private const int LengthMax = 64;

    private readonly byte[]?[] _bytes = new byte[Slots][];
    private readonly string[] _names = new string[Slots];

    /// <summary>The name that these bytes, free of escapes and valid UTF-8, stand for.</summary>
    internal bool TryFind(ReadOnlySpan<byte> raw, out string name)
    {
        if (raw.Length > LengthMax)
        {
            name = "";
            return false;
        }

        int slot = SlotOf(raw);
        name = _names[slot];
        return _bytes[slot] is { } known && known.AsSpan().SequenceEqual(raw);
    }

    /// <summary>Keeps a name that was judged good.</summary>
    internal void Add(ReadOnlySpan<byte> raw, string name)
    {
        if (raw.Length <= LengthMax)
        {
            int slot = SlotOf(raw);
            _bytes[slot] = raw.ToArray();
            _names[slot] = name;
        }
    }

    // Collisions only cost the cache's help, so a quick hash will do; nobody can make it slow.
    private static int SlotOf(ReadOnlySpan<byte> raw)
    {
        uint hash = (uint)raw.Length * 2_654_435_761;
        foreach (byte unit in raw)
        {
            hash = (hash ^ unit) * 16_777_619;
        }

        return (int)((hash ^ (hash >> 16)) % Slots);
    }
}
