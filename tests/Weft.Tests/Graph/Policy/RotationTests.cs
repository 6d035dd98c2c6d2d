using Weft.Crypto;
using Weft.Graph;
using Weft.Graph.Policy;
using Weft.Primitives;

namespace Weft.Tests.Graph.Policy;

public sealed class RotationTests
{
    private static readonly string Soul = $"${PolicyRig.Key(1)}/a";
    private static readonly string KeySoul = $"weft:key/{PolicyRig.Key(1)}";

    private readonly PolicyRig _rig = new();

    [Fact]
    public void From_its_state_on_a_rotation_hands_souls_to_the_successor()
    {
        Assert.Equal(WeftError.None, _rig.JudgeBy(1, KeySoul, "next", RotationRecord.Write(PolicyRig.Key(2)), 10));
        _rig.Store(KeySoul, "next", RotationRecord.Write(PolicyRig.Key(2)), 10);

        Assert.Equal(WeftError.None, _rig.JudgeBy(1, Soul, "f", "v", 10));
        Assert.Equal(WeftError.NotOwner, _rig.JudgeBy(2, Soul, "f", "v", 10));
        Assert.Equal(WeftError.KeyRotated, _rig.JudgeBy(1, Soul, "f", "v", 10.001));
        Assert.Equal(WeftError.None, _rig.JudgeBy(2, Soul, "f", "v", 10.001));
        Assert.Equal(WeftError.KeyRotated, _rig.JudgeBy(1, "public", "f", "v", 11));
        Assert.Equal(WeftError.KeyRotated, _rig.JudgeBy(1, KeySoul, "next", RotationRecord.Write(PolicyRig.Key(9)),
            11));
        Assert.Equal(WeftError.None, _rig.JudgeBy(2, PolicyRig.PrefixSoul($"${PolicyRig.Key(1)}"), "1", PolicyRig.Text(
            "{'weft':1,'class':'public'}"), 11));
        Assert.Equal(WeftError.None, _rig.JudgeBy(2, $"weft:revoked/{PolicyRig.Key(1)}", $"{PolicyRig.Key(70)}", "x",
            11));
        Assert.True(_rig.Book.IsRetired(PolicyRig.Key(1), 11));
    }

    [Fact]
    public void A_key_publishes_the_key_that_groups_are_wrapped_for_and_nobody_else_does()
    {
        WeftValue own = SealingKey.Publish(PolicyRig.Crypto, PolicyRig.Pair(1), PolicyRig.NetworkId);
        WeftValue foreign = SealingKey.Publish(PolicyRig.Crypto, PolicyRig.Pair(2), PolicyRig.NetworkId);
        WeftValue elsewhere = SealingKey.Publish(PolicyRig.Crypto, PolicyRig.Pair(1), new byte[32]);

        Assert.Equal(WeftError.None, _rig.JudgeBy(1, KeySoul, SealingKey.Field, own, 10));
        Assert.Equal(WeftError.NotOwner, _rig.JudgeBy(2, KeySoul, SealingKey.Field, own, 10));
        Assert.Equal(WeftError.PolicyInvalid, _rig.JudgeBy(1, KeySoul, SealingKey.Field, foreign, 10));
        Assert.Equal(WeftError.PolicyInvalid, _rig.JudgeBy(1, KeySoul, SealingKey.Field, elsewhere, 10));
        Assert.Empty(_rig.Store(KeySoul, SealingKey.Field, own, 10));
        Assert.True(_rig.Book.IsEmpty);
    }

    [Fact]
    public void Rotations_are_followed_as_each_stood_at_the_state()
    {
        _rig.Store(KeySoul, "next", RotationRecord.Write(PolicyRig.Key(2)), 10);
        _rig.Store($"weft:key/{PolicyRig.Key(2)}", "next", RotationRecord.Write(PolicyRig.Key(3)), 20);

        Assert.Equal(PolicyRig.Key(1), _rig.Book.EffectiveOwner(PolicyRig.Key(1), 10));
        Assert.Equal(PolicyRig.Key(2), _rig.Book.EffectiveOwner(PolicyRig.Key(1), 20));
        Assert.Equal(PolicyRig.Key(3), _rig.Book.EffectiveOwner(PolicyRig.Key(1), 21));

        _rig.Store($"weft:key/{PolicyRig.Key(3)}", "next", RotationRecord.Write(PolicyRig.Key(1)), 30);
        Assert.Null(_rig.Book.EffectiveOwner(PolicyRig.Key(1), 31));
        Assert.Equal(WeftError.OwnedByNobody, _rig.JudgeBy(9, Soul, "f", "v", 31));
    }

