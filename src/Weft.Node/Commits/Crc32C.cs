using System.Buffers.Binary;
using System.Numerics;

namespace Weft.Node.Commits;

/// <summary>CRC-32C (Castagnoli), in hardware where there is one.</summary>
/// <remarks>Source: RFC 3720, appendix B.4.</remarks>
public static class Crc32C
{
    /// <summary>The checksum of <paramref name="bytes"/>.</summary>
    /// <param name="bytes">What to sum.</param>
    /// <param name="start">The result of an earlier call that this one goes on from; 0 to begin.</param>
    public static uint Compute(ReadOnlySpan<byte> bytes, uint start = 0)
    {
        uint crc = ~start;
        while (bytes.Length >= sizeof(ulong))
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            bytes = bytes[sizeof(ulong)..];
        }

        foreach (byte one in bytes)
        {
            crc = BitOperations.Crc32C(crc, one);
        }

        return ~crc;
    }

    /// <summary>Goes on with one number, as its eight bytes, lowest first.</summary>
    public static uint Compute(ulong number, uint start) => ~BitOperations.Crc32C(~start, number);
}
