using Weft.Primitives;

namespace Weft.Simulation;

/// <summary>A connection between two hosts of a <see cref="SimNetwork"/>. Each end closes for itself.</summary>
public sealed class SimConnection
{
    /// <summary>Messages that may hang on one direction of a cut connection; more are lost with it.</summary>
    internal const int StalledMax = 100_000;

    private readonly End _dialler = new();
    private readonly End _accepter = new();

    internal SimConnection(long id, int dialler, int accepter)
    {
        Id = id;
        Dialler = dialler;
        Accepter = accepter;
    }

    /// <summary>1 and up; never used again in one world.</summary>
    public long Id { get; }

    /// <summary>The host that dialled.</summary>
    public int Dialler { get; }

    /// <summary>The host that was dialled.</summary>
    public int Accepter { get; }

    /// <summary>The host at the other end.</summary>
    public int Other(int host) => host == Dialler ? Accepter : Dialler;

    /// <summary>True when <paramref name="host"/> is one of the two ends.</summary>
    public bool Has(int host) => host == Dialler || host == Accepter;

    /// <summary>True while <paramref name="host"/> has not learned of the connection's end.</summary>
    public bool IsOpenAt(int host) => EndOf(host).IsOpen;

    internal End EndOf(int host) => host == Dialler ? _dialler : _accepter;

    /// <summary>One end, and what it has on the way to the other.</summary>
    internal sealed class End
    {
        public bool IsOpen { get; set; } = true;

        /// <summary>When the last message of this direction arrives; nothing later arrives before it.</summary>
        public WeftInstant LastDue { get; set; }

        /// <summary>When the line is free again, with limited bandwidth.</summary>
        public WeftInstant Free { get; set; }

        /// <summary>What hangs in a cut.</summary>
        public Queue<ReadOnlyMemory<byte>> Stalled { get; } = new();
    }
}
