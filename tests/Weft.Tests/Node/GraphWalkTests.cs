using Weft.Graph;
using Weft.Node;
using Weft.Node.Storage;

namespace Weft.Tests.Node;

public sealed class GraphWalkTests
{
    [Fact]
    public async Task Walks_outwards_to_the_depth_and_no_further()
    {
        await using WeftNode node = await ChainAsync();

        Assert.Equal(["a@0", "b@1", "c@2"], await StepsAsync(node, "a", WalkDirection.Out, 2));
        Assert.Equal(["a@0"], await StepsAsync(node, "a", WalkDirection.Out, 0));
    }

    [Fact]
    public async Task Walks_inwards_along_reverse_links()
    {
        await using WeftNode node = await ChainAsync();

        Assert.Equal(["c@0", "b@1", "a@2"], await StepsAsync(node, "c", WalkDirection.In, 5));
    }

    [Fact]
    public async Task A_circle_ends_and_each_node_comes_once()
    {
        await using WeftNode node = await ChainAsync();
        await node.Graph.Get("d").PutAsync("next", WeftValue.Link("a"));

        Assert.Equal(["a@0", "b@1", "d@1", "c@2"], await StepsAsync(node, "a", WalkDirection.Both, 10));
    }

    [Fact]
    public async Task A_link_that_was_overwritten_is_no_reverse_link_any_more()
    {
        await using WeftNode node = await ChainAsync();
        await node.Graph.Get("b").PutAsync("next", "nowhere");

        Assert.Equal(["c@0"], await StepsAsync(node, "c", WalkDirection.In, 5));
    }

    [Fact]
    public async Task A_hyperedge_is_a_node_of_links_found_from_each_of_its_ends()
    {
        await using WeftNode node = await ChainAsync();
        await node.Graph.Get("meeting").PutAsync(new Dictionary<string, WeftValue>
        {
            ["host"] = WeftValue.Link("a"),
            ["guest"] = WeftValue.Link("c"),
            ["place"] = WeftValue.Link("d"),
        });

        foreach (string end in new[] { "a", "c", "d" })
        {
            Assert.Contains("meeting@1", await StepsAsync(node, end, WalkDirection.In, 1));
        }
    }

    [Fact]
    public async Task The_ceiling_of_nodes_holds()
    {
        await using WeftNode node = await ChainAsync();
        var steps = new List<WalkStep>();
        await foreach (WalkStep step in node.Graph.WalkAsync("a", WalkDirection.Out, 10, nodesMax: 2))
        {
            steps.Add(step);
        }

        Assert.Equal(2, steps.Count);
    }

    private static async Task<WeftNode> ChainAsync()
    {
        WeftNode node = await WeftNode.StartAsync(new NodeOptions(), new MemoryStore());
        foreach ((string from, string to) in new[] { ("a", "b"), ("b", "c"), ("c", "d") })
        {
            await node.Graph.Get(from).PutAsync("next", WeftValue.Link(to));
        }

        return node;
    }

    private static async Task<List<string>> StepsAsync(WeftNode node, string from, WalkDirection direction, int depth)
    {
        var steps = new List<string>();
        await foreach (WalkStep step in node.Graph.WalkAsync(from, direction, depth))
        {
            steps.Add($"{step.Soul}@{step.Depth}");
        }

        return steps;
    }
}
