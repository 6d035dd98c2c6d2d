using Weft.Node.Storage;

namespace Weft.Tests.Node;

/// <summary>A memory store that outlives the node on it, so that a restart can be tested without a disk.</summary>
internal sealed class KeptStore(MemoryStore inner) : ForwardingStore(inner)
{
    public override ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
