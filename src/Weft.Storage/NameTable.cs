using Weft.Node.Commits;

namespace Weft.Storage;

/// <summary>Remembers decoded field names, so that reading a thousand nodes with the same fields makes each name once.</summary>
/// <remarks>Fixed in size; an entry is replaced whole, so readers need no lock.</remarks>
internal static class NameTable
{
    private const int Slots = 2_048;
    private const int BytesMax = 64;

    private static readonly Entry?[] Table = new Entry?[Slots];

    public static string Get(ReadOnlySpan<byte> name)
    {
        if (name.Length > BytesMax)
        {
            return KeyText.Decode(name);
        }

        ref Entry? slot = ref Table[Crc32C.Compute(name) % Slots];
        Entry? entry = Volatile.Read(ref slot);
        if (entry is not null && name.SequenceEqual(entry.Bytes))
        {
            return entry.Text;
        }

        entry = new Entry(name.ToArray(), KeyText.Decode(name));
        Volatile.Write(ref slot, entry);
        return entry.Text;
    }

    private sealed record Entry(byte[] Bytes, string Text);
}
