using Weft.Primitives;
using Weft.Protocols.Kad;
using Weft.Protocols.Kad.Records;

namespace Weft.Simulation;

/// <summary>How a simulated DHT peer behaves.</summary>
public enum KadBehaviour
{
    /// <summary>As it should.</summary>
    Honest = 0,

    /// <summary>It answers nothing.</summary>
    Silent = 1,

    /// <summary>It names only its accomplices, and keeps nothing.</summary>
    Misleading = 2,
}

/// <summary>One peer of a <see cref="KadWorld"/>: the production core, and what its driver would hold.</summary>
public sealed class KadSimNode
{
    private const int ConnectionsMax = 256;

    private int[]? _connected; // Numbers from 1; 0 is nobody.

    internal KadSimNode(int number, PeerId peer, KadKey place) => (Number, Peer, Place) = (number, peer, place);

    /// <summary>Its number in the world.</summary>
    public int Number { get; }

    /// <summary>Its id.</summary>
    public PeerId Peer { get; }

    /// <summary>Its place in the key space.</summary>
    public KadKey Place { get; }

    /// <summary>How it behaves.</summary>
    public KadBehaviour Behaviour { get; internal set; }

    /// <summary>The core; null before it starts for the first time.</summary>
    public KadCore? Core { get; internal set; }

    /// <summary>Its records.</summary>
    public IRecordStore? Records { get; internal set; }

    /// <summary>False before it starts, and after it was killed.</summary>
    public bool IsUp { get; internal set; }

    /// <summary>Rises with every start, so that what was meant for an earlier life is dropped.</summary>
    internal int Life { get; set; }

    /// <summary>Where it stands in the world's list of those that are up.</summary>
    internal int UpIndex { get; set; }

    internal Dictionary<long, Action<KadResult>>? Waiting { get; set; }

    /// <summary>
    /// Two peers have a connection; it lasts until another takes its place. Peers of few bytes: there are many.
    /// </summary>
    /// <returns>True when there was none: identify runs.</returns>
    internal bool Connect(int other)
    {
        _connected ??= new int[ConnectionsMax];
        ref int slot = ref _connected[other % ConnectionsMax];
        bool isNew = slot != other + 1;
        slot = other + 1;
        return isNew;
    }

    internal void Forget() => (_connected, Waiting) = (null, null);

    /// <inheritdoc/>
    public override string ToString() => $"node {Number}";
}
