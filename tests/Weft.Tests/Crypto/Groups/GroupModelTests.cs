using Weft.Crypto;
using Weft.Primitives;
using static Weft.Tests.Crypto.GroupKit;

namespace Weft.Tests.Crypto;

/// <summary>
/// Joins, removals, rotations and writes by devices that learn of each other's epochs late, one at a time, in any order
/// or not at all. Whoever was removed gets everything there is to get: all epochs, all values. He must not read one
/// value of a writer who knew.
/// </summary>
public sealed class GroupModelTests
{
    private const int SeedsUsual = 200;

    private static readonly Ed25519KeyPair[] People = [.. Enumerable.Range(60, 5).Select(seed => Pair((ulong)seed))];

    private static readonly Dictionary<Ed25519PublicKey, byte[]> SealingKeys =
        People.Append(Owner).ToDictionary(pair => pair.PublicKey, SealingKeyOf);

    private static int Seeds =>
        Environment.GetEnvironmentVariable("WEFT_NIGHTLY") is null ? SeedsUsual : SeedsUsual * 20;

    [Fact]
    public void Ex_members_read_nothing_written_by_who_knew_and_members_read_everything()
    {
        var total = new Tally();
        for (int seed = 1; seed <= Seeds; seed++)
        {
            new Run((ulong)seed, total).Play();
        }

        Assert.Equal(0, total.ReadByExMembers);
        Assert.Equal(0, total.UnreadByMembers);

        // The run must have been about something.
        Assert.True(total.TriedByExMembers > Seeds * 5, $"{total.TriedByExMembers} tries by ex-members");
        Assert.True(total.ReadByMembers > Seeds * 5, $"{total.ReadByMembers} reads by members");
        Assert.True(total.SealedByMoreThanOneHead > Seeds / 2, $"{total.SealedByMoreThanOneHead} under several keys");
        Assert.True(total.AddedAgain > Seeds / 2, $"{total.AddedAgain} people were added again");
    }

    private sealed class Tally
    {
        public int ReadByExMembers { get; set; }

        public int TriedByExMembers { get; set; }

        public int ReadByMembers { get; set; }

        public int UnreadByMembers { get; set; }

        public int SealedByMoreThanOneHead { get; set; }

        public int AddedAgain { get; set; }
    }

    /// <summary>What was done to the group, kept beside the epochs: the model needs none of their code.</summary>
    private sealed record Deed(uint Number, HashSet<string> Before, Ed25519PublicKey? Added, Ed25519PublicKey? Removed);

    private sealed record Written(string Text, string Field, HashSet<Ed25519PublicKey> Removed);

    private sealed class Run(ulong seed, Tally tally)
    {
        private readonly WeftRandom _random = new(seed);
        private readonly Device[] _devices =
            [new(Owner), new(Owner), new(Owner), .. People.Select(pair => new Device(pair))];

        private readonly Dictionary<string, Deed> _deeds = [];
        private readonly Dictionary<string, GroupEpoch> _epochs = [];
        private readonly List<Written> _written = [];

        public void Play()
        {
            foreach (Ed25519KeyPair person in People[..3])
            {
                Change(_devices[0], add: person, remove: null);
            }

            int steps = 20 + _random.Next(30);
            for (int step = 0; step < steps; step++)
            {
                Device device = _devices[_random.Next(_devices.Length)];
                switch (_random.Next(10))
                {
                    case 0 or 1 or 2:
                        ChangeAtRandom(_devices[_random.Next(3)]);
                        break;
                    case 3 or 4:
                        WriteSome();
                        break;
                    case 5 when _random.Chance(0.3):
                        Split();
                        break;
                    default:
                        Gossip(device, _devices[_random.Next(_devices.Length)]);
                        break;
                }
            }

            Heal();
            Judge();
        }

        private void ChangeAtRandom(Device device)
        {
            if (device.State.Heads.Count == 0)
            {
                return; // A device that has heard nothing would found a second group; the node looks before it does.
            }

            Ed25519KeyPair person = People[_random.Next(People.Length)];
            bool isMember = device.State.IsMember(person.PublicKey);
            switch (_random.Next(5))
            {
                case 0:
                    Change(device, null, null);
                    break;
                case < 4 when isMember:
                    Change(device, null, person);
                    break;
                default:
                    Change(device, isMember ? null : person, null);
                    break;
            }
        }

        private void Change(Device device, Ed25519KeyPair? add, Ed25519KeyPair? remove)
        {
            var before = Closure(device);
            bool again = add is not null && before.Any(name => _deeds[name].Removed == add.PublicKey);
            GroupEpoch epoch = device.Change(
                add is null ? [] : [add], remove is null ? [] : [remove], _random, key => SealingKeys[key]);
            _epochs[epoch.Name] = epoch;
            _deeds[epoch.Name] = new(epoch.Number, before, add?.PublicKey, remove?.PublicKey);
            tally.AddedAgain += again ? 1 : 0;
        }

        /// <summary>One epoch passes, or several: never in order, and what came before may be missing.</summary>
        private void Gossip(Device from, Device to)
        {
            foreach (GroupEpoch epoch in from.Known)
            {
                if (_random.Chance(0.6))
                {
                    to.Learn(epoch);
                }
            }
        }

