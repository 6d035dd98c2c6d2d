using System.Numerics;
using Weft.Protocols.Kad;

namespace Weft.Simulation;

/// <summary>Peers sorted by their places, so that those nearest to a key are found without looking at all.</summary>
internal sealed class KadPlacesOfNodes
{
    private const int PrefixMax = 32;

    private readonly List<KadSimNode> _nodes = [];
    private bool _isSorted = true;

    internal void Add(KadSimNode node)
    {
        _nodes.Add(node);
        _isSorted = false;
    }

    /// <summary>The nearest first.</summary>
    internal IEnumerable<KadSimNode> Nearest(KadKey target, int count)
    {
        if (!_isSorted)
        {
            _nodes.Sort(static (left, right) => left.Place.CompareTo(right.Place));
            _isSorted = true;
        }

        // Whoever shares more bits is nearer than whoever shares fewer: enough with so many bits in common are all.
        int bits = Math.Min(PrefixMax, BitOperations.Log2((uint)Math.Max(1, _nodes.Count / count)) + 1);
        (int start, int end) = Range(target, bits);
        while (end - start < count && bits > 0)
        {
            (start, end) = Range(target, --bits);
        }

        return _nodes.GetRange(start, end - start).OrderBy(node => node.Place.DistanceTo(target)).Take(count);
    }

    private (int Start, int End) Range(in KadKey target, int bits)
    {
        if (bits == 0)
        {
            return (0, _nodes.Count);
        }

        uint prefix = target.Prefix(bits);
        return (Bound(bits, prefix), Bound(bits, (ulong)prefix + 1));
    }

    private int Bound(int bits, ulong prefix)
    {
        int low = 0;
        int high = _nodes.Count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            (low, high) = _nodes[middle].Place.Prefix(bits) < prefix ? (middle + 1, high) : (low, middle);
        }

        return low;
    }
}
