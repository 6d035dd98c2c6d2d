using Weft.Primitives;
using Weft.Protocols.Sync;

namespace Weft.Protocols.Audit;

/// <summary>How one field differs between two peers.</summary>
public enum AuditDifferenceKind
{
    /// <summary>The one who audits has it, the other one does not.</summary>
    OnlyHere = 0,

    /// <summary>The other one has it, the one who audits does not.</summary>
    OnlyThere,

    /// <summary>Both have it; the state here is higher.</summary>
    NewerHere,

    /// <summary>Both have it; the state there is higher.</summary>
    NewerThere,

    /// <summary>Both have it with the same state and different values: a merge picks the larger text.</summary>
    Tied,
}

/// <summary>One field that differs.</summary>
/// <param name="Key">Which.</param>
/// <param name="Kind">How.</param>
/// <param name="StateHere">HAM's state here; NaN where it is not.</param>
/// <param name="StateThere">HAM's state there; NaN where it is not.</param>
public readonly record struct AuditDifference(SyncKey Key, AuditDifferenceKind Kind, double StateHere, double StateThere);

/// <summary>What an audit has found so far.</summary>
public sealed class AuditTally
{
    private readonly List<AuditDifference> _differences = [];

    /// <summary>Fields of the range here, when it was summed up.</summary>
    public long FieldsHere { get; internal set; }

    /// <summary>Fields of the range there.</summary>
    public long FieldsThere { get; internal set; }

    /// <summary>Fields that were compared one by one.</summary>
    public long Compared { get; internal set; }

    /// <summary>Fields that only this side has.</summary>
    public long OnlyHere { get; private set; }

    /// <summary>Fields that only the other side has.</summary>
    public long OnlyThere { get; private set; }

    /// <summary>Fields that are newer here.</summary>
    public long NewerHere { get; private set; }

    /// <summary>Fields that are newer there.</summary>
    public long NewerThere { get; private set; }

    /// <summary>Fields with the same state and different values.</summary>
    public long Tied { get; private set; }

    /// <summary>All that differ.</summary>
    public long Different => OnlyHere + OnlyThere + NewerHere + NewerThere + Tied;

    /// <summary>The first of them, in the order in which they were found.</summary>
    public IReadOnlyList<AuditDifference> Differences => _differences;

    /// <summary>Questions asked.</summary>
    public int Asks { get; internal set; }

    /// <summary>True when a ceiling ended it before everything was compared.</summary>
    public bool IsCut { get; internal set; }

    /// <summary>Why it failed; None when it did not.</summary>
    public WeftError Error { get; internal set; }

    internal void CountOnlyThere(long fields) => OnlyThere += fields;

    internal void Add(in AuditDifference difference, bool isCounted, int differencesMax)
    {
        if (_differences.Count < differencesMax)
        {
            _differences.Add(difference);
        }

        if (!isCounted)
        {
            return;
        }

        switch (difference.Kind)
        {
            case AuditDifferenceKind.OnlyHere:
                OnlyHere++;
                break;
            case AuditDifferenceKind.OnlyThere:
                OnlyThere++;
                break;
            case AuditDifferenceKind.NewerHere:
                NewerHere++;
                break;
            case AuditDifferenceKind.NewerThere:
                NewerThere++;
                break;
            default:
                Tied++;
                break;
        }
    }
}
