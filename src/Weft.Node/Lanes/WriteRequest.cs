using System.Threading.Tasks.Sources;
using Weft.Graph;
using Weft.Graph.Access;
using Weft.Node.Access;
using Weft.Primitives;

namespace Weft.Node.Lanes;

/// <summary>One delta on its way through a lane. It is its own answer, which is awaited once.</summary>
internal sealed class WriteRequest(
    FieldWrite[] delta, WriteSource source, Durability durability, int[] lanes, bool isRelease = false)
    : IValueTaskSource<WriteResult>
{
    private ManualResetValueTaskSourceCore<WriteResult> _done;
    private int _isDone;

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

    /// <summary>True when this node signs it with an Ed25519 key and it needs no other lane than its own.</summary>
    public bool MayShareSignature =>
        Admitted is { Admission.NeedsSigning: true, Source.Identity: null or { Sea: null } } && Lanes.Length == 1
        && !IsRelease && !IsDrop && Delta.Length < WriteProof.BatchMax;

    /// <summary>True for a held write that is offered again.</summary>
    public bool IsRelease { get; } = isRelease;

    /// <summary>Completes with what became of the delta.</summary>
    public ValueTask<WriteResult> Task => new(this, _done.Version);

    /// <summary>Answers; who waits goes on elsewhere, so this may be called under locks.</summary>
    public void Complete(in WriteResult result) => Complete(result, isHere: false);

    /// <summary>Answers.</summary>
    /// <param name="result">What became of the delta.</param>
    /// <param name="isHere">
    /// True to let who waits go on within this call: only where nothing is held and nothing waits behind it.
    /// </param>
    public void Complete(in WriteResult result, bool isHere)
    {
        if (Interlocked.Exchange(ref _isDone, 1) == 0)
        {
            _done.RunContinuationsAsynchronously = !isHere;
            _done.SetResult(result);
        }
    }

    /// <summary>Answers with a failure.</summary>
    public void Fail(Exception error)
    {
        if (Interlocked.Exchange(ref _isDone, 1) == 0)
        {
            _done.RunContinuationsAsynchronously = true;
            _done.SetException(error);
        }
    }

    WriteResult IValueTaskSource<WriteResult>.GetResult(short token) => _done.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<WriteResult>.GetStatus(short token) => _done.GetStatus(token);

    void IValueTaskSource<WriteResult>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _done.OnCompleted(continuation, state, token, flags);
}
