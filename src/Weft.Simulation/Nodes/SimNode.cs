using System.Buffers;
using Weft.Graph;
using Weft.Primitives;
using Weft.Protocols.Gun;

namespace Weft.Simulation;

/// <summary>
/// One node: the production cores (merge, commit log, GUN) on a simulated clock, disk and network. It carries what they
/// ask for, and decides nothing.
/// </summary>
/// <remarks>
/// A crash throws the cores away and keeps disk, tier and clock; a start makes new cores on what is left.
/// </remarks>
public sealed partial class SimNode : ISimHost
{
    private readonly SimWorld _world;
    private readonly SimNetwork _network;
    private readonly SimNodeOptions _options;
    private readonly SimChecks _checks;
    private readonly Dictionary<int, TimeSpan> _links = []; // Target, and the next pause before dialling it.
    private int _life;                                      // Counts starts; what an earlier life asked for is ignored.

    /// <summary>Adds a node to a network; it is down until <see cref="Start"/>.</summary>
    public SimNode(SimWorld world, SimNetwork network, SimNodeOptions options, SimChecks checks)
    {
        _world = world;
        _network = network;
        _options = options;
        _checks = checks;
        Clock = new SimClock(world);
        Disk = new SimDisk(world, new DiskProfile());
        Number = network.Add(this);
    }

    /// <summary>Its number in the network.</summary>
    public int Number { get; }

    /// <summary>Its clocks.</summary>
    public SimClock Clock { get; }

    /// <summary>Its disk.</summary>
    public SimDisk Disk { get; }

    /// <summary>The disk tier above its log.</summary>
    public SimTier Tier { get; } = new();

    /// <inheritdoc/>
    public bool IsUp { get; private set; }

    /// <summary>How often it was started.</summary>
    public int Starts => _life;

    /// <summary>
    /// All fields it holds now, tombstones included, in order of soul and field; empty while it is down.
    /// </summary>
    public IEnumerable<(string Soul, StoredField Field)> Fields => _store?.Graph.All ?? [];

    /// <summary>Connections it has now.</summary>
    public int Connections => _connections.Count + _sessions.Count;

    /// <summary>Writes that wait or are being made durable.</summary>
    public int WritesPending { get; private set; }

    /// <summary>Early writes it holds.</summary>
    public int Held => _deferred?.Count ?? 0;

    /// <summary>Recovers what the disk holds, and begins to serve and to dial.</summary>
    public void Start()
    {
        if (IsUp)
        {
            return;
        }

        IsUp = true;
        _life++;
        StartWrites();
        StartGun();
        StartSync();
        _checks.OnStarted(this, _store!.Scan);
        foreach (int target in _links.Keys.Order().ToList())
        {
            _links[target] = _options.RedialMin;
            Dial(target, TimeSpan.Zero);
        }
    }

    /// <summary>The process dies. Written bytes survive; with a power cut only flushed ones do.</summary>
    /// <param name="isPowerCut">True to lose or tear what was not flushed, and to tell nobody.</param>
    public void Crash(bool isPowerCut)
    {
        if (!IsUp)
        {
            return;
        }

        IsUp = false;
        _store!.Kill();
        _store = null;
        _gun = null;
        _connections.Clear();
        _sessions.Clear();
        WritesPending = 0;
        _writes.Clear();
        _checks.OnCrashed(this);
        _network.HostDown(Number, silently: isPowerCut);
        if (isPowerCut)
        {
            Disk.Crash();
        }
    }

    /// <summary>Keeps a link to another node: dials it now, and again whenever it breaks.</summary>
    public void Link(int target)
    {
        _links[target] = _options.RedialMin;
        if (IsUp)
        {
            Dial(target, TimeSpan.Zero);
        }
    }

    /// <summary>The field as reads see it, or null.</summary>
    public StoredField? Read(string soul, string field) =>
        _store is not null && _store.Graph.TryGet(soul, field, out StoredField found) ? found : null;

    /// <summary>True when this very write is held until it is due.</summary>
    public bool Holds(in FieldWrite write) => _held.Contains(write with { Extras = null });

    private void Dial(int target, TimeSpan pause) => After(pause, () => _network.Dial(Number, target));

    private void Redial(int target, TimeSpan? pause)
    {
        if (_links.TryGetValue(target, out TimeSpan next))
        {
            next = pause ?? next;
            Dial(target, next * (0.5 + _world.Random.NextDouble()));
            _links[target] = next * 2 < _options.RedialMax ? next * 2 : _options.RedialMax;
        }
    }

    /// <summary>Runs an action later, unless this life of the node is over by then.</summary>
    private void After(TimeSpan span, Action action)
    {
        int life = _life;
        _world.After(span, () =>
        {
            if (IsUp && life == _life)
            {
                action();
            }
        });
    }
}
