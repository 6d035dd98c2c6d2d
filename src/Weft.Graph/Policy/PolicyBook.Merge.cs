namespace Weft.Graph.Policy;

/// <content>Questions about policies in force, and the order of versions.</content>
public sealed partial class PolicyBook
{
    /// <inheritdoc/>
    public bool IsPlain => true;

    /// <summary>
    /// The policy that judges what happens to <paramref name="soul"/> at <paramref name="state"/>: that of the node, else that
    /// of the longest prefix; of its versions the one with the greatest state that is not above.
    /// </summary>
    /// <returns>Null when none is in force: the rule of the owner holds alone.</returns>
    public PolicyInForce? Find(string soul, double state) => null;

    /// <summary>How versions of a field are merged.</summary>
    /// <param name="soul">The node.</param>
    /// <param name="field">The field.</param>
    /// <param name="state">The state of the version.</param>
    public MergeMethod MethodOf(string soul, string field, double state) => MergeMethod.Ham;

    /// <inheritdoc/>
    public HamVerdict Judge(in FieldWrite incoming, in StoredField known) =>
        Ham.Judge(incoming.Value, incoming.State, known.Value, known.State, double.PositiveInfinity);

    /// <summary>
    /// Judges what needs the stored field, for writers that want to be told: a second write to a write-once field, and a
    /// number that would step back. For a write that came from a peer this is no refusal: it loses the merge.
    /// </summary>
    /// <param name="write">The write.</param>
    /// <param name="known">What is stored.</param>
    /// <param name="hadKnown">False when nothing is.</param>
    public PolicyVerdict JudgeKnown(in FieldWrite write, in StoredField known, bool hadKnown) => PolicyVerdict.Allowed;
}
