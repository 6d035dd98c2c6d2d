using Weft.Graph;

namespace Weft.Node;

/// <summary>What must hold of a field for a write to happen. It is judged under the field's lane: nothing comes between.</summary>
public readonly record struct FieldCondition
{
    private readonly double _state;

    private FieldCondition(bool present, double state) => (IsPresent, _state) = (present, state);

    /// <summary>The field has a value.</summary>
    public static FieldCondition Present { get; } = new(true, double.NaN);

    /// <summary>The field has no value: it is absent or deleted.</summary>
    public static FieldCondition NotPresent { get; } = new(false, double.NaN);

    /// <summary>True when the field must have a value, false when it must have none.</summary>
    public bool IsPresent { get; }

    /// <summary>The field has a value in exactly this state.</summary>
    public static FieldCondition InState(double state) => new(true, state);

    internal bool Holds(GraphView view)
    {
        bool present = view.TryGet(0, out StoredField known) && !known.Value.IsNull;
        return present == IsPresent && (double.IsNaN(_state) || known.State == _state);
    }
}
