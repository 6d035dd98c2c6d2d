namespace Weft.Protocols.Gossip;

/// <summary>What happened to a frame.</summary>
public enum GossipQueued
{
    /// <summary>It is in line.</summary>
    Queued,

    /// <summary>It is in line, and older messages had to go for it.</summary>
    DroppedOlder,

    /// <summary>Too much control is in line: the peer does not read, and should be dropped.</summary>
    Full,
}

/// <summary>
/// Frames in line for one peer. Control goes before messages; when a peer is slow, its oldest messages are dropped.
/// </summary>
/// <remarks>One caller at a time. A message that is larger than the whole line is let through alone.</remarks>
public sealed class GossipSendQueue(GossipOptions options)
{
    private readonly Queue<ReadOnlyMemory<byte>> _control = [];
    private readonly Queue<ReadOnlyMemory<byte>> _data = [];

    /// <summary>Bytes of control in line.</summary>
    public long ControlBytes { get; private set; }

    /// <summary>Bytes of messages in line.</summary>
    public long DataBytes { get; private set; }

    /// <summary>Messages dropped so far.</summary>
    public long Dropped { get; private set; }

    /// <summary>True when nothing is in line.</summary>
    public bool IsEmpty => _control.Count == 0 && _data.Count == 0;

    /// <summary>Puts a frame in line.</summary>
    public GossipQueued Add(ReadOnlyMemory<byte> frame, bool isControl)
    {
        if (isControl)
        {
            if (ControlBytes + frame.Length > options.ControlQueueBytesMax && _control.Count > 0)
            {
                return GossipQueued.Full;
            }

            _control.Enqueue(frame);
            ControlBytes += frame.Length;
            return GossipQueued.Queued;
        }

        GossipQueued result = GossipQueued.Queued;
        while (DataBytes + frame.Length > options.DataQueueBytesMax && _data.Count > 0)
        {
            DataBytes -= _data.Dequeue().Length;
            Dropped++;
            result = GossipQueued.DroppedOlder;
        }

        _data.Enqueue(frame);
        DataBytes += frame.Length;
        return result;
    }

    /// <summary>Looks at the next frame.</summary>
    public bool TryPeek(out ReadOnlyMemory<byte> frame) => _control.TryPeek(out frame) || _data.TryPeek(out frame);

    /// <summary>Takes the next frame.</summary>
    public bool TryTake(out ReadOnlyMemory<byte> frame)
    {
        if (_control.TryDequeue(out frame))
        {
            ControlBytes -= frame.Length;
            return true;
        }

        if (_data.TryDequeue(out frame))
        {
            DataBytes -= frame.Length;
            return true;
        }

        return false;
    }
}
