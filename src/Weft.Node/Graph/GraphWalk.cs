using System.Runtime.CompilerServices;
using Weft.Graph;
using Weft.Node.Storage;

namespace Weft.Node;

/// <summary>One walk along links, breadth first, bounded in depth and nodes.</summary>
internal sealed class GraphWalk(
    IStore store, string start, WalkDirection direction, int depthMax, int nodesMax, Func<string, bool>? within = null)
{
    private const int PageSize = 1_024;

    private readonly HashSet<string> _reached = [];
    private readonly Queue<(string Soul, int Depth)> _open = new();

    public async IAsyncEnumerable<WalkStep> RunAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        _reached.Add(start);
        _open.Enqueue((start, 0));
        yield return new(0, start, null, null, WalkDirection.Out);
        while (_open.TryDequeue(out (string Soul, int Depth) next))
        {
            if (next.Depth == depthMax)
            {
                continue;
            }

            if (direction != WalkDirection.In)
            {
                await foreach (FieldKey link in LinksFrom(next.Soul, cancellationToken).ConfigureAwait(false))
                {
                    if (Reach(link.Soul, next.Depth + 1))
                    {
                        yield return new(next.Depth + 1, link.Soul, next.Soul, link.Field, WalkDirection.Out);
                    }
                }
            }

            if (direction != WalkDirection.Out)
            {
                await foreach (FieldKey link in LinksTo(next.Soul, cancellationToken).ConfigureAwait(false))
                {
                    if (Reach(link.Soul, next.Depth + 1))
                    {
                        yield return new(next.Depth + 1, link.Soul, next.Soul, link.Field, WalkDirection.In);
                    }
                }
            }
        }
    }

    private bool Reach(string soul, int depth)
    {
        if (_reached.Count >= nodesMax || within?.Invoke(soul) == false || !_reached.Add(soul))
        {
            return false;
        }

        _open.Enqueue((soul, depth));
        return true;
    }

    // Yields (target, field) for each link of the node.
    private async IAsyncEnumerable<FieldKey> LinksFrom(
        string soul, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string? last = null;
        while (true)
        {
            NodePage page = await store.ReadNodeAsync(
                soul, new LexRange(From: last), PageSize, long.MaxValue, cancellationToken).ConfigureAwait(false);
            foreach (StoredField field in page.Fields)
            {
                if (field.Field != last && field.Value.AsLink() is string target)
                {
                    yield return new(target, field.Field);
                }
            }

            if (!page.More || page.Fields.Count == 0)
            {
                yield break;
            }

            last = page.Fields[^1].Field;
        }
    }

    // Yields (source, field) for each link to the node.
    private async IAsyncEnumerable<FieldKey> LinksTo(
        string soul, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        FieldKey? last = null;
        while (true)
        {
            IReadOnlyList<FieldKey> links = await store.ReadLinksToAsync(soul, last, PageSize, cancellationToken)
                .ConfigureAwait(false);
            foreach (FieldKey link in links)
            {
                yield return link;
            }

            if (links.Count < PageSize)
            {
                yield break;
            }

            last = links[^1];
        }
    }
}
