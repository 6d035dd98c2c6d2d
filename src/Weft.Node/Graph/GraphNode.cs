using Weft.Graph;
using Weft.Primitives;

namespace Weft.Node;

/// <summary>A handle to one node of the graph. Cheap to make, safe to share between threads, holds no data.</summary>
public sealed class GraphNode
{
    internal GraphNode(GraphSpace graph, string soul) => (Graph, Soul) = (graph, soul);

    /// <summary>The graph it belongs to.</summary>
    public GraphSpace Graph { get; }

    /// <summary>The node's global name.</summary>
    public string Soul { get; }
}
