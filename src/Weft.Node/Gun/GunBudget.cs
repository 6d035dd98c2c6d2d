namespace Weft.Node.Gun;

/// <summary>Bytes that all connections together hold; readers wait while there are too many.</summary>
internal sealed class GunBudget(long bytesMax)
{
    private long _bytes;
    private int _waiting;

    public bool IsOver => Interlocked.Read(ref _bytes) > bytesMax;

    public void Add(long bytes) => Interlocked.Add(ref _bytes, bytes);

    /// <summary>Takes bytes only when they fit.</summary>
    public bool TryAdd(long bytes)
    {
        if (Interlocked.Add(ref _bytes, bytes) <= bytesMax)
        {
            return true;
        }

        Interlocked.Add(ref _bytes, -bytes);
        return false;
    }

    /// <summary>Notes that a reader waits.</summary>
    public void NoteWaiter() => Interlocked.Increment(ref _waiting);

    /// <summary>True once when readers wait and there is room again.</summary>
    public bool TryLetReadersGo() => !IsOver && Volatile.Read(ref _waiting) > 0 && Interlocked.Exchange(ref _waiting, 0) > 0;
}