        /// <summary>The owner's devices change the group apart from each other; then word of it goes round.</summary>
        private void Split()
        {
            foreach (Device owner in _devices[..3])
            {
                ChangeAtRandom(owner);
            }

            foreach (Device device in _devices)
            {
                Gossip(_devices[_random.Next(3)], device);
                Gossip(_devices[_random.Next(3)], device);
            }

            WriteSome();
        }

        private void WriteSome()
        {
            foreach (Device device in _devices)
            {
                if (_random.Chance(0.5))
                {
                    Write(device);
                }
            }
        }

        private void Write(Device device)
        {
            string field = $"f{_written.Count}";
            if (device.Seal("trip", field, $"\"{field}\"", _random) is not string text)
            {
                return;
            }

            HashSet<Ed25519PublicKey> removed = RemovedAsFarAsKnown(device);
            _written.Add(new(text, field, removed));
            tally.SealedByMoreThanOneHead += device.State.Heads.Count > 1 ? 1 : 0;
            if (device.State.Heads.Count == 1)
            {
                // As long as nobody has done two things at once, every member reads at once.
                foreach (Ed25519KeyPair person in People.Where(pair => device.State.IsMember(pair.PublicKey)))
                {
                    Count(Open(text, "trip", field, KeysOf(person, device.State.Heads)) == $"\"{field}\"");
                }
            }
        }

        /// <summary>Everything reaches everybody, and the owner brings the heads together.</summary>
        private void Heal()
        {
            foreach (Device device in _devices)
            {
                foreach (GroupEpoch epoch in _epochs.Values.OrderBy(_ => _random.NextUInt64()).ToArray())
                {
                    device.Learn(epoch);
                }
            }

            string heads = string.Join(' ', _devices[0].State.Heads.Select(head => head.Name));
            foreach (Device device in _devices)
            {
                Assert.Equal(heads, string.Join(' ', device.State.Heads.Select(head => head.Name)));
            }

            Device owner = _devices[0];
            if (owner.State.NeedsEpoch() || LacksHistory(owner))
            {
                Change(owner, null, null);
            }

            GroupEpoch only = Assert.Single(owner.State.Heads);
            Assert.False(owner.State.NeedsEpoch() || LacksHistory(owner), $"seed {seed}");
            foreach (Device device in _devices)
            {
                device.Learn(only);
            }
        }

        private static bool LacksHistory(Device device) =>
            device.State.Members().Any(member => device.History.MissingFor(member).Count > 0);

        private void Judge()
        {
            HashSet<Ed25519PublicKey> everRemoved =
                [.. _deeds.Values.Where(deed => deed.Removed is not null).Select(deed => deed.Removed!.Value)];
            foreach (Ed25519KeyPair person in People)
            {
                Dictionary<string, byte[]> keys = KeysOf(person, _epochs.Values);
                bool alwaysMember =
                    _devices[0].State.IsMember(person.PublicKey) && !everRemoved.Contains(person.PublicKey);
                foreach (Written value in _written)
                {
                    bool isRead = Open(value.Text, "trip", value.Field, keys) is not null;
                    if (value.Removed.Contains(person.PublicKey))
                    {
                        tally.TriedByExMembers++;
                        tally.ReadByExMembers += isRead ? 1 : 0;
                        Assert.False(isRead, $"seed {seed}: an ex-member reads {value.Field}");
                    }
                    else if (alwaysMember)
                    {
                        Count(isRead);
                    }
                }
            }

            Dictionary<string, byte[]> owners = KeysOf(Owner, _epochs.Values);
            Assert.All(_written, value => Assert.NotNull(Open(value.Text, "trip", value.Field, owners)));
        }

        private void Count(bool isRead)
        {
            tally.ReadByMembers += isRead ? 1 : 0;
            tally.UnreadByMembers += isRead ? 0 : 1;
            Assert.True(isRead, $"seed {seed}: a member cannot read");
        }

        /// <summary>All a device knows of, with what its makers knew: an epoch tells that too.</summary>
        private HashSet<string> Closure(Device device)
        {
            HashSet<string> closure = [.. device.Known.Select(epoch => epoch.Name)];
            foreach (GroupEpoch epoch in device.Known)
            {
                closure.UnionWith(_deeds[epoch.Name].Before);
            }

            return closure;
        }

        /// <summary>Whose last known deed, by number, was a removal; of two of one number the removal counts.</summary>
        private HashSet<Ed25519PublicKey> RemovedAsFarAsKnown(Device device)
        {
            var last = new Dictionary<Ed25519PublicKey, (uint Number, bool Removed)>();
            foreach (Deed deed in Closure(device).Select(name => _deeds[name]))
            {
                foreach ((Ed25519PublicKey? person, bool removed) in
                    new[] { (deed.Added, false), (deed.Removed, true) })
                {
                    if (person is Ed25519PublicKey key
                        && (!last.TryGetValue(key, out var known) || (deed.Number, removed).CompareTo(known) > 0))
                    {
                        last[key] = (deed.Number, removed);
                    }
                }
            }

            return [.. last.Where(word => word.Value.Removed).Select(word => word.Key)];
        }
    }
}