    [Fact]
    public void Grants_writers_and_network_follow_rotations()
    {
        string text = $"{{'weft':1,'class':'protected','writers':['{PolicyRig.Key(4)}']}}";
        _rig.StorePolicy("n/", 1, 1, text);
        _rig.Store($"weft:key/{PolicyRig.Key(4)}", "next", RotationRecord.Write(PolicyRig.Key(5)), 10);
        _rig.Store($"weft:key/{PolicyRig.Network}", "next", RotationRecord.Write(PolicyRig.Key(6)), 10);
        var grant = new GrantClaim([new(PolicyRig.Key(6), $"{PolicyRig.Key(70)}")], PolicyRig.Key(4));

        Assert.Equal(WeftError.None, _rig.JudgeBy(5, "n/a", "f", "v", 11));
        Assert.Equal(WeftError.KeyRotated, _rig.JudgeBy(4, "n/a", "f", "v", 11));
        Assert.Equal(WeftError.None, _rig.JudgeBy(6, "n/a", "f", "v", 11));
        Assert.Equal(WeftError.KeyRotated, _rig.JudgeBy(200, "n/a", "f", "v", 11));
        Assert.Equal(WeftError.None, _rig.JudgeBy(6, PolicyRig.PrefixSoul("n/"), "2", PolicyRig.Text(text), 11));
        Assert.Equal(WeftError.None, _rig.Judge("n/a", "f", "v", 11, WriterId.Native(PolicyRig.Key(5), grant)).Error);
    }

    [Fact]
    public void Only_the_key_itself_names_its_successor()
    {
        WeftValue next = RotationRecord.Write(PolicyRig.Key(2));

        Assert.Equal(WeftError.NotOwner, _rig.JudgeBy(2, KeySoul, "next", next, 10));
        Assert.Equal(WeftError.SignatureMissing, _rig.Judge(KeySoul, "next", next, 10).Error);
        Assert.Equal(WeftError.PolicyInvalid, _rig.JudgeBy(1, KeySoul, "next", RotationRecord.Write(PolicyRig.Key(1)),
            10));
        Assert.Equal(WeftError.PolicyInvalid, _rig.JudgeBy(1, KeySoul, "next", "{\"key\": \"x\"}", 10));
        Assert.Equal(WeftError.PolicyInvalid, _rig.JudgeBy(1, KeySoul, "next", WeftValue.Null, 10));
        Assert.Equal(WeftError.PolicyInvalid, _rig.JudgeBy(1, KeySoul, "other", next, 10));
        Assert.Equal(WeftError.PolicyInvalid, _rig.JudgeBy(1, KeySoul, "x25519", next, 10));
        Assert.Equal(WeftError.PolicyInvalid, _rig.JudgeBy(1, KeySoul, "x25519", WeftValue.Null, 10));
    }

    [Fact]
    public void Enough_recovery_keys_name_a_successor_and_beat_a_rotation()
    {
        RecoverySet set = Set(state: 5);
        WeftValue recovered = Recovered(set, 5, 30, PolicyRig.Key(3), 11, 12);
        Assert.Equal(WeftError.None, _rig.JudgeBy(1, KeySoul, "recovery", set.ToValue(), 5));
        Assert.Equal(WeftError.None, _rig.Judge(KeySoul, "recovered", recovered, 30).Error);

        // The thief of key 1 rotated to his key 9; the recovery comes before the list of keys it needs.
        _rig.Store(KeySoul, "next", RotationRecord.Write(PolicyRig.Key(9)), 20);
        Assert.Empty(_rig.Store(KeySoul, "recovered", recovered, 30));
        Assert.Equal(PolicyRig.Key(9), _rig.Book.EffectiveOwner(PolicyRig.Key(1), 31));
        PolicyOutput again = Assert.Single(_rig.Store(KeySoul, "recovery", set.ToValue(), 5));

        Assert.Equal(20, again.FromState);
        Assert.Equal(PolicyRig.Key(9), _rig.Book.EffectiveOwner(PolicyRig.Key(1), 30));
        Assert.Equal(PolicyRig.Key(3), _rig.Book.EffectiveOwner(PolicyRig.Key(1), 31));
    }

