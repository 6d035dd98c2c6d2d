using Weft.Crypto;
using Weft.Primitives;

namespace Weft.Graph.Policy;

/// <content>Learning: what was committed, and what must be judged again because of it.</content>
public sealed partial class PolicyBook
{
    /// <summary>
    /// Takes a field that was committed; those of other souls than the system's are passed over. Called for every commit,
    /// and at the start for what the store holds of <c>weft:</c>. A dropped field takes its record back.
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
            case PolicySoulKind.Key when field.Field == RotationRecord.Field:
                KeyRecords known = _keys.GetValueOrDefault(about.Key, KeyRecords.None);
                StoreKey(about.Key, RotationRecord.TryRead(field.Value, out Ed25519PublicKey next)
                    ? known with { Next = next, NextState = field.State }
                    : known with { Next = default, NextState = double.PositiveInfinity }, outbox);
                break;
            case PolicySoulKind.Revoked:
                StoreRevocation(about.Key, field, outbox);
                break;
        }
    }

    private void StoreKey(Ed25519PublicKey key, KeyRecords records, Outbox<PolicyOutput> outbox)
    {
        KeyRecords known = _keys.GetValueOrDefault(key, KeyRecords.None);
        if (records == known)
        {
            return;
        }

        _keys = records.IsEmpty ? _keys.Remove(key) : _keys.SetItem(key, records);
        double from = Math.Min(
            Math.Min(known.NextState, known.RecoveredState), Math.Min(records.NextState, records.RecoveredState));
        Changed(new(PolicyOutputKind.Key, key.ToString(), from, key), outbox);
    }

    private void StoreRevocation(Ed25519PublicKey issuer, in StoredField field, Outbox<PolicyOutput> outbox)
    {
        (Ed25519PublicKey, string) id = (issuer, field.Field);
        bool had = _revoked.TryGetValue(id, out double before);
        if (field.Value.Kind == WeftValueKind.Text)
        {
            if (had && before == field.State)
            {
                return;
            }

            _revoked = _revoked.SetItem(id, field.State);
            Changed(new(PolicyOutputKind.Key, issuer.ToString(), had ? Math.Min(before, field.State) : field.State, issuer), outbox);
        }
        else if (had)
        {
            _revoked = _revoked.Remove(id);
            Changed(new(PolicyOutputKind.Key, issuer.ToString(), before, issuer), outbox);
        }
    }

    private void Changed(in PolicyOutput output, Outbox<PolicyOutput> outbox)
    {
        outbox.Add(output);
        Volatile.Write(ref _version, _version + 1);
    }
}
