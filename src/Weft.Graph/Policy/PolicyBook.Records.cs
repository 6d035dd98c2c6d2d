using System.Globalization;
using Weft.Crypto;
using Weft.Graph.Access;
using Weft.Primitives;

namespace Weft.Graph.Policy;

/// <content>Judging the records themselves: policies, rotations, recoveries, revocations.</content>
public sealed partial class PolicyBook
{
    private const int ReasonCharsMax = 1_024;

    /// <summary>The number of a version: "1" to "64", in the one usual form.</summary>
    internal static int? VersionNumber(string field) =>
        field.Length <= 2 && field[0] != '0'
            && int.TryParse(field, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            && number <= PolicyLimits.VersionsMax
            ? number
            : null;

    private PolicyVerdict JudgeRecord(in FieldWrite write, in WriterId writer, in SoulOwner owner)
    {
        PolicySoul about = PolicySoul.Of(write.Soul);
        switch (about.Kind)
        {
            case PolicySoulKind.Prefix or PolicySoulKind.Node:
                PolicyVerdict verdict = JudgeWriter(OwnerAlone, writer, owner, write.State);
                return verdict.IsAllowed ? JudgePolicy(write, owner, about) : verdict;
            case PolicySoulKind.Key:
                return JudgeKeyRecord(write, writer, about.Key);
            case PolicySoulKind.Revoked:
                verdict = JudgeWriter(OwnerAlone, writer, owner, write.State);
                return verdict.IsAllowed ? JudgeRevocation(write, about.Key) : verdict;
            case PolicySoulKind.Group:
                return JudgeWriter(OwnerAlone, writer, owner, write.State);
            default:
                return new(WeftError.OwnedByNobody, "nobody may write this soul");
        }
    }

    private PolicyVerdict JudgePolicy(in FieldWrite write, in SoulOwner owner, PolicySoul about)
    {
        if (VersionNumber(write.Field) is not { } number)
        {
            return Invalid($"the versions of a policy are the fields \"1\" to \"{PolicyLimits.VersionsMax}\"");
        }

        if (ReadPolicy(write.Value, owner, out string? fault) is null)
        {
            return Invalid($"the policy cannot be read: {fault}");
        }

        OwnerPolicies? known = PoliciesOf(owner);
        bool isNew = known?.Version(about.Kind == PolicySoulKind.Node, about.Text, number) is null;
        return isNew && owner.Kind != SoulOwnerKind.Network
            ? JudgeRoom(known?.Records ?? 0, write.Value)
            : PolicyVerdict.Allowed;
    }

    private PolicyVerdict JudgeKeyRecord(in FieldWrite write, in WriterId writer, Ed25519PublicKey key)
    {
        // There must be a lowest state: who names his recovery keys with it is sure that no thief names others before.
        if (write.State < PolicyLimits.KeyStateMin)
        {
            return Invalid($"the records of a key have a state of {PolicyLimits.KeyStateMin} and up");
        }

        bool isNew = !_keys.ContainsKey(key);
        if (write.Field == RecoveryRecord.Field)
        {
            // It proves itself, so that anybody may bring it: those who need it have lost the key.
            return RecoveryRecord.Read(write.Value) is not { } record ? Invalid("the recovery cannot be read")
                : !record.Proves(key, write.State, _network, _crypto)
                    ? new(WeftError.SignatureRefused, "the recovery is not signed as its key wanted it")
                    : isNew ? JudgeRoom(0, write.Value) : PolicyVerdict.Allowed;
        }

        if (writer.Kind != WriterKind.Native || writer.Key != key)
        {
            return writer.Kind == WriterKind.Native
                ? new(WeftError.NotOwner, $"only {key} itself names its successor and its recovery keys")
                : new(WeftError.SignatureMissing, $"it belongs to {key}");
        }

        switch (write.Field)
        {
            case RotationRecord.Field:
                return RotationRecord.TryRead(write.Value, out Ed25519PublicKey next) && next != key
                    ? isNew ? JudgeRoom(0, write.Value) : PolicyVerdict.Allowed
                    : Invalid("the rotation cannot be read");
            case RecoverySet.Field:
                return RecoverySet.Read(write.Value) is not { } set ? Invalid("the recovery keys cannot be read")
                    : !set.IsSignedBy(key, write.State, _network, _crypto)
                        ? new(WeftError.SignatureRefused, "the recovery keys are not signed for this state")
                        : isNew ? JudgeRoom(0, write.Value) : PolicyVerdict.Allowed;
            case SealingKey.Field:
                Span<byte> sealingKey = stackalloc byte[SealingKey.Length];
                return SealingKey.TryRead(write.Value.AsText(), _crypto, key, _network, sealingKey)
                    ? PolicyVerdict.Allowed
                    : Invalid("the key that groups are wrapped for cannot be read");
            default:
                return Invalid($"a key has the fields \"{RotationRecord.Field}\", \"{RecoverySet.Field}\", "
                    + $"\"{RecoveryRecord.Field}\" and \"{SealingKey.Field}\"");
        }
    }

    private PolicyVerdict JudgeRevocation(in FieldWrite write, Ed25519PublicKey issuer)
    {
        if (!Ed25519PublicKey.TryParse(write.Field, out _)) // An id has the length and the text form of a key.
        {
            return Invalid("a revocation names a block by 43 characters of base64url");
        }

        if (write.Value.Kind != WeftValueKind.Text || write.Value.Json.Length > ReasonCharsMax)
        {
            return Invalid($"the value of a revocation is its reason, at most {ReasonCharsMax} bytes");
        }

        return RevokedAt(issuer, write.Field) is null
            ? JudgeRoom(_revoked.TryGetValue(issuer, out var ids) ? ids.Count : 0, write.Value)
            : PolicyVerdict.Allowed;
    }

    private PolicyVerdict JudgeRoom(int ofOwner, WeftValue value) =>
        ofOwner < _options.RecordsPerOwnerMax && _records < _options.RecordsMax
            && _recordBytes + value.Json.Length <= _options.RecordBytesMax
            ? PolicyVerdict.Allowed
            : new(WeftError.TooComplex,
                "this node holds as many policies, rotations and revocations as its options allow");

    private PolicyDocument? ReadPolicy(WeftValue value, in SoulOwner owner, out string? fault)
    {
        const int QuotedMax = (2 * PolicyLimits.DocumentBytesMax) + 2;
        WeftValue inner = owner.Kind == SoulOwnerKind.Sea ? SeaRules.Unwrap(value) : value;
        if (inner.Kind == WeftValueKind.Text && inner.Json.Length <= QuotedMax)
        {
            return PolicyDocumentCodec.Read(inner.AsText()!, _crypto, out fault);
        }

        fault = $"it is no text of at most {PolicyLimits.DocumentBytesMax} bytes";
        return null;
    }

    private static PolicyVerdict Invalid(string text) => new(WeftError.PolicyInvalid, text);
}
