using Weft.Graph;
using Weft.Node.Access;
using Weft.Primitives;

namespace Weft.Node.Lanes;

/// <summary>One delta on its way through a lane.</summary>
internal sealed class WriteRequest(
    FieldWrite[] delta, WriteSource source, Durability durability, int[] lanes, bool isRelease = false)
{
    private readonly TaskCompletionSource<WriteResult> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The writes; states that were asked for are filled in by the lane.</summary>
    public FieldWrite[] Delta { get; } = delta;

    /// <summary>Who brings it.</summary>
    public WriteSource Source { get; } = source;

    /// <summary>The level to wait for.</summary>
    public Durability Durability { get; } = durability;

    /// <summary>The lanes its souls belong to, in rising order; the first one carries it.</summary>
    public int[] Lanes { get; } = lanes;

    /// <summary>What must hold of the field of the first write; null for nothing.</summary>
    public FieldCondition? Condition { get; init; }

    /// <summary>What admission found; null for a delta that nothing needed to be judged about.</summary>
    public Admitted? Admitted { get; init; }

    /// <summary>True when the one write of the delta is stored, and must go.</summary>
    public bool IsDrop { get; init; }

    /// <summary>Set when a write that was spared verification, because it could not win, could win after all.</summary>
    public bool MustVerify { get; set; }

    /// <summary>True for a held write that is offered again.</summary>
    public bool IsRelease { get; } = isRelease;

    /// <summary>Completes with what became of the delta.</summary>
    public Task<WriteResult> Task => _done.Task;

    public void Complete(in WriteResult result) => _done.TrySetResult(result);

    public void Fail(Exception error) => _done.TrySetException(error);
}
