using Weft.Crypto;
using Weft.Primitives;
using static Weft.Tests.Crypto.GroupKit;

namespace Weft.Tests.Crypto;

/// <summary>
/// The owner's key is stolen, and rotated in the middle of joins, removals, writes and partitions. Some devices hear of
/// the rotation late; other devices of the owner go on with the old key until they do. The thief makes epochs with the old
/// key, dated after the rotation and before it, adds an accomplice, and removes whom he likes. He gets everything there is.
/// </summary>
public sealed class GroupRotationModelTests
{
    private const int SeedsUsual = 60;

    private static readonly Ed25519KeyPair Next = Pair(90);
    private static readonly Ed25519KeyPair Accomplice = Pair(91);
    private static readonly Ed25519KeyPair[] People = [.. Enumerable.Range(60, 5).Select(seed => Pair((ulong)seed))];

    private static readonly Dictionary<Ed25519PublicKey, byte[]> SealingKeys =
        People.Concat([Owner, Next, Accomplice]).ToDictionary(pair => pair.PublicKey, SealingKeyOf);

    private static int Seeds =>
        Environment.GetEnvironmentVariable("WEFT_NIGHTLY") is null ? SeedsUsual : SeedsUsual * 20;

    [Fact]
    public void Neither_thief_nor_ex_members_read_what_is_written_by_who_knew_and_the_new_key_wins()
    {
        var total = new Tally();
        for (int seed = 1; seed <= Seeds; seed++)
        {
            new Run((ulong)seed, total).Play();
        }

        Assert.True(total.TriedByExMembers > Seeds * 2, $"{total.TriedByExMembers} tries by ex-members");
        Assert.True(total.TriedByThief > Seeds * 2, $"{total.TriedByThief} tries by the thief");
        Assert.True(total.ReadByThiefBefore > Seeds, $"{total.ReadByThiefBefore} values read by the thief before");
        Assert.True(total.OldEpochsRefused > Seeds, $"{total.OldEpochsRefused} epochs of the old key refused");
        Assert.True(total.OldEpochsBeside > Seeds / 2, $"{total.OldEpochsBeside} old heads beside new ones");
        Assert.True(total.ReadByMembers > Seeds * 5, $"{total.ReadByMembers} reads by members");
    }

    private sealed class Tally
    {
        public int TriedByExMembers { get; set; }

        public int TriedByThief { get; set; }

        public int ReadByThiefBefore { get; set; }

        public int OldEpochsRefused { get; set; }

        public int OldEpochsBeside { get; set; }

        public int ReadByMembers { get; set; }
    }

    /// <summary>An epoch with the state of its field, and what was done: the model needs none of the epoch's code.</summary>
    private sealed record Made(
        GroupEpoch Epoch, double State, HashSet<string> Before, Ed25519PublicKey? Added, Ed25519PublicKey? Removed);

    private sealed record Written(string Text, string Field, HashSet<Ed25519PublicKey> Removed, bool KnewNewKey);

    /// <summary>One peer: what it was offered, and of that what counts as far as it knows.</summary>
    private sealed class Peer(Ed25519KeyPair pair, Tally tally)
    {
        private readonly Dictionary<string, Made> _offered = [];
        private double _rotation = double.PositiveInfinity;

        public Device Device { get; private set; } = new(pair);

        public bool Knows => double.IsFinite(_rotation);

        public IEnumerable<Made> Offered => _offered.Values;

        public IEnumerable<Made> Counting => _offered.Values.Where(Counts);

        public void Offer(Made made)
        {
            if (!_offered.TryAdd(made.Epoch.Name, made))
            {
                return;
            }

            if (Counts(made))
            {
                Device.Learn(made.Epoch);
            }
            else
            {
                tally.OldEpochsRefused += made.Epoch.By.Since == 0 ? 1 : 0;
            }
        }

        /// <summary>Hears of the rotation: judges everything again, as the node does.</summary>
        public void LearnRotation(double state, bool becomesNext)
        {
            if (Knows)
            {
                return;
            }

            _rotation = state;
            Device = becomesNext ? new(Next, new GroupAuthority(Next.PublicKey, state)) : new(Device.Pair);
            foreach (Made made in Counting)
            {
                Device.Learn(made.Epoch);
            }
        }

        // What EffectiveOwner says of the state: the old key up to the rotation, the new one behind it.
        private bool Counts(Made made) =>
            made.Epoch.By.Since > 0 ? made.State > _rotation : !(made.State > _rotation);
    }

