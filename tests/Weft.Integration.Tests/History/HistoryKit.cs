using Weft.Crypto;
using Weft.Graph.History;
using Weft.Graph.Policy;
using Weft.Integration.Tests.Storage;
using Weft.Node;
using Weft.Node.History;
using Weft.Node.Storage;
using Weft.Storage;

namespace Weft.Integration.Tests.History;

/// <summary>Nodes with an engine under them, and short ways to read the past.</summary>
internal sealed class HistoryKit : IAsyncDisposable
{
    private readonly TempFolder _folder = new();
    private readonly List<WeftNode> _open = [];

    public TempFolder Folder => _folder;

    public async Task<WeftNode> StartAsync(string name = "a", TimeProvider? time = null, NodeOptions? options = null)
    {
        IStore store = await StorageEngine.OpenAsync(StoreKit.Small(_folder.At(name)));
        options ??= new NodeOptions();
        options.Crypto ??= PlatformCrypto.Create();
        WeftNode node = await WeftNode.StartAsync(options, store, time);
        _open.Add(node);
        return node;
    }

    public async Task CloseAsync(WeftNode node)
    {
        _open.Remove(node);
        await node.DisposeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (WeftNode node in _open)
        {
            await node.DisposeAsync();
        }

        _folder.Dispose();
    }

    public static Task KeepAsync(WeftNode node, string prefix, string rule)
    {
        Assert.True(HistoryRule.TryParse(rule, out HistoryRule wanted));
        return node.Retention.SetAsync(prefix, wanted);
    }

    public static async Task<string[]> VersionsAsync(NodeHistory history, long from = 1)
    {
        var versions = new List<string>();
        await foreach (HistoryEntry entry in history.ReadAsync(from))
        {
            versions.Add(Text(entry.Version));
        }

        return [.. versions];
    }

    public static string Text(HistoryVersion version) => $"{version.Number}: " + string.Join(", ", version.Changes.Select(
        change => $"{change.Field} {(change.HadBefore ? change.Before.ToString() : "-")}>{change.Value}"));

    public static string Text(HistoryView view) => view.Status != HistoryStatus.Found
        ? view.Status.ToString()
        : string.Join(", ", view.Fields.Select(field => $"{field.Field}={field.Value}"));
}