    [Fact]
    public void List_of_a_thief_stands_behind_the_earlier_one()
    {
        RecoverySet own = Set(state: 5);
        RecoverySet thief = RecoverySet.Make(
            PolicyRig.Crypto, PolicyRig.Pair(1), PolicyRig.NetworkId, 6, [PolicyRig.Key(20)], needed: 1);
        WeftValue stolen = Recovered(thief, 6, 7, PolicyRig.Key(9), 20);
        WeftValue rightful = Recovered(own, 5, 30, PolicyRig.Key(3), 11, 13);
        _rig.Store(KeySoul, "recovery", own.ToValue(), 5);
        _rig.Store(KeySoul, "recovered", stolen, 7);

        Assert.Equal(PolicyRig.Key(1), _rig.Book.EffectiveOwner(PolicyRig.Key(1), 100));
        Assert.Equal(
            HamVerdict.Incoming,
            _rig.Book.Judge(new(KeySoul, "recovered", rightful, 30), new StoredField("recovered", stolen, 7, 1)));
        Assert.Equal(
            HamVerdict.KnownByPolicy,
            _rig.Book.Judge(new(KeySoul, "recovered", stolen, 7), new StoredField("recovered", rightful, 30, 1)));
        Assert.Equal(
            HamVerdict.KnownByPolicy,
            _rig.Book.Judge(new(KeySoul, "recovery", thief.ToValue(), 6), new StoredField("recovery", own.ToValue(),
                5, 1)));
    }

    [Fact]
    public void Nothing_is_named_before_the_lowest_state()
    {
        foreach (double state in (double[])[0.999, 0, -1, double.MinValue])
        {
            WeftValue next = RotationRecord.Write(PolicyRig.Key(2));
            Assert.Equal(WeftError.PolicyInvalid, _rig.JudgeBy(1, KeySoul, "recovery", Set(state).ToValue(), state));
            Assert.Equal(WeftError.PolicyInvalid, _rig.JudgeBy(1, KeySoul, "next", next, state));
        }

        Assert.Equal(WeftError.None, _rig.JudgeBy(1, KeySoul, "recovery", Set(1).ToValue(), 1));
    }

    [Fact]
    public void Signatures_are_read_back_from_their_text_and_hold_for_nothing_else()
    {
        RecoverySignature made = RecoverySignature.Make(
            PolicyRig.Crypto, PolicyRig.Pair(11), PolicyRig.NetworkId, PolicyRig.Key(1), PolicyRig.Key(3), 30);
        string text = made.ToString();

        Assert.True(RecoverySignature.TryParse(text, out RecoverySignature read));
        Assert.Equal((RecoverySignature.TextLength, text, PolicyRig.Key(11)), (text.Length, read.ToString(), read.Key));
        Assert.True(IsFor(read, 1, 3, 30, PolicyRig.NetworkId));
        Assert.False(IsFor(read, 2, 3, 30, PolicyRig.NetworkId));
        Assert.False(IsFor(read, 1, 4, 30, PolicyRig.NetworkId));
        Assert.False(IsFor(read, 1, 3, 31, PolicyRig.NetworkId));
        Assert.False(IsFor(read, 1, 3, 30, new byte[32]));
        Assert.False(IsFor(read with { Key = PolicyRig.Key(12) }, 1, 3, 30, PolicyRig.NetworkId));
        foreach (string wrong in (string[])
            ["", ".", text[..^1], text + "A", text.Replace('.', '-'), text.Replace('.', '='), "=" + text[1..]])
        {
            Assert.False(RecoverySignature.TryParse(wrong, out _), wrong);
        }

        static bool IsFor(RecoverySignature one, byte key, byte next, double state, byte[] network) =>
            one.IsFor(PolicyRig.Key(key), PolicyRig.Key(next), state, network, PolicyRig.Crypto);
    }

