using System.Collections.Concurrent;
using System.Threading.Tasks.Sources;
using Weft.Node.Storage;

namespace Weft.Storage.Log;

/// <summary>One append that waits for its durability. Reused, so that a write costs no task.</summary>
internal sealed class AppendRequest : IValueTaskSource<CommitReceipt>
{
    private const int PoolMax = 4_096;

    private static readonly ConcurrentQueue<AppendRequest> Pool = new();

    private ManualResetValueTaskSourceCore<CommitReceipt> _core = new() { RunContinuationsAsynchronously = true };

    public static AppendRequest Rent() => Pool.TryDequeue(out AppendRequest? request) ? request : new AppendRequest();

    public ValueTask<CommitReceipt> Task => new(this, _core.Version);

    public void Complete(CommitReceipt receipt) => _core.SetResult(receipt);

    public void Fail(Exception failure) => _core.SetException(failure);

    public CommitReceipt GetResult(short token)
    {
        try
        {
            return _core.GetResult(token);
        }
        finally
        {
            Return();
        }
    }

    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    /// <summary>Back into the pool; also for a request that was refused before anyone awaited it.</summary>
    public void Return()
    {
        _core.Reset();
        if (Pool.Count < PoolMax)
        {
            Pool.Enqueue(this);
        }
    }
}
