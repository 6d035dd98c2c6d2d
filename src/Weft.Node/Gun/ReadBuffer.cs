using System.Buffers;

namespace Weft.Node.Gun;

/// <summary>The bytes of one frame while it arrives: grows with what came, never by what a header claims.</summary>
internal sealed class ReadBuffer(GunBudget budget) : IDisposable
{
    private const int StartBytes = 8_192;
    private const int KeepBytesMax = 64 << 10;

    /// <summary>The memory; replaced by <see cref="TryGrow"/> and <see cref="Shrink"/>.</summary>
    public byte[] Bytes { get; private set; } = ArrayPool<byte>.Shared.Rent(StartBytes);

    /// <summary>Doubles the memory and keeps what is in it.</summary>
    /// <returns>False when all connections together hold too much already.</returns>
    public bool TryGrow()
    {
        byte[] larger = ArrayPool<byte>.Shared.Rent(Bytes.Length * 2);
        if (!budget.TryAdd(larger.Length - Bytes.Length))
        {
            ArrayPool<byte>.Shared.Return(larger);
            return false;
        }

        Bytes.CopyTo(larger, 0);
        ArrayPool<byte>.Shared.Return(Bytes);
        Bytes = larger;
        return true;
    }

    /// <summary>Lets go of much memory after a large frame.</summary>
    public void Shrink()
    {
        if (Bytes.Length > KeepBytesMax)
        {
            byte[] smaller = ArrayPool<byte>.Shared.Rent(StartBytes);
            budget.Add(smaller.Length - Bytes.Length);
            ArrayPool<byte>.Shared.Return(Bytes);
            Bytes = smaller;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        budget.Add(StartBytes - Bytes.Length);
        ArrayPool<byte>.Shared.Return(Bytes);
        Bytes = [];
    }
}
