using Weft.Protocols.Gossip;

namespace Weft.Libp2p.Topics;

/// <summary>Where kept messages outlive a restart. Safe to use from many threads.</summary>
public interface ITopicShelf
{
    /// <summary>
    /// Names this store: another one has another name, so that cursors of one are not taken by another.
    /// </summary>
    string Epoch { get; }

    /// <summary>
    /// What is kept, by topic, each in the order of its offsets. At offset 0 stands what was set for a pattern of topics.
    /// </summary>
    IEnumerable<ShelvedMessage> Load();

    /// <summary>Keeps a message; durable once <see cref="FlushAsync"/> has completed.</summary>
    void Keep(string topic, long offset, double receivedMs, GossipMessage message);

    /// <summary>Forgets a message.</summary>
    void Drop(string topic, long offset);

    /// <summary>Keeps what was set for a pattern of topics; nothing to forget it.</summary>
    void KeepRetention(string pattern, ReadOnlyMemory<byte> retention);

    /// <summary>Completes when everything before it is durable.</summary>
    ValueTask FlushAsync();
}

/// <summary>One message of a shelf.</summary>
/// <param name="Topic">Its topic.</param>
/// <param name="Offset">Its place; 0 for a retention, with the pattern as the topic.</param>
/// <param name="ReceivedMs">When it came, in milliseconds since 1970.</param>
/// <param name="Body">The message as in a pubsub RPC; or the retention.</param>
public readonly record struct ShelvedMessage(string Topic, long Offset, double ReceivedMs, ReadOnlyMemory<byte> Body);

/// <summary>A shelf that forgets with the process.</summary>
/// <param name="epoch">Another one for each run.</param>
public sealed class MemoryTopicShelf(string epoch) : ITopicShelf
{
    /// <inheritdoc/>
    public string Epoch => epoch;

    /// <inheritdoc/>
    public IEnumerable<ShelvedMessage> Load() => [];

    /// <inheritdoc/>
    public void Keep(string topic, long offset, double receivedMs, GossipMessage message)
    {
    }

    /// <inheritdoc/>
    public void Drop(string topic, long offset)
    {
    }

    /// <inheritdoc/>
    public void KeepRetention(string pattern, ReadOnlyMemory<byte> retention)
    {
    }

    /// <inheritdoc/>
    public ValueTask FlushAsync() => default;
}
