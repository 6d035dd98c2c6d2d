using Weft.Graph;
using Weft.Graph.Access;
using Weft.Graph.Policy;
using Weft.Primitives;

namespace Weft.Tests.Graph.Policy;

/// <summary>One write on its way between replicas, with the writer its proof would show.</summary>
internal sealed record ModelOp(FieldWrite Write, WriterId Writer);

/// <summary>
/// One peer of the model: the production book and core, a store of one version per field, and the re-judging a driver
/// does.
/// </summary>
internal sealed class ModelReplica
{
    private readonly Dictionary<FieldKey, (StoredField Field, WriterId Writer)> _store = [];
    private readonly GraphView _view = new();
    private readonly Outbox<GraphOutput> _decisions = new();
    private readonly GraphCore _core = new(new GraphOptions());
    private readonly List<ModelOp> _early = [];

    public PolicyBook Book { get; } = new(new PolicyOptions(), PolicyRig.Crypto, PolicyRig.Network);

    public HamClock Clock { get; } = new();

    /// <summary>Fields that a late record took back.</summary>
    public int Drops { get; private set; }

    /// <summary>What the replica shows: every field with a version, dropped ones left out.</summary>
    public IEnumerable<ModelOp> Visible => _store
        .Where(item => item.Value.Field.State != PolicyBook.DroppedState)
        .Select(item => new ModelOp(
            new FieldWrite(item.Key.Soul, item.Key.Field, item.Value.Field.Value, item.Value.Field.State),
                item.Value.Writer));

    public SortedDictionary<string, string> Snapshot => new(
        Visible.ToDictionary(op => $"{op.Write.Soul} {op.Write.Field}", op => $"{op.Write.Value}@{op.Write.State}"),
        StringComparer.Ordinal);

    /// <summary>Takes a write from anywhere; one from the future waits.</summary>
    /// <returns>True when the store changed.</returns>
    public bool Take(ModelOp op, double now)
    {
        if (!Book.JudgeWrite(op.Write, op.Writer, new PolicyContext(Ownership.Of(op.Write.Soul))).IsAllowed)
        {
            return false;
        }

        var key = new FieldKey(op.Write.Soul, op.Write.Field);
        FieldWrite[] delta = [op.Write];
        _view.Begin(delta);
        if (_store.TryGetValue(key, out var known))
        {
            _view.Set(0, known.Field);
        }

        _decisions.Clear();
        _core.Apply(delta, _view, now, _decisions, Book);
        Clock.Observe(Math.Min(op.Write.State, now));
        if (_decisions[0].Kind == GraphOutputKind.Defer)
        {
            _early.Add(op);
        }

        if (_decisions[0].Kind != GraphOutputKind.Persist)
        {
            return false;
        }

        Commit(key, new StoredField(key.Field, op.Write.Value, op.Write.State, 1), op.Writer);
        return true;
    }

    public void TakeDue(double now)
    {
        foreach (ModelOp op in _early.Where(op => op.Write.State <= now).ToArray())
        {
            _early.Remove(op);
            Take(op, now);
        }
    }

    /// <summary>
    /// Stores a field, and judges again whatever it reaches, as often as that brings up something new.
    /// </summary>
    private void Commit(FieldKey key, StoredField field, WriterId writer)
    {
        _store[key] = (field, writer);
        var outputs = new Outbox<PolicyOutput>();
        Book.OnStored(key.Soul, field, outputs);
        foreach (PolicyOutput output in outputs.Items.ToArray())
        {
            foreach ((FieldKey other, (StoredField stored, WriterId by)) in _store.ToArray())
            {
                bool reached = output.Kind switch
                {
                    PolicyOutputKind.Prefix => other.Soul.StartsWith(output.Text, StringComparison.Ordinal),
                    PolicyOutputKind.Node => other.Soul == output.Text,
                    _ => true,
                };
                var write = new FieldWrite(other.Soul, other.Field, stored.Value, stored.State);
                if (reached && stored.State >= output.FromState && stored.State != PolicyBook.DroppedState
                    && !Book.JudgeWrite(write, by, new PolicyContext(Ownership.Of(other.Soul))).IsAllowed)
                {
                    Drops++;
                    Commit(other, new StoredField(other.Field, default, PolicyBook.DroppedState, 1), default);
                }
            }
        }
    }
}
