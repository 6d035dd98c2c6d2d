using Weft.Protocols.Sync;

namespace Weft.Node.Sync;

/// <summary>A part of the graph: all of it, the souls that begin alike, or one soul.</summary>
/// <remarks>
/// <code>
/// await node.Sync.WaitAsync(Scope.Prefix("room/"), timeout: TimeSpan.FromSeconds(5));
/// </code>
/// </remarks>
public sealed record Scope
{
    private Scope(string text, bool isSoul) => (Text, IsSoul) = (text, isSoul);

    /// <summary>The whole graph.</summary>
    public static Scope All { get; } = new("", false);

    /// <summary>The prefix, or the soul; empty for the whole graph.</summary>
    public string Text { get; }

    /// <summary>True for one soul.</summary>
    public bool IsSoul { get; }

    /// <summary>True for the whole graph.</summary>
    public bool IsAll => !IsSoul && Text.Length == 0;

    internal SyncReach Reach => IsAll ? default : new(Text, IsSoul);

    internal SyncKey From => new(Text, "");

    internal SyncKey To => IsSoul ? new(Text + "\0", "") : SyncKey.End;

    /// <summary>Every soul that begins so.</summary>
    /// <param name="prefix">Text; empty for the whole graph.</param>
    public static Scope Prefix(string prefix)
    {
        ArgumentNullException.ThrowIfNull(prefix);
        return prefix.Length == 0 ? All : new(prefix, false);
    }

    /// <summary>One node.</summary>
    /// <param name="soul">Its soul.</param>
    public static Scope Soul(string soul)
    {
        ArgumentException.ThrowIfNullOrEmpty(soul);
        return new(soul, true);
    }

    /// <inheritdoc/>
    public override string ToString() => IsAll ? "all" : IsSoul ? $"soul {Text}" : $"prefix {Text}";
}
