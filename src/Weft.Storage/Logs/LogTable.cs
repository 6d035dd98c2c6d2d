using System.Collections.Concurrent;
using Weft.Log;

namespace Weft.Storage.Logs;

/// <summary>The logs' part of a memory table: a layer for each log that changed.</summary>
/// <remarks>
/// Changes come under the engine's gate. One layer is read by the one caller of its log; others may come.
/// </remarks>
internal sealed class LogTable
{
    private readonly ConcurrentDictionary<Hash32, LogLayer> _layers = new();

    /// <summary>Memory it takes, about.</summary>
    public long Bytes { get; private set; }

    public IEnumerable<KeyValuePair<Hash32, LogLayer>> Layers => _layers;

    public bool IsEmpty => _layers.IsEmpty;

    public LogLayer? Find(in Hash32 key) => _layers.GetValueOrDefault(key);

    public void Apply(LogDelta delta)
    {
        LogLayer layer = _layers.GetOrAdd(delta.Key, static _ => new LogLayer());
        lock (layer)
        {
            long before = layer.Bytes;
            layer.Apply(delta);
            Bytes += layer.Bytes - before;
        }
    }
}
