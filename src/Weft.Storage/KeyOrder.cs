using Weft.Storage.Memory;

namespace Weft.Storage;

/// <summary>Compares keys byte by byte. Used for sorting, and for sets of keys that this store has read from itself.</summary>
internal sealed class KeyOrder : IComparer<byte[]>, IEqualityComparer<byte[]>
{
    public static KeyOrder Instance { get; } = new();

    public int Compare(byte[]? x, byte[]? y) => x.AsSpan().SequenceCompareTo(y);

    public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

    public int GetHashCode(byte[] obj)
    {
        var hash = default(HashCode);
        hash.AddBytes(obj);
        return hash.ToHashCode();
    }
}
