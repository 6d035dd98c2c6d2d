using Weft.Crypto;
using Weft.Graph.Access;
using Weft.Graph.Policy;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Node;

/// <summary>What this node knows about the recovery of one key.</summary>
/// <param name="Key">The key.</param>
/// <param name="Set">The keys that together may name its successor; null when it named none.</param>
/// <param name="SetState">The state at which it named them; 0 for none.</param>
/// <param name="Record">
/// The successor they named; null for none. It counts while it shows <paramref name="Set"/>.
/// </param>
/// <param name="RecordState">The key is followed from there on; 0 for none.</param>
/// <param name="Next">The successor that the key named itself; null for none.</param>
/// <param name="Owner">Who stands for the key now; null when its successors go round in a circle.</param>
public sealed record KeyRecovery(
    Ed25519PublicKey Key,
    RecoverySet? Set,
    double SetState,
    RecoveryRecord? Record,
    double RecordState,
    Ed25519PublicKey? Next,
    Ed25519PublicKey? Owner);

/// <summary>
/// Names successors and recovery keys, and puts into force what the recovery keys of any key agreed on.
/// </summary>
/// <remarks>Safe to share between threads. Source: docs/spec/policy.md, section 5.</remarks>
public sealed class RecoveryDirectory
{
    /// <summary>
    /// The state at which recovery keys are named: the lowest, so that a thief of the key can name none before.
    /// </summary>
    public const double SetState = PolicyLimits.KeyStateMin;

    // The record proves itself; a signature of this node would add nothing but a key that can be retired.
    private static readonly WriteSource Unsigned = new("recovery", Door: WriteDoor.Client);

    private readonly WeftNode _node;
    private readonly Ed25519KeyPair _identity;

    internal RecoveryDirectory(WeftNode node, Ed25519KeyPair identity)
    {
        _node = node;
        _identity = identity;
    }