    private sealed class Run(ulong seed, Tally tally)
    {
        private readonly WeftRandom _random = new(seed);
        private readonly Peer[] _owners = [new(Owner, tally), new(Owner, tally), new(Owner, tally)];
        private readonly Peer[] _people = [.. People.Select(pair => new Peer(pair, tally))];
        private readonly Peer _thief = new(Owner, tally);
        private readonly Dictionary<string, Made> _made = [];
        private readonly List<Written> _written = [];
        private double _now;
        private double _rotatedAt = double.PositiveInfinity;

        private IEnumerable<Peer> Honest => _owners.Concat(_people);

        public void Play()
        {
            foreach (Ed25519KeyPair person in People[..3])
            {
                Change(_owners[0], person, null);
            }

            int steps = 30 + _random.Next(30);
            int rotation = 8 + _random.Next(15);
            for (int step = 0; step < steps; step++)
            {
                _now++;
                if (step == rotation)
                {
                    Rotate();
                }

                Peer[] all = [.. Honest];
                switch (_random.Next(10))
                {
                    case 0 or 1:
                        ChangeAtRandom(_owners[_random.Next(3)]);
                        break;
                    case 2 when step > rotation:
                        Steal();
                        break;
                    case 3 or 4:
                        WriteSome();
                        break;
                    default:
                        Gossip(all[_random.Next(all.Length)], all[_random.Next(all.Length)]);
                        break;
                }
            }

            Heal();
            Judge();
        }

        private void Rotate()
        {
            Change(_owners[0], Next, null); // Handed over before,
            _rotatedAt = _now;
            _now++;
            _owners[0].LearnRotation(_rotatedAt, becomesNext: true);
            Change(_owners[0], null, null); // and taken over behind the record.
        }

        private void ChangeAtRandom(Peer peer)
        {
            bool mayChange = !peer.Knows || peer.Device.Pair == Next;
            if (peer.Device.State.Heads.Count == 0 || !mayChange || !peer.Device.State.CanSeal)
            {
                return;
            }

            Ed25519KeyPair person = People[_random.Next(People.Length)];
            bool isMember = peer.Device.State.IsMember(person.PublicKey);
            Change(peer, isMember ? null : person, isMember ? person : null);
        }

        private void Steal()
        {
            foreach (Made made in _made.Values.Where(made => made.Epoch.By.Since == 0).ToArray())
            {
                _thief.Offer(made);
            }

            if (_thief.Device.State.CanSeal)
            {
                Ed25519KeyPair? victim = _random.Chance(0.3) ? People[_random.Next(People.Length)] : null;
                victim = victim is not null && _thief.Device.State.IsMember(victim.PublicKey) ? victim : null;
                double state = _random.Chance(0.7) ? _rotatedAt - 0.5 : _now; // Dated back, mostly.
                Made made = Change(_thief, Accomplice, victim, state);
                foreach (Peer peer in Honest.Where(_ => _random.Chance(0.5)))
                {
                    peer.Offer(made);
                }
            }
        }

        private Made Change(Peer peer, Ed25519KeyPair? add, Ed25519KeyPair? remove, double? state = null)
        {
            HashSet<string> before = Closure(peer);
            GroupEpoch epoch = peer.Device.Change(
                add is null ? [] : [add], remove is null ? [] : [remove], _random, key => SealingKeys[key]);
            var made = new Made(epoch, state ?? _now, before, add?.PublicKey, remove?.PublicKey);
            _made[epoch.Name] = made;
            peer.Offer(made);
            return made;
        }

        private void Gossip(Peer from, Peer to)
        {
            foreach (Made made in from.Offered.Where(_ => _random.Chance(0.6)).ToArray())
            {
                to.Offer(made);
            }

            if (from.Knows && _random.Chance(0.6))
            {
                // A device that gets the new key without the epoch that took over could not tell whose word is a thief's.
                bool hasTakenOver = to.Offered.Any(made => made.Epoch.By.Since > 0);
                to.LearnRotation(_rotatedAt, becomesNext: to == _owners[1] && hasTakenOver);
            }
        }

        private void WriteSome()
        {
            foreach (Peer peer in Honest.Where(_ => _random.Chance(0.5)))
            {
                Write(peer);
            }
        }

