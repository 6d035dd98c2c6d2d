using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Storage.Log;

/// <summary>What the commit log tells the engine.</summary>
internal interface ICommitSink
{
    /// <summary>Makes an accepted batch visible to reads. Under the log's gate.</summary>
    void Apply(long sequence, CommitBatch batch);

    /// <summary>Takes a batch back whose commit failed; the newest comes first. Under the log's gate.</summary>
    void Undo(long sequence, CommitBatch batch);

    /// <summary>A batch has reached the configured durability. In order, by the log's thread.</summary>
    void OnCommitted(in Commit commit);

    /// <summary>The log takes nothing any more.</summary>
    void OnStopped(WeftError error, Exception failure);

    /// <summary>Appends that had to wait may go on, or fail.</summary>
    void OnRoomChanged();
}
