using System.Buffers.Binary;
using System.Text;
using Weft.Libp2p.Topics;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Protocols.Gossip;
using Weft.Protocols.Kad;
using Weft.Protocols.Topics;

namespace Weft.Node.Topics;

/// <summary>
/// Kept messages in the node's store: rows of its shelf of records, in the same commits as the graph.
/// </summary>
/// <remarks>
/// The key is a zero byte (which no key of the DHT begins with), the topic's name, a zero byte and the offset.
/// </remarks>
internal sealed class StoreTopicShelf(IStore store, IRecordShelf shelf) : ITopicShelf
{
    private const int OffsetLength = sizeof(long);

    public string Epoch => store.StoreId;

    /// <summary>True for a row of a kept topic.</summary>
    internal static bool Owns(ReadOnlySpan<byte> key) => key is [0, ..];

    public IEnumerable<ShelvedMessage> Load()
    {
        foreach (RecordChange change in shelf.Load()) // In the order of keys: topics one by one, offsets rising.
        {
            if (Owns(change.Key.Span) && change.Key.Length > OffsetLength + 2
                && KadRecord.TryRead(change.Record.Span, out KadRecord record, out _))
            {
                yield return new(
                    Encoding.UTF8.GetString(change.Key.Span[1..^(OffsetLength + 1)]),
                    BinaryPrimitives.ReadInt64BigEndian(change.Key.Span[^OffsetLength..]),
                    change.ReceivedMs,
                    record.Value);
            }
        }
    }

    public void Keep(string topic, long offset, double receivedMs, GossipMessage message)
    {
        byte[] key = KeyOf(topic, offset);
        KadRecord record = KadRecord.Make(key, TopicWire.BodyOf(message).Span);
        shelf.Write(new(key, record.Encoded, double.MaxValue, receivedMs, IsOwn: false));
    }

    public void Drop(string topic, long offset) => shelf.Write(new(KeyOf(topic, offset), default, 0, 0, IsOwn: false));

    public void KeepRetention(string pattern, ReadOnlyMemory<byte> retention)
    {
        byte[] key = KeyOf(pattern, 0); // No message has this offset.
        shelf.Write(retention.IsEmpty
            ? new(key, default, 0, 0, IsOwn: false)
            : new(key, KadRecord.Make(key, retention.Span).Encoded, double.MaxValue, 0, IsOwn: false));
    }

    public async ValueTask FlushAsync() =>
        await store.AppendAsync(new CommitBatch([], [], [], double.NegativeInfinity), Durability.Disk)
            .ConfigureAwait(false);

    private static byte[] KeyOf(string topic, long offset)
    {
        byte[] key = new byte[Encoding.UTF8.GetByteCount(topic) + OffsetLength + 2];
        Encoding.UTF8.GetBytes(topic, key.AsSpan(1));
        BinaryPrimitives.WriteInt64BigEndian(key.AsSpan(key.Length - OffsetLength), offset);
        return key;
    }
}