        private void Write(Peer peer)
        {
            GroupState state = peer.Device.State;
            string field = $"f{_written.Count}";
            bool knewNewKey = peer.Counting.Any(made => made.Epoch.By.Since > 0);
            tally.OldEpochsBeside += knewNewKey && state.Heads.Any(head => head.By.Since == 0) ? 1 : 0;
            if (peer.Device.Seal("trip", field, $"\"{field}\"", _random) is not string text)
            {
                return;
            }

            _written.Add(new(text, field, RemovedAsFarAsKnown(peer), knewNewKey));
            if (state.Heads.Count == 1)
            {
                foreach (Ed25519KeyPair person in People.Where(pair => state.IsMember(pair.PublicKey)))
                {
                    Assert.Equal($"\"{field}\"", Open(text, "trip", field, KeysOf(person, state.Heads)));
                    tally.ReadByMembers++;
                }
            }
        }

        /// <summary>Everything reaches everybody, and the new key brings the heads together.</summary>
        private void Heal()
        {
            foreach (Peer peer in Honest)
            {
                peer.LearnRotation(_rotatedAt, becomesNext: false);
                foreach (Made made in _made.Values.OrderBy(_ => _random.NextUInt64()).ToArray())
                {
                    peer.Offer(made);
                }
            }

            string heads = HeadsOf(_owners[0]);
            Assert.All(Honest, peer => Assert.Equal(heads, HeadsOf(peer)));
            Peer keeper = _owners[0];
            Assert.False(keeper.Device.State.IsBroken, $"seed {seed}");
            Made last = Change(keeper, null, null);
            foreach (Peer peer in Honest)
            {
                peer.Offer(last);
                GroupEpoch only = Assert.Single(peer.Device.State.Heads);
                Assert.Equal(last.Epoch.Name, only.Name);
            }

            GroupState state = keeper.Device.State;
            Assert.False(state.NeedsEpoch(keeper.Device.By));
            Assert.True(state.IsMember(Next.PublicKey));
            Assert.False(state.IsMember(Owner.PublicKey), $"seed {seed}: the old key is in");
            Assert.False(state.IsMember(Accomplice.PublicKey), $"seed {seed}: the accomplice is in");
            Write(keeper);
            Assert.True(_written[^1].KnewNewKey);
        }

        private static string HeadsOf(Peer peer) =>
            string.Join(' ', peer.Device.State.Heads.Select(head => head.Name));

        private void Judge()
        {
            GroupEpoch[] epochs = [.. _made.Values.Select(made => made.Epoch)];
            foreach (Ed25519KeyPair person in People)
            {
                Dictionary<string, byte[]> keys = KeysOf(person, epochs);
                foreach (Written value in _written.Where(value => value.Removed.Contains(person.PublicKey)))
                {
                    tally.TriedByExMembers++;
                    Assert.True(
                        Open(value.Text, "trip", value.Field, keys) is null, $"seed {seed}: an ex-member reads {value.Field}");
                }
            }

            Dictionary<string, byte[]> thiefs = KeysOf(Owner, epochs);
            foreach ((string epoch, byte[] key) in KeysOf(Accomplice, epochs))
            {
                thiefs[epoch] = key;
            }

            foreach (Written value in _written)
            {
                bool isRead = Open(value.Text, "trip", value.Field, thiefs) is not null;
                tally.ReadByThiefBefore += isRead ? 1 : 0;
                tally.TriedByThief += value.KnewNewKey ? 1 : 0;
                Assert.False(isRead && value.KnewNewKey, $"seed {seed}: the thief reads {value.Field}");
            }
        }

        /// <summary>All that counts for a peer, with what its makers knew: an epoch tells that too.</summary>
        private static HashSet<string> Closure(Peer peer)
        {
            HashSet<string> closure = [.. peer.Counting.Select(made => made.Epoch.Name)];
            foreach (Made made in peer.Counting)
            {
                closure.UnionWith(made.Before);
            }

            return closure;
        }

        /// <summary>Whose last known deed, by number, was a removal; of two of one number the removal counts.</summary>
        private HashSet<Ed25519PublicKey> RemovedAsFarAsKnown(Peer peer)
        {
            var last = new Dictionary<Ed25519PublicKey, (uint Number, bool Removed)>();
            foreach (Made made in Closure(peer).Select(name => _made[name]))
            {
                foreach ((Ed25519PublicKey? person, bool removed) in
                    new[] { (made.Added, false), (made.Removed, true) })
                {
                    if (person is Ed25519PublicKey key
                        && (!last.TryGetValue(key, out var known) || (made.Epoch.Number, removed).CompareTo(known) > 0))
                    {
                        last[key] = (made.Epoch.Number, removed);
                    }
                }
            }

            return [.. last.Where(word => word.Value.Removed).Select(word => word.Key)];
        }
    }
}
