using Weft.Crypto;
using Weft.Graph;
using Weft.Graph.Access;
using Weft.Graph.Policy;
using Weft.Primitives;

namespace Weft.Tests.Graph.Policy;

/// <summary>
/// Rule evasion (threat 18) and races of rotations (threat 20): sequences of rule changes and writes by owners,
/// strangers and thieves, delivered in any order, some twice, some late, over partitions; then everything is exchanged.
/// </summary>
public sealed class PolicyModelTests
{
    private const int Replicas = 5;

    private static readonly Ed25519PublicKey Owner = PolicyRig.Key(1);
    private static readonly Ed25519PublicKey Writer = PolicyRig.Key(3);
    private static readonly Ed25519PublicKey Stranger = PolicyRig.Key(4);
    private static readonly string[] Souls = [$"${Owner}/a", $"${Owner}/b", "pub/x", "pub/y"];
    private static readonly string[] Scopes = [$"${Owner}", $"${Owner}/a", "pub/", "pub/x", ""];

    [Fact]
    public void Whatever_anybody_signs_all_replicas_that_saw_all_agree_with_the_replay()
    {
        int drops = 0;
        for (ulong seed = 1; seed <= 150; seed++)
        {
            var world = new World(seed);
            world.WriteAnything(70);
            world.DeliverRandomly();
            world.DeliverAgain();
            world.Exchange();

            var reference = new ReferenceModel(world.Ops, world.Documents);
            Assert.All(world.Replicas, replica => AssertSame(reference.Snapshot, replica.Snapshot, seed));
            drops += world.Replicas.Sum(replica => replica.Drops);
        }

        Assert.InRange(drops, 500, int.MaxValue); // Else nothing came late, and the test proves little.
    }

    [Fact]
    public void After_one_delivery_and_an_exchange_all_agree_and_show_nothing_that_was_not_allowed()
    {
        for (ulong seed = 1_001; seed <= 1_150; seed++)
        {
            var world = new World(seed);
            world.WriteAnything(70);
            world.DeliverRandomly();
            world.Exchange();

            // A record that a wrong one displaced before that was known to be wrong may be gone everywhere: what is
            // left
            // is judged by the records that are left.
            bool IsRecord(ModelOp op) => op.Write.Soul.StartsWith(Ownership.SystemPrefix, StringComparison.Ordinal);
            ModelOp[] left = [.. world.Replicas[0].Visible.Where(IsRecord), .. world.Ops.Where(op => !IsRecord(op))];
            var allowed = new ReferenceModel(left, world.Documents).Valid
                .Select(op => (op.Write.Soul, op.Write.Field, op.Write.Value, op.Write.State)).ToHashSet();
            Assert.All(world.Replicas, replica => AssertSame(world.Replicas[0].Snapshot, replica.Snapshot, seed));
            Assert.All(world.Replicas[0].Visible, op =>
                Assert.Contains((op.Write.Soul, op.Write.Field, op.Write.Value, op.Write.State), allowed));
        }
    }

    [Fact]
    public void Strangers_and_thieves_change_nothing_where_owners_give_states_by_their_clocks()
    {
        int refused = 0;
        for (ulong seed = 2_001; seed <= 2_150; seed++)
        {
            var world = new World(seed);
            world.LiveThrough(70);
            world.Exchange();

            var reference = new ReferenceModel(world.Ops, world.Documents);
            Assert.All(world.Replicas, replica => AssertSame(reference.Snapshot, replica.Snapshot, seed));

            // What was not allowed had no effect at all: without it the same graph comes out.
            var without = new ReferenceModel(reference.Valid, world.Documents);
            AssertSame(reference.Snapshot, without.Snapshot, seed);
            refused += world.Ops.Count - reference.Valid.Count;
        }

        Assert.InRange(refused, 1_000, int.MaxValue);
    }

    private static void AssertSame(
        SortedDictionary<string, string> expected, SortedDictionary<string, string> actual, ulong seed) =>
        Assert.True(
            expected.SequenceEqual(actual),
            $"seed {seed}:\n  expected {string.Join("\n           ", expected.Except(actual))}\n"
            + $"  actual   {string.Join("\n           ", actual.Except(expected))}");

