using System.Threading.Channels;
using Weft.Log;

namespace Weft.Node.Logs;

/// <summary>One connection of the log driver: a stream, what waits to be written to it, and counts.</summary>
internal sealed class LogLink(int number, string name, Stream stream, bool isOutbound)
{
    private const int FramesMax = 16_384;

    public int Number => number;

    public string Name => name;

    public Stream Stream => stream;

    public bool IsOutbound => isOutbound;

    /// <summary>The peer's key, once it is known.</summary>
    public Hash32? Peer { get; set; }

    /// <summary>
    /// Frames to write. The core bounds their bytes: it sends no more answers than were taken, and few questions; a
    /// link whose peer lets it run full all the same is closed.
    /// </summary>
    public Channel<ReadOnlyMemory<byte>> Outgoing { get; } = Channel.CreateBounded<ReadOnlyMemory<byte>>(
        new BoundedChannelOptions(FramesMax) { SingleReader = true, SingleWriter = true });

    /// <summary>Pieces that were read and not yet looked at.</summary>
    public SemaphoreSlim Room { get; } = new(2, 2);

    public long BytesIn;

    public long BytesOut;

    /// <summary>Why it ended.</summary>
    public string Reason { get; set; } = "it ended";

    public LogLinkInfo Info() => new(
        number, name, isOutbound, Peer, Interlocked.Read(ref BytesIn), Interlocked.Read(ref BytesOut));
}