    [Fact]
    public void Recovery_that_lacks_a_signature_is_refused()
    {
        RecoverySet set = Set(state: 5);
        RecoverySet forged = set with { Signature = new byte[64] };
        WeftValue good = Recovered(set, 5, 30, PolicyRig.Key(3), 11, 12);

        Assert.Equal(WeftError.SignatureRefused, _rig.Judge(KeySoul, "recovered", good, 31).Error);
        Assert.Equal(WeftError.SignatureRefused, _rig.Judge($"weft:key/{PolicyRig.Key(2)}", "recovered", good,
            30).Error);
        Assert.Equal(WeftError.SignatureRefused, _rig.Judge(KeySoul, "recovered", Recovered(set, 6, 30, PolicyRig.Key(
            3), 11, 12), 30).Error);
        Assert.Equal(WeftError.SignatureRefused, _rig.Judge(KeySoul, "recovered", Recovered(forged, 5, 30,
            PolicyRig.Key(3), 11, 12), 30).Error);
        Assert.Equal(WeftError.PolicyInvalid, _rig.Judge(KeySoul, "recovered", Recovered(set, 5, 30, PolicyRig.Key(3),
            11), 30).Error);
        Assert.Equal(WeftError.PolicyInvalid, _rig.Judge(KeySoul, "recovered", Recovered(set, 5, 30, PolicyRig.Key(3),
            11, 20), 30).Error);
        Assert.Equal(WeftError.SignatureRefused, _rig.JudgeBy(1, KeySoul, "recovery", set.ToValue(), 6));
        Assert.Equal(WeftError.NotOwner, _rig.JudgeBy(2, KeySoul, "recovery", set.ToValue(), 5));

        var elsewhere = new PolicyRig(network: PolicyRig.Key(201));
        Assert.Equal(WeftError.SignatureRefused, elsewhere.Judge(KeySoul, "recovered", good, 30).Error);
    }

    [Fact]
    public void Records_are_read_back_as_they_were_written()
    {
        RecoverySet set = Set(state: 5);
        RecoveryRecord record = RecoveryRecord.Read(Recovered(set, 5, 30, PolicyRig.Key(3), 12, 11))!;

        Assert.Equal(set.ToValue(), RecoverySet.Read(set.ToValue())!.ToValue());
        Assert.Equal(record.ToValue(), Recovered(set, 5, 30, PolicyRig.Key(3), 11, 12));
        Assert.Equal((PolicyRig.Key(3), 5d, 2), (record.Next, record.SetState, record.Signatures.Count));
        Assert.True(RotationRecord.TryRead(RotationRecord.Write(PolicyRig.Key(2)), out Ed25519PublicKey next));
        Assert.Equal(PolicyRig.Key(2), next);
        Assert.Null(RecoverySet.Read(record.ToValue()));
        Assert.Null(RecoveryRecord.Read(set.ToValue()));
    }

    private static RecoverySet Set(double state) => RecoverySet.Make(
        PolicyRig.Crypto, PolicyRig.Pair(1), PolicyRig.NetworkId, state,
        [PolicyRig.Key(11), PolicyRig.Key(12), PolicyRig.Key(13)], needed: 2);

    private static WeftValue Recovered(RecoverySet set, double setState, double state, Ed25519PublicKey next,
        params byte[] signers)
    {
        byte[] message = RecoveryRecord.Message(PolicyRig.NetworkId, PolicyRig.Key(1), next, state);
        return new RecoveryRecord(next, set, setState, [.. signers.Select(signer =>
        {
            byte[] signature = new byte[64];
            PolicyRig.Pair(signer).Sign(PolicyRig.Crypto, message, signature);
            return new KeyValuePair<Ed25519PublicKey, ReadOnlyMemory<byte>>(PolicyRig.Key(signer), signature);
        })]).ToValue();
    }
}