    /// <summary>One run: who writes what when, and how it reaches whom.</summary>
    private sealed class World
    {
        private readonly WeftRandom _random;
        private readonly List<(int Replica, ModelOp Op)> _flying = [];
        private readonly int[] _nextVersion = [.. Scopes.Select(_ => 1)];
        private Ed25519PublicKey _ownerNow = Owner;
        private Ed25519PublicKey _networkNow = PolicyRig.Network;
        private double _now = 10;

        public World(ulong seed) => _random = new WeftRandom(seed);

        public ModelReplica[] Replicas { get; } = [.. Enumerable.Range(0, PolicyModelTests.Replicas).Select(_ =>
            new ModelReplica())];

        public List<ModelOp> Ops { get; } = [];

        public Dictionary<string, ModelPolicy> Documents { get; } = [];

        /// <summary>
        /// Anybody signs anything with any state: few states and versions, so that ties and late ones are common.
        /// </summary>
        public void WriteAnything(int count)
        {
            Ed25519PublicKey[] keys = [Owner, PolicyRig.Key(2), Writer, Stranger, PolicyRig.Network, PolicyRig.Key(5)];
            for (int i = 0; i < count; i++)
            {
                Ed25519PublicKey key = keys[_random.Next(keys.Length)];
                double state = _random.Next(1, 25);
                int kind = _random.Next(10);
                if (kind == 0)
                {
                    Add(key, $"{Ownership.KeyRecords}{key}", "next", RotationRecord.Write(keys[_random.Next(
                        keys.Length)]), state);
                }
                else if (kind < 4)
                {
                    AddPolicy(key, _random.Next(Scopes.Length), _random.Next(1, 4), state);
                }
                else
                {
                    Add(_random.Chance(0.2) ? null : key, Souls[_random.Next(Souls.Length)], Field(), Value(), state);
                }
            }

            _now = 100;
            foreach (ModelOp op in Ops)
            {
                for (int replica = 0; replica < Replicas.Length; replica++)
                {
                    _flying.Add((replica, op));
                    if (_random.Chance(0.2))
                    {
                        _flying.Add((replica, op));
                    }
                }
            }
        }

        /// <summary>
        /// Time goes on. Owners act at home (replicas 0 and 1) with the states of their clocks; strangers act anywhere
        /// with any state up to now; thieves use keys from before a rotation. Messages take their time, and partitions
        /// hold them.
        /// </summary>
        public void LiveThrough(int steps)
        {
            for (int i = 0; i < steps; i++)
            {
                _now++;
                Act();
                bool isSplit = i % 30 < 15;
                for (int at = _flying.Count - 1; at >= 0; at--)
                {
                    (int replica, ModelOp op) = _flying[at];
                    if (_random.Chance(0.15) && !(isSplit && replica >= 3))
                    {
                        Replicas[replica].Take(op, _now);
                        if (_random.Chance(0.8))
                        {
                            _flying.RemoveAt(at); // Else it comes again.
                        }
                    }
                }
            }

            DeliverRandomly();
        }

        public void DeliverRandomly()
        {
            while (_flying.Count > 0)
            {
                int at = _random.Next(_flying.Count);
                Replicas[_flying[at].Replica].Take(_flying[at].Op, _now);
                _flying[at] = _flying[^1];
                _flying.RemoveAt(_flying.Count - 1);
            }
        }

        /// <summary>
        /// Everything once more, now that every record was seen; twice, because a record may wait for another.
        /// </summary>
        public void DeliverAgain()
        {
            for (int round = 0; round < 4; round++)
            {
                foreach (ModelReplica replica in Replicas)
                {
                    foreach (ModelOp op in Ops.OrderBy(_ => _random.NextUInt64()).ToArray())
                    {
                        replica.Take(op, _now);
                    }
                }
            }
        }

        /// <summary>Every replica shows every other all it has, until nothing changes.</summary>
        public void Exchange()
        {
            bool changed = true;
            for (int round = 0; changed; round++)
            {
                Assert.True(round < 20, "The exchange does not come to rest.");
                changed = false;
                foreach (ModelReplica from in Replicas.OrderBy(_ => _random.NextUInt64()).ToArray())
                {
                    foreach (ModelReplica to in Replicas.Where(to => to != from))
                    {
                        foreach (ModelOp op in from.Visible.OrderBy(_ => _random.NextUInt64()).ToArray())
                        {
                            changed |= to.Take(op, _now);
                        }
                    }
                }
            }
        }

