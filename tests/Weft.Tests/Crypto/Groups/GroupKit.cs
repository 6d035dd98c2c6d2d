using Weft.Crypto;
using Weft.Primitives;

namespace Weft.Tests.Crypto;

/// <summary>People, and an owner's hand, for tests of groups.</summary>
internal static class GroupKit
{
    public static ICrypto Provider { get; } = PlatformCrypto.Create();

    public static byte[] Network { get; } = Bytes(32, 98);

    public static Ed25519KeyPair Owner { get; } = Pair(50);

    public static Ed25519KeyPair Bob { get; } = Pair(51);

    public static Ed25519KeyPair Eve { get; } = Pair(52);

    public static Ed25519KeyPair Zoe { get; } = Pair(53);

    public static GroupName Family { get; } = new(Owner.PublicKey, "family");

    public static Ed25519KeyPair Pair(ulong seed) => new(Provider, Bytes(32, seed));

    public static byte[] Bytes(int length, ulong seed)
    {
        var bytes = new byte[length];
        new WeftRandom(seed).Fill(bytes);
        return bytes;
    }

    /// <summary>The X25519 key of somebody, by way of what he publishes.</summary>
    public static byte[] SealingKeyOf(Ed25519KeyPair pair)
    {
        var key = new byte[32];
        Assert.True(SealingKey.TryRead(
            SealingKey.Publish(Provider, pair, Network), Provider, pair.PublicKey, Network, key));
        return key;
    }

    /// <summary>One device of a peer: what it knows of the group.</summary>
    public sealed class Device(Ed25519KeyPair pair, GroupAuthority? by = null)
    {
        private readonly Dictionary<string, GroupEpoch> _known = [];
        private readonly Dictionary<string, byte[]> _keys = [];

        public Ed25519KeyPair Pair { get; } = pair;

        public GroupState State { get; } = new(Family);

        /// <summary>As whom it changes the group.</summary>
        public GroupAuthority By { get; } = by ?? GroupAuthority.Of(Family);

        public GroupHistory History { get; } = new();

        public IReadOnlyCollection<GroupEpoch> Known => _known.Values;

        public void Learn(GroupEpoch epoch)
        {
            if (_known.TryAdd(epoch.Name, epoch))
            {
                State.Add(epoch);
                History.Add(epoch);
                foreach (EpochKey key in epoch.Unwrap(Provider, Pair, Network))
                {
                    _keys[key.Epoch] = key.Key;
                }
            }
        }

        /// <summary>Every key that the device can get at, from whatever it knows.</summary>
        public IReadOnlyDictionary<string, byte[]> Keys => _keys;

        /// <summary>Seals as a member does; null when a key is missing.</summary>
        public string? Seal(string soul, string field, string json, WeftRandom random)
        {
            if (!State.CanSeal || !State.Heads.All(head => _keys.ContainsKey(head.Name)))
            {
                return null;
            }

            var salt = new byte[SealedValue.SaltLength];
            random.Fill(salt);
            return SealedValue.Seal(
                Provider,
                Network,
                Family,
                [.. State.Heads.Select(head => new EpochKey(head.Name, _keys[head.Name]))],
                soul,
                field,
                System.Text.Encoding.UTF8.GetBytes(json),
                salt);
        }

        /// <summary>Makes an epoch, as the owner's node does.</summary>
        public GroupEpoch Change(
            IReadOnlyCollection<Ed25519KeyPair> add,
            IReadOnlyCollection<Ed25519KeyPair> remove,
            WeftRandom random,
            Func<Ed25519PublicKey, byte[]> sealingKeyOf,
            GroupStanding standing = GroupStanding.In)
        {
            GroupPlan plan = State.Plan(
                [.. add.Select(pair => pair.PublicKey)], [.. remove.Select(pair => pair.PublicKey)], standing, By);
            var recipients = new List<GroupRecipient>();
            foreach (GroupMember member in plan.Members.Where(member => member.IsIn))
            {
                EpochKey[] history = [.. History.MissingFor(member)
                    .Where(epoch => _keys.ContainsKey(epoch.Name))
                    .Select(epoch => new EpochKey(epoch.Name, _keys[epoch.Name]))];
                recipients.Add(new(member, sealingKeyOf(member.Key), history));
            }

            var secrets = new byte[64];
            random.Fill(secrets);
            GroupEpoch? epoch = State.Create(
                Provider, Network, Pair, plan, recipients, secrets.AsSpan(0, 32), secrets.AsSpan(32), out string? text);
            Assert.NotNull(epoch);
            Assert.NotNull(text);
            Learn(epoch);
            return epoch;
        }
    }

    public static Dictionary<string, byte[]> KeysOf(Ed25519KeyPair pair, IEnumerable<GroupEpoch> epochs)
    {
        var keys = new Dictionary<string, byte[]>();
        foreach (GroupEpoch epoch in epochs)
        {
            foreach (EpochKey key in epoch.Unwrap(Provider, pair, Network))
            {
                keys[key.Epoch] = key.Key;
            }
        }

        return keys;
    }

    public static string? Open(string text, string soul, string field, IReadOnlyDictionary<string, byte[]> keys)
    {
        Assert.True(SealedValue.TryParse(text, out SealedValue? value));
        if (!value.Epochs.All(keys.ContainsKey))
        {
            return null;
        }

        byte[]? plain = value.Open(
            Provider, Network, [.. value.Epochs.Select(epoch => new EpochKey(epoch, keys[epoch]))], soul, field);
        return plain is null ? null : System.Text.Encoding.UTF8.GetString(plain);
    }
}
