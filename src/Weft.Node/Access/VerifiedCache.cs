using Weft.Graph.Access;

namespace Weft.Node.Access;

/// <summary>Signatures that were verified and held: writes of one batch, and repeats, ask for the same one.</summary>
/// <remarks>Two generations: when the young one is full it becomes the old one. Bounded by number.</remarks>
internal sealed class VerifiedCache(int signaturesMax)
{
    private readonly Lock _gate = new();
    private HashSet<SignatureCheck> _young = [];
    private HashSet<SignatureCheck> _old = [];

    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _young.Count + _old.Count;
            }
        }
    }

    public bool Contains(SignatureCheck check)
    {
        lock (_gate)
        {
            return _young.Contains(check) || _old.Contains(check);
        }
    }

    public void Add(SignatureCheck check)
    {
        lock (_gate)
        {
            if (_young.Count >= signaturesMax / 2)
            {
                (_old, _young) = (_young, _old);
                _young.Clear();
            }

            _young.Add(check);
        }
    }
}
