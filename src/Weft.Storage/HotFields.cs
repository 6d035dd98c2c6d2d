using Weft.Graph;

namespace Weft.Storage;

/// <summary>
/// The fields read most lately, ready to be handed out: a hit makes no garbage, signed or not. Fixed in number, and in the
/// size of value and proof.
/// </summary>
internal sealed class HotFields
{
    public const int Slots = 4_096;
    public const int ValueBytesMax = 512;

    /// <summary>Author and signature of a write in a batch of 16, with a short grant.</summary>
    public const int ExtrasBytesMax = 640;

    private readonly Entry?[] _entries = new Entry?[Slots];
    private readonly int[] _stamps = new int[Slots];
    private readonly Lock[] _gates = new Lock[64];

    public HotFields()
    {
        for (int i = 0; i < _gates.Length; i++)
        {
            _gates[i] = new Lock();
        }
    }

    public static int SlotOf(string soul, string field) =>
        (soul.GetHashCode(StringComparison.Ordinal) * 31 + field.GetHashCode(StringComparison.Ordinal)) & (Slots - 1);

    public bool TryGet(int slot, string soul, string field, out StoredField found)
    {
        Entry? entry = Volatile.Read(ref _entries[slot]);
        if (entry is not null
            && string.Equals(entry.Field.Field, field, StringComparison.Ordinal)
            && string.Equals(entry.Soul, soul, StringComparison.Ordinal))
        {
            found = entry.Field;
            return true;
        }

        found = default;
        return false;
    }

    /// <summary>Taken before a read; <see cref="Keep"/> drops what a write has overtaken since.</summary>
    public int Stamp(int slot) => Volatile.Read(ref _stamps[slot]);

    public void Keep(int slot, int stamp, string soul, in StoredField field)
    {
        if (field.Value.Json.Length > ValueBytesMax
            || (field.Extras is { } extras && extras.Author.Length + extras.Signature.Length > ExtrasBytesMax))
        {
            return;
        }

        lock (_gates[slot & 63])
        {
            if (_stamps[slot] == stamp)
            {
                _entries[slot] = new Entry(soul, field);
            }
        }
    }

    public void Forget(string soul, string field)
    {
        int slot = SlotOf(soul, field);
        lock (_gates[slot & 63])
        {
            _stamps[slot]++;
            _entries[slot] = null;
        }
    }

    private sealed record Entry(string Soul, StoredField Field);
}
