using BenchmarkDotNet.Attributes;
using Weft.Graph;
using Weft.Primitives;

namespace Weft.Benchmarks;

/// <summary>Merges deltas of 1,024 fields into known ones. Budget: 0 bytes allocated per field.</summary>
[MemoryDiagnoser]
public class GraphCoreBenchmarks
{
    private const int Fields = 1_024;
    private const double NowMs = 1_800_000_000_000;

    private readonly GraphCore _core = new(new GraphOptions());
    private readonly GraphView _view = new();
    private readonly Outbox<GraphOutput> _outbox = new();
    private FieldWrite[] _delta = [];
    private StoredField[] _known = [];

    /// <summary>How the incoming states stand to the known ones: each is another way through the merge.</summary>
    [Params("newer", "older", "tie")]
    public string Incoming { get; set; } = "";

    [GlobalSetup]
    public void Setup()
    {
        var random = new WeftRandom(seed: 1);
        _delta = new FieldWrite[Fields];
        _known = new StoredField[Fields];
        double state = NowMs + (Incoming == "newer" ? -1 : Incoming == "older" ? -1_000 : -500);
        for (int i = 0; i < Fields; i++)
        {
            string soul = $"bench/{random.NextUInt64():x16}";
            string text = $"a value of about sixty bytes, which is what fields have: {i:0000}";
            _delta[i] = new FieldWrite(soul, "name", text + "b", state);
            _known[i] = new StoredField("name", text + "a", NowMs - 500, i + 1);
        }
    }

    [Benchmark(OperationsPerInvoke = Fields)]
    public int Merge()
    {
        _view.Begin(_delta);
        for (int slot = 0; slot < _view.Count; slot++)
        {
            _view.Set(slot, _known[slot]);
        }

        _outbox.Clear();
        _core.Apply(_delta, _view, NowMs, _outbox);
        return _outbox.Items.Length; // Returned, so that the merges cannot be optimised away.
    }
}

/// <summary>The bare decision about one field. Budget: 0 bytes allocated.</summary>
[MemoryDiagnoser]
public class HamBenchmarks
{
    private const double NowMs = 1_800_000_000_000;

    private readonly WeftValue _incoming = "a value of about sixty bytes, which is what fields have: first";
    private readonly WeftValue _known = "a value of about sixty bytes, which is what fields have: second";

    [Benchmark]
    public HamVerdict Newer() => Ham.Judge(_incoming, NowMs - 1, _known, NowMs - 2, NowMs);

    /// <summary>The dearest one: the texts are compared.</summary>
    [Benchmark]
    public HamVerdict Tie() => Ham.Judge(_incoming, NowMs - 1, _known, NowMs - 1, NowMs);
}