    /// <summary>Tells what this node's store knows of a key.</summary>
    /// <param name="key">Any key; null for this identity.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    public async ValueTask<KeyRecovery> FindAsync(
        Ed25519PublicKey? key = null, CancellationToken cancellationToken = default)
    {
        Ed25519PublicKey about = key ?? _identity.PublicKey;
        string soul = Ownership.KeyRecords + about;
        ReadResult set = await _node.Graph.ReadFieldAsync(soul, RecoverySet.Field, default, cancellationToken)
            .ConfigureAwait(false);
        ReadResult record = await _node.Graph.ReadFieldAsync(soul, RecoveryRecord.Field, default, cancellationToken)
            .ConfigureAwait(false);
        ReadResult next = await _node.Graph.ReadFieldAsync(soul, RotationRecord.Field, default, cancellationToken)
            .ConfigureAwait(false);
        return new(
            about, RecoverySet.Read(set.Value), set.State, RecoveryRecord.Read(record.Value), record.State,
            RotationRecord.TryRead(next.Value, out Ed25519PublicKey named) ? named : null, _node.Policies.EffectiveOwner(about, NowMs));
    }

    /// <summary>
    /// Names the recovery keys of this identity, for good: no later list takes their place. Naming the same again
    /// changes nothing.
    /// </summary>
    /// <param name="keys">1 to 16 different keys, none of them this identity's own.</param>
    /// <param name="needed">How many of them must agree on a successor: 1 and up.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <returns>
    /// What became of the record. Refused with <see cref="WeftError.WrittenOnce"/> when others were named before.
    /// </returns>
    /// <exception cref="ArgumentException">A bound is broken. Nothing was written.</exception>
    public async ValueTask<WriteResult> SetAsync(
        IReadOnlyList<Ed25519PublicKey> keys, int needed, CancellationToken cancellationToken = default)
    {
        ThrowIfInvalid(keys, needed);
        KeyRecovery known = await FindAsync(null, cancellationToken).ConfigureAwait(false);
        if (known is { Set: { } set, SetState: <= SetState })
        {
            return set.Needed == needed && set.Keys.ToHashSet().SetEquals(keys)
                ? Kept(known.SetState)
                : WriteResult.Refused(
                    WeftError.WrittenOnce, 0, "this key named its recovery keys before, and they stay");
        }

        var named = RecoverySet.Make(_node.Crypto, _identity, _node.NetworkId.Span, SetState, keys, needed);
        return await _node.Graph.WriteAsync(
            [new(Ownership.KeyRecords + _identity.PublicKey, RecoverySet.Field, named.ToValue(), SetState)],
            WriteSource.Local.With(_identity), Durability.Disk, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Puts into force that a key is followed by another one, as its recovery keys agreed. Anybody may.
    /// </summary>
    /// <param name="key">The key that is lost or stolen.</param>
    /// <param name="next">Its successor.</param>
    /// <param name="state">From there on, in milliseconds since 1970: not in the future.</param>
    /// <param name="signatures">At least as many as must agree, of different recovery keys.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <returns>
    /// What became of the record. Refused with <see cref="WeftError.SignatureRefused"/> when a signature is of a
    /// stranger, or for something else, or when there are too few; with <see cref="WeftError.StateTooFarAhead"/>; and
    /// with <see cref="WeftError.WrittenOnce"/> when they agreed on something else before.
    /// </returns>
    /// <exception cref="WeftException">Absent: this node knows of no recovery keys of the key.</exception>
    public async ValueTask<WriteResult> ClaimAsync(
        Ed25519PublicKey key, Ed25519PublicKey next, double state, IReadOnlyList<RecoverySignature> signatures,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(signatures);
        KeyRecovery known = await FindAsync(key, cancellationToken).ConfigureAwait(false);
        RecoverySet set = known.Set ?? throw new WeftException(
            WeftError.Absent, $"This node knows of no recovery keys of {key}.");
        if (!(state <= NowMs))
        {
            return WriteResult.Refused(
                WeftError.StateTooFarAhead, 0, "a key is recovered from a state on that has passed");
        }

        if (FaultOf(known, next, state, signatures) is { } fault)
        {
            return WriteResult.Refused(WeftError.SignatureRefused, 0, fault);
        }

        var record = new RecoveryRecord(
            next, set, known.SetState,
            [.. signatures.DistinctBy(one => one.Key).Select(one => KeyValuePair.Create(one.Key, one.Signature))]);
        WriteResult written = await _node.Graph.WriteAsync(
            [new(Ownership.KeyRecords + key, RecoveryRecord.Field, record.ToValue(), state)],
            Unsigned, Durability.Disk, cancellationToken).ConfigureAwait(false);
        if (!written.IsAccepted || written.Applied > 0)
        {
            return written;
        }

        // It lost to a record of the same state, which may name another key.
        KeyRecovery now = await FindAsync(key, cancellationToken).ConfigureAwait(false);
        return now.Record?.Next == next
            ? written
            : WriteResult.Refused(WeftError.WrittenOnce, 0, $"its recovery keys agreed on {now.Record?.Next} before");
    }

    /// <summary>
    /// Names the key that follows another one, for good: what belonged to the old key belongs to the new one from then
    /// on, at every peer that has the record, and what the old one signs later is refused.
    /// </summary>
    /// <param name="key">The key that ends: of this node or of a user. It signs the record.</param>
    /// <param name="next">Its successor. Keep it safe before: without it nobody writes what the old key owned.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <returns>
    /// What became of the record, on the disk when it is accepted. Naming the same successor again changes nothing;
    /// refused with <see cref="WeftError.KeyRotated"/> when the key has another one.
    /// </returns>
    public async ValueTask<WriteResult> RotateAsync(
        Ed25519KeyPair key, Ed25519PublicKey next, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(key);
        string soul = Ownership.KeyRecords + key.PublicKey;
        WriteResult written = await _node.Graph.WriteAsync(
            [new(soul, RotationRecord.Field, RotationRecord.Write(next), double.NaN)],
            WriteSource.Local.With(key), Durability.Disk, cancellationToken).ConfigureAwait(false);
        bool isTaken = written.Error is WeftError.KeyRotated or WeftError.WrittenOnce;
        if (written.IsAccepted ? written.Applied > 0 : !isTaken)
        {
            return written;
        }

        ReadResult known = await _node.Graph.ReadFieldAsync(soul, RotationRecord.Field, default, cancellationToken)
            .ConfigureAwait(false);
        return RotationRecord.TryRead(known.Value, out Ed25519PublicKey named) && named == next
            ? Kept(known.State)
            : WriteResult.Refused(WeftError.KeyRotated, 0, "the key has another successor already");
    }

    private double NowMs => (_node.Time.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalMilliseconds;

    private string? FaultOf(
        KeyRecovery known, Ed25519PublicKey next, double state, IReadOnlyList<RecoverySignature> signatures)
    {
        if (next == known.Key || state < known.SetState)
        {
            return next == known.Key ? "a key is not its own successor" : "the key had no recovery keys at that state";
        }

        foreach (RecoverySignature one in signatures)
        {
            if (!known.Set!.Keys.Contains(one.Key))
            {
                return $"{one.Key} is none of the recovery keys";
            }

            if (!one.IsFor(known.Key, next, state, _node.NetworkId.Span, _node.Crypto))
            {
                return $"what {one.Key} signed is another key, successor, state or network";
            }
        }

        int signers = signatures.DistinctBy(one => one.Key).Count();
        return signers < known.Set!.Needed ? $"{known.Set.Needed} recovery keys must sign, and {signers} did" : null;
    }

    private void ThrowIfInvalid(IReadOnlyList<Ed25519PublicKey> keys, int needed)
    {
        ArgumentNullException.ThrowIfNull(keys);
        if (keys.Count is 0 or > PolicyLimits.RecoveryKeysMax || keys.Distinct().Count() != keys.Count)
        {
            throw new ArgumentException($"There are 1 to {PolicyLimits.RecoveryKeysMax} different recovery keys.");
        }

        if (keys.Contains(_identity.PublicKey))
        {
            throw new ArgumentException("A key is no recovery key of its own.");
        }

        if (needed < 1 || needed > keys.Count)
        {
            throw new ArgumentException($"Of {keys.Count} recovery keys 1 to {keys.Count} can be asked to agree.");
        }
    }

    private WriteResult Kept(double state) =>
        new(state, _node.Options.Durability, _node.Store.CommittedSequence, 0, 1, 0);
}
