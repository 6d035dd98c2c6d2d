using Weft.Crypto;
using Weft.Node.Storage;
using Weft.Graph;
using Weft.Primitives;

namespace Weft.Node;

/// <summary>What became of a change to a group. A refused one changed nothing.</summary>
/// <param name="Error">Why it was refused, or None.</param>
/// <param name="Epoch">The name of the epoch it made; empty when nothing had to change.</param>
/// <param name="Waiting">Members who get no key yet, because they have published none to wrap it for.</param>
/// <param name="Write">What became of the write.</param>
public readonly record struct GroupResult(
    WeftError Error, string Epoch, IReadOnlyList<Ed25519PublicKey> Waiting, WriteResult Write = default)
{
    /// <summary>True unless it was refused.</summary>
    public bool IsAccepted => Error == WeftError.None;

    internal static GroupResult Refused(WeftError error) => new(error, "", []);
}

/// <summary>One person of a group.</summary>
/// <param name="Key">Who.</param>
/// <param name="IsMember">False for somebody who was removed.</param>
/// <param name="HasKey">True when the newest key is wrapped for him.</param>
public readonly record struct GroupPerson(Ed25519PublicKey Key, bool IsMember, bool HasKey);

/// <summary>What a protected field turned out to be.</summary>
public enum SealStatus
{
    /// <summary>There is nothing to open: no value, or a deleted one.</summary>
    Nothing = 0,

    /// <summary>It was sealed for the group, and is open.</summary>
    Opened,

    /// <summary>
    /// This identity has no key for it: it was not a member when the value was sealed, or the epoch has not arrived.
    /// </summary>
    NotReadable,

    /// <summary>It was written in clear, past the group. The value is not shown as the group's.</summary>
    NotSealed,

    /// <summary>It is sealed for another group.</summary>
    OtherGroup,

    /// <summary>It was changed, or moved here from another field, node or network.</summary>
    Damaged,
}

/// <summary>The answer to a read of one protected field: a result, never an exception.</summary>
/// <param name="Status">What was found; says nothing about the seal.</param>
/// <param name="Seal">What the seal says.</param>
/// <param name="Value">The open value; null unless <see cref="SealStatus.Opened"/>.</param>
/// <param name="State">The state of what was found.</param>
/// <param name="Source">Where it came from.</param>
/// <param name="PeersAsked">How many peers were asked.</param>
/// <param name="Author">Who wrote it, when the write was signed. A seal alone proves no author.</param>
public readonly record struct ProtectedResult(
    ReadStatus Status,
    SealStatus Seal,
    WeftValue Value,
    double State,
    ReadSource Source,
    int PeersAsked,
    ReadOnlyMemory<byte> Author = default);

/// <summary>One field of a protected node.</summary>
/// <param name="Field">Its name.</param>
/// <param name="Seal">What the seal says.</param>
/// <param name="Value">The open value; null unless <see cref="SealStatus.Opened"/>.</param>
/// <param name="State">Its state.</param>
public readonly record struct ProtectedField(string Field, SealStatus Seal, WeftValue Value, double State);

/// <summary>The answer to a read of a protected node.</summary>
/// <param name="Status">Found when at least one field has a value, sealed or not.</param>
/// <param name="Fields">The fields in order of their names.</param>
public readonly record struct ProtectedNodeResult(ReadStatus Status, IReadOnlyList<ProtectedField> Fields);

/// <summary>One item of a protected node's changes.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Field">The field as it is now; its name is empty for Synced and Gap.</param>
/// <param name="Cursor">Resuming after this commit misses nothing; -1 while a snapshot is not complete.</param>
public readonly record struct ProtectedChange(ChangeKind Kind, ProtectedField Field, long Cursor);
