using Weft.Graph;
using Weft.Primitives;

namespace Weft.Node.Access;

/// <summary>
/// Writes of links that policy refused, kept for a while: a rotation, policy or revocation that arrives behind them, in
/// the
/// same message perhaps, may make them right. Bounded by number and bytes; the oldest goes first.
/// </summary>
internal sealed class RefusedShelf
{
    private const int WritesMax = 4_096;
    private const long BytesMax = 4L << 20;
    private const long BytesPerSourceMax = BytesMax / 4; // One peer's junk does not push out what others sent.

    private readonly Lock _gate = new();
    private readonly Queue<(FieldWrite Write, WriteSource Source)> _writes = new();
    private readonly Dictionary<long, long> _bytesOf = [];
    private long _bytes;

    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _writes.Count;
            }
        }
    }

    /// <summary>True for refusals that another record may turn around.</summary>
    public static bool MayTurn(WeftError error) => error is WeftError.NotOwner or WeftError.KeyRotated
        or WeftError.GrantRefused or WeftError.GrantRevoked or WeftError.GrantExpired or WeftError.RuleBroken
        or WeftError.RuleUnknown or WeftError.SealRequired or WeftError.SignatureMissing or WeftError.OwnedByNobody;

    public void Add(in FieldWrite write, in WriteSource source)
    {
        long bytes = DeferredQueue.SizeOf(write);
        lock (_gate)
        {
            long own = _bytesOf.GetValueOrDefault(source.Connection);
            if (own + bytes > BytesPerSourceMax)
            {
                return;
            }

            _bytesOf[source.Connection] = own + bytes;
            _bytes += bytes;
            _writes.Enqueue((write, source));
            while (_writes.Count > WritesMax || _bytes > BytesMax)
            {
                Forget(_writes.Dequeue());
            }
        }
    }

    /// <summary>Takes everything, by source.</summary>
    public IReadOnlyList<IGrouping<WriteSource, FieldWrite>> TakeAll()
    {
        lock (_gate)
        {
            (FieldWrite Write, WriteSource Source)[] all = [.. _writes];
            _writes.Clear();
            _bytesOf.Clear();
            _bytes = 0;
            return [.. all.GroupBy(item => item.Source, item => item.Write)];
        }
    }

    private void Forget((FieldWrite Write, WriteSource Source) item)
    {
        long bytes = DeferredQueue.SizeOf(item.Write);
        _bytes -= bytes;
        long left = _bytesOf[item.Source.Connection] - bytes;
        if (left == 0)
        {
            _bytesOf.Remove(item.Source.Connection);
        }
        else
        {
            _bytesOf[item.Source.Connection] = left;
        }
    }
}