        private void Act()
        {
            switch (_random.Next(8))
            {
                case 0:
                    ActHome(0, () => AddPolicy(_ownerNow, _random.Next(2), null, NextState(0)));
                    break;
                case 1:
                    ActHome(1, () => AddPolicy(_networkNow, _random.Next(2, 5), null, NextState(1)));
                    break;
                case 2 or 3:
                    ActHome(0, () => Add(_ownerNow, Souls[_random.Next(2)], Field(), Value(), NextState(0)));
                    break;
                case 4:
                    ActHome(1, () => Add(_networkNow, Souls[_random.Next(2, 4)], Field(), Value(), NextState(1)));
                    break;
                case 5 when _random.Chance(0.3):
                    Rotate();
                    break;
                default:
                    ActStranger();
                    break;
            }
        }

        private void Rotate()
        {
            if (_random.Chance(0.5) && _ownerNow == Owner)
            {
                ActHome(0, () => Add(Owner, $"{Ownership.KeyRecords}{Owner}", "next", RotationRecord.Write(
                    PolicyRig.Key(2)), NextState(0)));
                _ownerNow = PolicyRig.Key(2);
            }
            else if (_networkNow == PolicyRig.Network)
            {
                ActHome(1, () => Add(_networkNow, $"{Ownership.KeyRecords}{_networkNow}", "next", RotationRecord.Write(
                    PolicyRig.Key(5)), NextState(1)));
                _networkNow = PolicyRig.Key(5);
            }
        }

        private void ActStranger()
        {
            // A stranger with a key of his own or none, or a thief with one that was replaced, after it was.
            double after = 0;
            Ed25519PublicKey? key = _random.Next(4) switch { 0 => null, 1 => Stranger, 2 => Writer, _ => (
                Ed25519PublicKey?)Owner };
            if (key == Owner)
            {
                ModelOp? rotation = Ops.Find(op => op.Write.Soul == $"{Ownership.KeyRecords}{Owner}");
                key = rotation is null ? Stranger : Owner;
                after = rotation?.Write.State ?? 0;
            }

            double state = Math.Floor(Math.Min(_now, after + 1 + (_random.NextDouble() * (_now - after)))) + 0.5;
            if (state > _now || state <= after)
            {
                return;
            }

            ModelOp op = _random.Chance(0.7)
                ? Add(key, Souls[_random.Next(Souls.Length)], Field(), Value(), state)
                : AddPolicy(key, _random.Next(Scopes.Length), _random.Next(1, 5), state);
            Send(op, except: -1);
        }

        private void ActHome(int home, Func<ModelOp?> act)
        {
            if (act() is { } op)
            {
                Replicas[home].Take(op, op.Write.State);
                Send(op, home);
            }
        }

        private double NextState(int home) => Replicas[home].Clock.Next(_now);

        private void Send(ModelOp op, int except)
        {
            for (int replica = 0; replica < Replicas.Length; replica++)
            {
                if (replica != except)
                {
                    _flying.Add((replica, op));
                }
            }
        }

        private ModelOp AddPolicy(Ed25519PublicKey? key, int scope, int? version, double state)
        {
            var policy = new ModelPolicy(
                _random.Chance(0.4), _random.Chance(0.3) ? Writer : null, (MergeMethod)_random.Next(4),
                _random.Chance(0.3) ? _random.Next(4) : null);
            string text = policy.Json;
            Documents[text] = policy;
            bool isNode = _random.Chance(0.2) && Scopes[scope].Contains('/') && Scopes[scope] != "pub/";
            string soul = (isNode ? Ownership.NodePolicy : Ownership.PrefixPolicy) + Scopes[scope];
            return Add(key, soul, $"{version ?? _nextVersion[scope]++}", text, state);
        }

        private ModelOp Add(Ed25519PublicKey? key, string soul, string field, WeftValue value, double state)
        {
            var op = new ModelOp(new FieldWrite(soul, field, value, state), key is { } known ? WriterId.Native(known)
                : default);
            Ops.Add(op);
            return op;
        }

        private string Field() => _random.Chance(0.8) ? "f" : "g";

        private WeftValue Value() => _random.Next(7) switch
        {
            0 => "text",
            1 => default,
            var number => number,
        };
    }
}
