using Weft.Crypto;
using Weft.Graph;
using Weft.Node;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Tests.Node;

/// <summary>Nodes of several people in one process, and a hand that carries what one has to another.</summary>
internal sealed class GroupRig : IAsyncDisposable
{
    private static readonly ICrypto Provider = PlatformCrypto.Create();

    private readonly List<WeftNode> _nodes = [];

    public async Task<WeftNode> StartAsync(ulong person, GroupOptions? groups = null, IStore? store = null, TimeProvider? time = null)
    {
        var seed = new byte[32];
        new WeftRandom(person).Fill(seed);
        var options = new NodeOptions
        {
            Identity = new Ed25519KeyPair(Provider, seed),
            Crypto = Provider,
            Groups = groups ?? new GroupOptions(),
        };
        WeftNode node = await WeftNode.StartAsync(options, store ?? new MemoryStore(), time);
        _nodes.Add(node);
        return node;
    }

    /// <summary>Carries all that <paramref name="from"/> has to <paramref name="to"/>, as a link does.</summary>
    public static async Task CarryAsync(WeftNode from, WeftNode to, Func<string, bool>? wanted = null)
    {
        foreach (string soul in await from.Graph.ListAsync(LexRange.All, 10_000))
        {
            NodeResult read = await from.Graph.ReadNodeAsync(soul);
            FieldWrite[] delta = [.. read.Fields.Where(field => wanted is null || wanted(field.Field))
                .Select(field => new FieldWrite(soul, field.Field, field.Value, field.State, field.Extras))];
            if (delta.Length > 0)
            {
                WriteResult written = await to.Graph.WriteAsync(delta, new WriteSource("carried", 7, WriteDoor.Link));
                Assert.True(written.IsAccepted, $"{soul}: {written.Error}");
            }
        }
    }

    /// <summary>All that a node has, as text: what somebody sees who reads its store.</summary>
    public static async Task<string> DumpAsync(WeftNode node)
    {
        var text = new System.Text.StringBuilder();
        foreach (string soul in await node.Graph.ListAsync(LexRange.All, 10_000))
        {
            foreach (StoredField field in (await node.Graph.ReadNodeAsync(soul)).Fields)
            {
                text.AppendLine($"{soul} {field.Field} {field.Value}");
            }
        }

        return text.ToString();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (WeftNode node in _nodes)
        {
            await node.DisposeAsync();
            node.Options.Identity?.Dispose();
        }
    }
}
