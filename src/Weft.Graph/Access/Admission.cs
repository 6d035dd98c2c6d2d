using Weft.Graph.Policy;
using Weft.Primitives;

namespace Weft.Graph.Access;

/// <summary>What becomes of one write before it may be stored.</summary>
public enum AdmissionStep
{
    /// <summary>It is complete as it is.</summary>
    Take = 0,

    /// <summary>This node signs it as its local writer, once it has a state.</summary>
    SignNative,

    /// <summary>This node wraps and signs its value for a SEA soul, once it has a state.</summary>
    SignSea,
}

/// <summary>The judgement of one write.</summary>
/// <param name="Error">Why it is refused; None while it is not.</param>
/// <param name="Text">What exactly is wrong, for people; null when nothing is.</param>
/// <param name="Step">What is still to be done to it.</param>
/// <param name="Writer">Who made it: proven once all signatures have held.</param>
/// <param name="Owner">Whose soul it is.</param>
/// <param name="Sequence">The author's sequence number; 0 for none.</param>
/// <param name="Basis">The state of the version its writer saw; 0 for none.</param>
public readonly record struct WriteJudgement(
    WeftError Error,
    string? Text = null,
    AdmissionStep Step = AdmissionStep.Take,
    WriterId Writer = default,
    SoulOwner Owner = default,
    ulong Sequence = 0,
    double Basis = 0);

/// <summary>One signature, and the writes that fall with it.</summary>
/// <param name="Check">What must hold.</param>
/// <param name="Write">The write that asks for it.</param>
public readonly record struct NeededCheck(SignatureCheck Check, int Write);

/// <summary>A look into the graph that a certificate asks for: who stands on its block list is refused.</summary>
/// <param name="Block">Where to look.</param>
/// <param name="Write">The write that asks for it.</param>
public readonly record struct NeededBlock(SeaBlock Block, int Write);

/// <summary>The judgement of one delta: what is wrong with it, what is left to verify, what is left to sign.</summary>
/// <remarks>One caller at a time.</remarks>
public sealed class Admission
{
    private readonly WriteJudgement[] _writes;
    private List<NeededCheck>? _checks; // Made when needed: most writes have no check, and hardly any a block list.
    private List<NeededBlock>? _blocks;

    internal Admission(int writes, long policyVersion) =>
        (_writes, PolicyVersion) = (new WriteJudgement[writes], policyVersion);

    /// <summary>The version of the book that judged.</summary>
    public long PolicyVersion { get; internal set; }

    /// <summary>The position of the first write that is refused; -1 while none is.</summary>
    public int RefusedWrite { get; private set; } = -1;

    /// <summary>Why it is refused; None while nothing is.</summary>
    public WeftError Error => RefusedWrite < 0 ? WeftError.None : _writes[RefusedWrite].Error;

    /// <summary>The same for people.</summary>
    public string? Text => RefusedWrite < 0 ? null : _writes[RefusedWrite].Text;

    /// <summary>True when this node must sign some of the writes.</summary>
    public bool NeedsSigning { get; private set; }

    /// <summary>The signatures that must hold.</summary>
    public IReadOnlyList<NeededCheck> Checks => _checks is null ? [] : _checks;

    /// <summary>True when one of them may have been verified for another write already.</summary>
    public bool HasSharedChecks { get; private set; }

    /// <summary>The block lists to look at.</summary>
    public IReadOnlyList<NeededBlock> Blocks => _blocks is null ? [] : _blocks;

    /// <summary>The judgements, one for each write.</summary>
    public ReadOnlySpan<WriteJudgement> Writes => _writes;

    /// <summary>Notes that a signature does not hold, or that a writer is blocked.</summary>
    public void Refuse(int write, WeftError error, string? text = null)
    {
        if (_writes[write].Error != WeftError.None)
        {
            return;
        }

        _writes[write] = _writes[write] with { Error = error, Text = text };
        RefusedWrite = RefusedWrite < 0 ? write : Math.Min(RefusedWrite, write);
    }

    /// <summary>The same judgement for some of the writes, in their order.</summary>
    /// <param name="kept">Their positions, rising.</param>
    public Admission Only(IReadOnlyList<int> kept)
    {
        var only = new Admission(kept.Count, PolicyVersion);
        var places = new Dictionary<int, int>(kept.Count);
        for (int i = 0; i < kept.Count; i++)
        {
            places.Add(kept[i], i);
            only.Set(i, _writes[kept[i]]);
        }

        foreach (NeededCheck needed in Checks)
        {
            if (places.TryGetValue(needed.Write, out int place))
            {
                only.Need(needed.Check, place);
            }
        }

        return only;
    }

    internal void Set(int write, in WriteJudgement judgement)
    {
        _writes[write] = judgement;
        NeedsSigning |= judgement.Step != AdmissionStep.Take;
        if (judgement.Error != WeftError.None && RefusedWrite < 0)
        {
            RefusedWrite = write;
        }
    }

    internal void Need(SignatureCheck check, int write)
    {
        HasSharedChecks |= check.IsShared;
        (_checks ??= new(_writes.Length)).Add(new(check, write));
    }


    internal void Need(SeaBlock block, int write) => (_blocks ??= []).Add(new(block, write));
}
