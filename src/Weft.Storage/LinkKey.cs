namespace Weft.Storage;

/// <summary>
/// Soul and field in one key that sorts by soul, then field: a zero byte of the soul is written 00 FF, and 00 ends the
/// soul. No encoded text holds FF, so the end is unmistakable and sorts first.
/// </summary>
internal static class LinkKey
{
    public static int BytesMax(int soulBytes, int fieldBytes) => (2 * soulBytes) + 1 + fieldBytes;

    public static int Write(ReadOnlySpan<byte> soul, ReadOnlySpan<byte> field, Span<byte> target)
    {
        int at = 0;
        foreach (byte one in soul)
        {
            target[at++] = one;
            if (one == 0)
            {
                target[at++] = 0xFF;
            }
        }

        target[at++] = 0;
        field.CopyTo(target[at..]);
        return at + field.Length;
    }

    public static (string Soul, string Field) Read(ReadOnlySpan<byte> key)
    {
        Span<byte> soul = key.Length <= 1_024 ? stackalloc byte[1_024] : new byte[key.Length];
        int count = 0;
        for (int i = 0; i < key.Length; i++)
        {
            if (key[i] == 0)
            {
                if (i + 1 == key.Length || key[i + 1] != 0xFF)
                {
                    return (KeyText.Decode(soul[..count]), NameTable.Get(key[(i + 1)..]));
                }

                i++;
                soul[count++] = 0;
                continue;
            }

            soul[count++] = key[i];
        }

        return (KeyText.Decode(soul[..count]), "");
    }
}
