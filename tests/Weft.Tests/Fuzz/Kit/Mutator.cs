using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Weft.Primitives;

namespace Weft.Fuzz;

/// <summary>
/// Changes inputs the way formats break: lengths, counts, numbers, cuts, splices, nesting, words, bits.
/// </summary>
public sealed class Mutator(WeftRandom random, IReadOnlyList<byte[]> words, int lengthMax)
{
    private static readonly long[] Interesting =
    [
        0, 1, -1, 2, 16, 63, 64, 100, 127, 128, 255, 256, 512, 1_000, 1_024, 4_096, 32_767, 32_768, 65_535, 65_536,
        0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, long.MaxValue, long.MinValue,
    ];

    private static readonly string[] Numbers =
    [
        "0", "-0", "-1", "1e999", "-1e999", "1e-400", "9007199254740993", "123456789012345678901234567890", "0.1",
        "1E5", "01", "1.", ".5", "-", "NaN", "Infinity", "5e-324", "1.7976931348623157e308", "4294967296",
    ];

    private static readonly byte[] Brackets = "{[\"\\,:]}"u8.ToArray();

    /// <summary>One to eight changes to a copy of <paramref name="input"/>.</summary>
    /// <param name="input">Stays as it is.</param>
    /// <param name="other">Another input, to splice with.</param>
    public byte[] Mutate(byte[] input, byte[] other)
    {
        byte[] bytes = input;
        for (int rounds = 1 << random.Next(4); rounds > 0; rounds--)
        {
            bytes = Once(bytes, other);
        }

        if (ReferenceEquals(bytes, input))
        {
            return [.. input];
        }

        return bytes.Length > lengthMax ? bytes[..lengthMax] : bytes;
    }

    private byte[] Once(byte[] bytes, byte[] other)
    {
        if (bytes.Length == 0)
        {
            return other.Length > 0 && random.Chance(0.5) ? [.. other] : [(byte)random.Next(256)];
        }

        int at = random.Next(bytes.Length);
        int length = 1 + random.Next(Math.Min(bytes.Length - at, 1 << random.Next(10)));
        return random.Next(14) switch
        {
            0 => With(bytes, at, (byte)(bytes[at] ^ (1 << random.Next(8)))),
            1 => With(bytes, at, (byte)random.Next(256)),
            2 => With(bytes, at, (byte)(bytes[at] + random.Next(-3, 4))),
            3 => bytes[..at], // Cut off.
            4 => [.. bytes.AsSpan(0, at), .. bytes.AsSpan(at + length)], // Taken out.
            5 => Insert(bytes, at, bytes.AsSpan(at, length)), // Doubled.
            6 => Repeat(bytes, at, length),
            7 => Splice(bytes, at, other),
            8 => Binary(bytes, at),
            9 => Varint(bytes, at),
            10 when words.Count > 0 => Insert(bytes, at, words[random.Next(words.Count)]),
            11 when words.Count > 0 => Overwrite(bytes, at, words[random.Next(words.Count)]),
            12 => Decimal(bytes, at),
            _ => Nest(bytes, at),
        };
    }

    private static byte[] With(byte[] bytes, int at, byte value)
    {
        byte[] copy = [.. bytes];
        copy[at] = value;
        return copy;
    }

    private static byte[] Insert(byte[] bytes, int at, ReadOnlySpan<byte> piece) =>
        [.. bytes.AsSpan(0, at), .. piece, .. bytes.AsSpan(at)];

    private static byte[] Overwrite(byte[] bytes, int at, byte[] piece) =>
        [.. bytes.AsSpan(0, at), .. piece, .. bytes.AsSpan(Math.Min(bytes.Length, at + piece.Length))];

    private byte[] Repeat(byte[] bytes, int at, int length)
    {
        int times = 1 << random.Next(8); // Many tiny elements in one frame.
        int room = Math.Max(0, (lengthMax - bytes.Length) / length);
        byte[] piece = bytes.AsSpan(at, length).ToArray();
        byte[] many = [.. Enumerable.Repeat(piece, Math.Min(times, room)).SelectMany(one => one)];
        return Insert(bytes, at, many);
    }

    private byte[] Splice(byte[] bytes, int at, byte[] other)
    {
        int from = other.Length == 0 ? 0 : random.Next(other.Length);
        return [.. bytes.AsSpan(0, at), .. other.AsSpan(from)];
    }

    private byte[] Binary(byte[] bytes, int at)
    {
        Span<byte> word = stackalloc byte[8];
        long value = Interesting[random.Next(Interesting.Length)];
        if (random.Chance(0.5))
        {
            BinaryPrimitives.WriteInt64LittleEndian(word, value);
            return Overwrite(bytes, at, word[..(1 << random.Next(4))].ToArray());
        }

        BinaryPrimitives.WriteInt64BigEndian(word, value);
        return Overwrite(bytes, at, word[^(1 << random.Next(4))..].ToArray());
    }

    private byte[] Varint(byte[] bytes, int at)
    {
        byte[] word = new byte[10];
        int length = Uvarint.Write(word, (ulong)Interesting[random.Next(Interesting.Length)]);
        return Overwrite(bytes, at, word[..length]);
    }

    private byte[] Decimal(byte[] bytes, int at)
    {
        int start = at;
        while (start < bytes.Length && bytes[start] is < (byte)'0' or > (byte)'9')
        {
            start++;
        }

        int end = start;
        while (end < bytes.Length && (bytes[end] is >= (byte)'0' and <= (byte)'9' || bytes[end] is (byte)'.'))
        {
            end++;
        }

        string number = random.Chance(0.5)
            ? Numbers[random.Next(Numbers.Length)]
            : Interesting[random.Next(Interesting.Length)].ToString(CultureInfo.InvariantCulture);
        return [.. bytes.AsSpan(0, start), .. Encoding.ASCII.GetBytes(number), .. bytes.AsSpan(end)];
    }

    private byte[] Nest(byte[] bytes, int at)
    {
        byte bracket = Brackets[random.Next(Brackets.Length)];
        byte[] deep = new byte[random.Chance(0.1) ? 200 : 1 + random.Next(3)];
        Array.Fill(deep, bracket);
        return Insert(bytes, at, deep);
    }
}
