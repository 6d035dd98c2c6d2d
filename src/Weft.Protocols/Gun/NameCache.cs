using System.Text;

namespace Weft.Protocols.Gun;

/// <summary>Turns short field names into strings without allocating the same ones again and again.</summary>
/// <remarks>Direct-mapped and of fixed size: a peer that sends ever new names only makes it useless, never
/// large.</remarks>
internal sealed class NameCache
{
    private const int Slots = 512;
    private const int BytesMax = 32;

    private readonly (byte[] Bytes, string Text)[] _slots = new (byte[], string)[Slots];

    public string Get(ReadOnlySpan<byte> name)
    {
        if (name.Length is 0 or > BytesMax)
        {
            return Encoding.UTF8.GetString(name);
        }

        uint hash = (uint)name.Length;
        foreach (byte symbol in name)
        {
            hash = (hash * 31) + symbol;
        }

        ref (byte[] Bytes, string Text) slot = ref _slots[(hash ^ (hash >> 9)) & (Slots - 1)];
        if (slot.Bytes is null || !name.SequenceEqual(slot.Bytes))
        {
            slot = (name.ToArray(), Encoding.UTF8.GetString(name));
        }

        return slot.Text;
    }
}
