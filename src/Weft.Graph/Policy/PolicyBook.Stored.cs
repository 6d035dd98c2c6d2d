using System.Collections.Immutable;
using Weft.Crypto;
using Weft.Graph.Access;
using Weft.Primitives;

namespace Weft.Graph.Policy;

/// <content>Learning: what was committed, and what must be judged again because of it.</content>
public sealed partial class PolicyBook
{
    private const int KeyBytes = 4_096; // What the records of a key, or a revocation, are counted with.

    // Of all owners but the network, whose records always find room.
    private int _records;
    private long _recordBytes;

    /// <summary>
    /// Takes a field that was committed; those of other souls than the system's are passed over. Called for every
    /// commit, and at the start for what the store holds of <c>weft:</c>. A dropped field takes its record back.
    /// </summary>
    /// <param name="soul">The node.</param>
    /// <param name="field">The field as it is stored now.</param>
    /// <param name="outbox">Takes what must be judged again.</param>
    public void OnStored(string soul, in StoredField field, Outbox<PolicyOutput> outbox)
    {
        if (!PolicySoul.IsSystem(soul))
        {
            return;
        }

        PolicySoul about = PolicySoul.Of(soul);
        switch (about.Kind)
        {
            case PolicySoulKind.Prefix or PolicySoulKind.Node:
                StorePolicy(about, Ownership.Of(soul), field, outbox);
                break;
            case PolicySoulKind.Key:
                StoreKey(about.Key, field, outbox);
                break;
            case PolicySoulKind.Revoked:
                StoreRevocation(about.Key, field, outbox);
                break;
        }
    }

    private void StorePolicy(PolicySoul about, SoulOwner owner, in StoredField field, Outbox<PolicyOutput> outbox)
    {
        if (VersionNumber(field.Field) is not { } number || owner.Kind == SoulOwnerKind.Nobody)
        {
            return;
        }

        bool isNode = about.Kind == PolicySoulKind.Node;
        SoulOwner authority = AuthorityOf(owner);
        OwnerPolicies policies = _policies.GetValueOrDefault(authority, OwnerPolicies.Empty);
        PolicyInForce? before = policies.Version(isNode, about.Text, number);
        PolicyInForce? after = ReadPolicy(field.Value, owner, out _) is { } document
            ? new(about.Text, isNode, number, field.State, document, field.Value.Json.Length)
            : null;
        if (before is null && after is null)
        {
            return;
        }

        policies = policies.With(isNode, about.Text, number, after);
        _policies = policies.Records == 0 ? _policies.Remove(authority) : _policies.SetItem(authority, policies);
        if (policies.HasMerge != _hasMerge)
        {
            Volatile.Write(ref _hasMerge, policies.HasMerge || _policies.Values.Any(one => one.HasMerge));
        }

        if (policies.HasHistory != _hasHistory)
        {
            Volatile.Write(ref _hasHistory, policies.HasHistory || _policies.Values.Any(one => one.HasHistory));
        }

        if (authority.Kind != SoulOwnerKind.Network)
        {
            Count(before is not null, after is not null, (after?.Bytes ?? 0) - (before?.Bytes ?? 0));
        }

        double from = Math.Min(before?.State ?? double.PositiveInfinity, after?.State ?? double.PositiveInfinity);
        Changed(new(isNode ? PolicyOutputKind.Node : PolicyOutputKind.Prefix, about.Text, from), outbox);
    }

    private void StoreKey(Ed25519PublicKey key, in StoredField field, Outbox<PolicyOutput> outbox)
    {
        KeyRecords known = _keys.GetValueOrDefault(key, KeyRecords.None);
        KeyRecords records = known;
        switch (field.Field)
        {
            case RotationRecord.Field:
                bool isThere = RotationRecord.TryRead(field.Value, out Ed25519PublicKey next);
                records = known with { Next = next, NextState = isThere ? field.State : double.PositiveInfinity };
                break;
            case RecoverySet.Field:
                records = known with { Set = RecoverySet.Read(field.Value), SetState = field.State };
                break;
            case RecoveryRecord.Field:
                records = known with { Recovery = RecoveryRecord.Read(field.Value), RecoveryState = field.State };
                break;
        }

        _keys = records.IsEmpty ? _keys.Remove(key) : _keys.SetItem(key, records);
        Count(!known.IsEmpty, !records.IsEmpty, records.IsEmpty ? -KeyBytes : known.IsEmpty ? KeyBytes : 0);
        if (!records.FollowsLike(known))
        {
            double from = Math.Min(known.RetiredFrom, records.RetiredFrom);
            Changed(new(PolicyOutputKind.Key, key.ToString(), from, key), outbox);
        }
    }

    private void StoreRevocation(Ed25519PublicKey issuer, in StoredField field, Outbox<PolicyOutput> outbox)
    {
        double? before = RevokedAt(issuer, field.Field);
        double? after = field.Value.Kind == WeftValueKind.Text ? field.State : null;
        if (before == after)
        {
            return;
        }

        ImmutableDictionary<string, double> ids = _revoked.GetValueOrDefault(
            issuer, ImmutableDictionary.Create<string, double>(StringComparer.Ordinal));
        ids = after is { } state ? ids.SetItem(field.Field, state) : ids.Remove(field.Field);
        _revoked = ids.IsEmpty ? _revoked.Remove(issuer) : _revoked.SetItem(issuer, ids);
        Count(before is not null, after is not null, after is null ? -KeyBytes : before is null ? KeyBytes : 0);
        double from = Math.Min(before ?? double.PositiveInfinity, after ?? double.PositiveInfinity);
        Changed(new(PolicyOutputKind.Key, issuer.ToString(), from, issuer), outbox);
    }

    private void Count(bool before, bool after, int bytes)
    {
        _records += (after ? 1 : 0) - (before ? 1 : 0);
        _recordBytes += bytes;
    }

    private void Changed(in PolicyOutput output, Outbox<PolicyOutput> outbox)
    {
        outbox.Add(output);
        Volatile.Write(ref _version, _version + 1);
    }
}
