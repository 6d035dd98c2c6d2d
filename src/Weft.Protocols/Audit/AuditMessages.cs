using Weft.Primitives;
using Weft.Protocols.Sync;

namespace Weft.Protocols.Audit;

/// <summary>The first byte of a message of <c>/weft/audit/1</c>.</summary>
public enum AuditMessageKind : byte
{
    /// <summary><see cref="AuditAsk"/>.</summary>
    Ask = 1,

    /// <summary><see cref="AuditAnswer"/>.</summary>
    Answer = 2,

    /// <summary><see cref="AuditGoodbye"/>.</summary>
    Goodbye = 3,
}

/// <summary>One message of <c>/weft/audit/1</c>.</summary>
/// <remarks>Source: docs/spec/sync.md, section 8.</remarks>
public abstract record AuditMessage
{
    private protected AuditMessage()
    {
    }

    /// <summary>Which it is.</summary>
    public abstract AuditMessageKind Kind { get; }
}

/// <summary>One range that is asked about.</summary>
/// <param name="From">Where it begins.</param>
/// <param name="To">Where it ends; this place is not in it.</param>
/// <param name="Parts">Into how many parts it shall be summed up: 1 and up; 0 asks for the list of its fields.</param>
public readonly record struct AuditRange(SyncKey From, SyncKey To, int Parts);

/// <summary>One part of a range, as the one who was asked has it.</summary>
/// <param name="To">Where it ends; it begins where the one before it ends.</param>
/// <param name="Fingerprint">Of its fields: see <see cref="RangeSum.Fingerprint"/>.</param>
/// <param name="Count">How many fields it has.</param>
public readonly record struct AuditPart(SyncKey To, UInt128 Fingerprint, long Count);

/// <summary>One field, as the one who was asked has it.</summary>
/// <param name="Key">Its place.</param>
/// <param name="State">HAM's state.</param>
/// <param name="Id">What stands for it: <see cref="FieldHash.Id"/>.</param>
public readonly record struct AuditItem(SyncKey Key, double State, UInt128 Id);

/// <summary>What is said of one range: parts, or fields.</summary>
/// <param name="Parts">In order, without holes, to the end of the range; null for a list.</param>
/// <param name="Items">In order; null for parts.</param>
/// <param name="Next">For a list that goes on: where; null when it is complete.</param>
public sealed record AuditFinding(
    IReadOnlyList<AuditPart>? Parts, IReadOnlyList<AuditItem>? Items = null, SyncKey? Next = null);

/// <summary>A question about ranges under one prefix.</summary>
/// <param name="Number">Comes back with the answer: rises by one.</param>
/// <param name="Prefix">Of souls; empty for all.</param>
/// <param name="Ranges">At least one.</param>
public sealed record AuditAsk(long Number, string Prefix, IReadOnlyList<AuditRange> Ranges) : AuditMessage
{
    /// <inheritdoc/>
    public override AuditMessageKind Kind => AuditMessageKind.Ask;
}

/// <summary>The answer: findings for the first of the ranges, in their order; those that are left out are asked again.</summary>
/// <param name="Number">The question's.</param>
/// <param name="Findings">At least one.</param>
public sealed record AuditAnswer(long Number, IReadOnlyList<AuditFinding> Findings) : AuditMessage
{
    /// <inheritdoc/>
    public override AuditMessageKind Kind => AuditMessageKind.Answer;
}

/// <summary>The last message: why nothing more comes.</summary>
/// <param name="Error">Why.</param>
public sealed record AuditGoodbye(WeftError Error) : AuditMessage
{
    /// <inheritdoc/>
    public override AuditMessageKind Kind => AuditMessageKind.Goodbye;
}
