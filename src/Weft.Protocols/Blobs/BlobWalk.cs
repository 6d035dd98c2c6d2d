using System.Runtime.CompilerServices;

namespace Weft.Protocols.Blobs;

/// <summary>One step of a <see cref="BlobWalk"/>.</summary>
/// <param name="First">The first chunk of the subtree.</param>
/// <param name="Count">Its chunks: 1 for a chunk itself, more for a parent.</param>
public readonly record struct BlobStep(int First, int Count)
{
    /// <summary>True for a chunk.</summary>
    public bool IsChunk => Count == 1;
}

/// <summary>
/// Walks a range of chunks in the order in which it is sent: each parent before what is below it, left before right, and
/// nothing that lies outside of the range.
/// </summary>
/// <remarks>Source: docs/spec/blobs.md, section 2.</remarks>
public struct BlobWalk
{
    private readonly int _from;
    private readonly int _to;
    private Stack _steps;
    private int _depth;

    /// <summary>Begins.</summary>
    /// <param name="chunks">Chunks of the blob.</param>
    /// <param name="from">The first chunk wanted.</param>
    /// <param name="to">The one after the last; what is beyond the end is left out.</param>
    public BlobWalk(int chunks, int from, int to)
    {
        _from = from;
        _to = Math.Min(to, chunks);
        if (_from < _to)
        {
            _steps[_depth++] = new(0, chunks);
        }
    }

    /// <summary>True when nothing is left.</summary>
    public readonly bool IsDone => _depth == 0;

    /// <summary>Gives the next step.</summary>
    /// <returns>False at the end.</returns>
    public bool TryNext(out BlobStep step)
    {
        if (_depth == 0)
        {
            step = default;
            return false;
        }

        step = _steps[--_depth];
        if (step.Count > 1)
        {
            int split = BlobTree.Split(step.Count);
            int middle = step.First + split;
            if (middle < _to)
            {
                _steps[_depth++] = new(middle, step.Count - split);
            }

            if (middle > _from)
            {
                _steps[_depth++] = new(step.First, split);
            }
        }

        return true;
    }

    [InlineArray(BlobLimits.DepthMax + 2)]
    private struct Stack
    {
        private BlobStep _first;
    }
}
