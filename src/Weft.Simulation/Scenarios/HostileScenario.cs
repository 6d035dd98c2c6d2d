using Weft.Crypto;
using Weft.Graph;
using Weft.Graph.Access;
using Weft.Graph.Policy;
using Weft.Primitives;

namespace Weft.Simulation;

/// <summary>
/// A third of the nodes are hostile: they judge nothing, forward everything, and forge, replay, move signatures, write
/// as strangers, break rules, and go on with a key after it was replaced. The honest ones crash, are split, and must
/// never show what nobody was allowed to write.
/// </summary>
internal sealed class HostileScenario : Scenario
{
    public override string Name => "hostile";

    public override string Summary => "a third of the nodes forge, replay, move signatures, break rules, use old keys";

    protected override void Play(ScenarioRun run)
    {
        var story = new HostileStory(run.Seed);
        SimCluster cluster = run.Begin(
            new SimCluster(
                run.Nodes, run.Seed, NetworkProfile.Internet with { Loss = 0.02 },
                new SimNodeOptions { Access = story.Access },
                hostile: number => number % 3 == 2),
            "a third hostile, 2 % loss, split at 14 s, a key replaced at 15 s, healed at 22 s");
        story.Begin(cluster);
        run.RunFor(TimeSpan.FromSeconds(6), "rules spread");
        story.Attack(Math.Min(Writes(run, 8), 120), TimeSpan.FromSeconds(22));
        run.RunFor(TimeSpan.FromSeconds(23), "under attack");
        run.HealAndCheck(TimeSpan.FromSeconds(30));
        story.CheckEnd();
        run.Count("attacks", story.Attacks);
        run.Count("refused at admission", cluster.Honest.Sum(node => node.Refused));
        run.Count("taken back after a late record", cluster.Honest.Sum(node => node.Dropped));
        run.Passed("I3", FormattableString.Invariant($"nothing unauthorised was visible ({story.Attacks:N0} attacks)"));
    }
}

/// <summary>Who does what in the hostile scenario, and who knows what was allowed.</summary>
internal sealed class HostileStory
{
    private const string Guarded = "guarded/";
    private const double ReplacedPatienceMs = 2_000; // Judging again is a pass of its own; it must be over by then.

    private readonly Ed25519KeyPair _owner;
    private readonly Ed25519KeyPair _successor;
    private readonly Ed25519KeyPair _network;
    private readonly Ed25519KeyPair _writer;   // May write under the rules; its holder is hostile.
    private readonly Ed25519KeyPair _stranger;
    private readonly WeftRandom _random;
    private readonly HashSet<(string Soul, string Field, WeftValue Value, double State)> _allowed = [];
    private readonly HashSet<(string Soul, string Field, WeftValue Value, double State)> _afterwards = [];
    private readonly Dictionary<(int Node, string Soul, string Field, double State), double> _seenSince = [];
    private SimCluster _cluster = null!;
    private double _lastState;
    private double _replacedAt = double.PositiveInfinity;

    public HostileStory(ulong seed)
    {
        _random = new WeftRandom(seed);
        Access = new SimAccess();
        (_owner, _successor, _network) = (Pair(1), Pair(2), Pair(3));
        (_writer, _stranger) = (Pair(4), Pair(5));
        byte[] id = new byte[32];
        Access.Crypto.Sha256([.. "weft/network\0"u8, .. _network.PublicKey.Span], id);
        Access = Access with { NetworkKey = _network.PublicKey, NetworkId = id };
    }

    public SimAccess Access { get; }

    /// <summary>Writes that nobody was allowed to make, offered so far.</summary>
    public int Attacks { get; private set; }

    private string Owned => $"notes${_owner.PublicKey}/";

    private string KeySoul => $"{Ownership.KeyRecords}{_owner.PublicKey}";

    /// <summary>
    /// Sets the checkers up, and publishes the rules: in force from the lowest state on, so that no past is open.
    /// </summary>
    public void Begin(SimCluster cluster)
    {
        _cluster = cluster;
        cluster.Checks.Judge = JudgeCommit;
        cluster.Checks.MayGo = write => _afterwards.Contains((write.Soul, write.Field, write.Value, write.State));
        string policy = PolicyDocumentCodec.Write(
            new PolicyDocument
            {
                Class = PolicyClass.Protected,
                Writers = [_writer.PublicKey],
                Rules = new RuleSet
                {
                    RefusesOthers = true,
                    Fields = new([new("n*", new FieldRule { Types = FieldTypes.Number, Max = 100 })]),
                },
            },
            Access.Crypto);
        WriteAllowed(cluster.Nodes[0], _network, new FieldWrite(Ownership.PrefixPolicy + Guarded, "1", policy, 1));
    }

    /// <summary>Plans honest writes, attacks, crashes, a split, and the replacement of a key.</summary>
    public void Attack(int writes, TimeSpan span)
    {
        SimWorld world = _cluster.World;
        SimNode[] hostile = [.. _cluster.Nodes.Except(_cluster.Honest)];
        for (int i = 0; i < writes; i++)
        {
            world.After(span * _random.NextDouble(), WriteHonestly);
            if (hostile.Length > 0)
            {
                world.After(span * _random.NextDouble(), () => AttackFrom(hostile[_random.Next(hostile.Length)]));
            }
        }

        for (int i = 0; i < _cluster.Honest.Count / 3; i++)
        {
            SimNode node = _cluster.Honest[_random.Next(_cluster.Honest.Count)];
            world.After(span * _random.NextDouble(), () =>
                _cluster.CrashAndRestart(node, _random.Chance(0.5), TimeSpan.FromSeconds(3 * _random.NextDouble())));
        }

        world.After(TimeSpan.FromSeconds(8), () =>
        {
            int[] groups = [.. _cluster.Nodes.Select(_ => _random.Next(2))];
            _cluster.Network.Partition(host => groups[host]);
        });
        world.After(TimeSpan.FromSeconds(9), Replace);
        world.After(TimeSpan.FromSeconds(16), _cluster.Network.Heal);
        world.After(TimeSpan.FromSeconds(1), Look);
    }

    /// <summary>Looks at what the honest nodes hold when all is over: nothing of the old key may be left.</summary>
    public void CheckEnd()
    {
        foreach (SimNode node in _cluster.Honest)
        {
            foreach ((string soul, StoredField field) in node.Fields)
            {
                if (_afterwards.Contains((soul, field.Field, field.Value, field.State)))
                {
                    Report(node, soul, field, "a key that was replaced wrote it");
                }
            }
        }
    }

    private Ed25519KeyPair Pair(byte number)
    {
        byte[] seed = new byte[Ed25519KeyPair.SeedLength];
        Array.Fill(seed, number);
        return new Ed25519KeyPair(Access.Crypto, seed);
    }

    /// <summary>A state no other write has.</summary>
    private double NextState() => _lastState = Math.Max(_lastState + 0.25, Math.Floor(_cluster.World.WallMs) - 50);

    private void WriteAllowed(SimNode node, Ed25519KeyPair key, params FieldWrite[] delta)
    {
        foreach (FieldWrite write in delta)
        {
            _allowed.Add((write.Soul, write.Field, write.Value, write.State));
        }

        node.WriteAs(new SimWriter(key), delta);
    }

    private void WriteHonestly()
    {
        SimNode[] up = [.. _cluster.Honest.Where(node => node.IsUp)];
        if (up.Length == 0)
        {
            return;
        }

        SimNode node = up[_random.Next(up.Length)];
        double state = NextState();
        if (_random.Chance(0.3))
        {
            string field = $"n{_random.Next(3)}";
            string soul = $"{Guarded}{_random.Next(5)}";
            WriteAllowed(node, _network, new FieldWrite(soul, field, _random.Next(101), state));
            return;
        }

        bool isReplaced = state > _replacedAt;
        FieldWrite[] delta =
        [
            .. Enumerable.Range(0, 1 + _random.Next(3)).Select(i =>
                new FieldWrite($"{Owned}{_random.Next(5)}", $"f{(_random.Next(3) * 3) + i}",
                    $"v{_random.Next(1_000)}", state)),
        ];
        WriteAllowed(node, isReplaced ? _successor : _owner, delta);
    }

    private void Replace()
    {
        SimNode node = _cluster.Honest[0];
        if (!node.IsUp)
        {
            _cluster.World.After(TimeSpan.FromSeconds(1), Replace);
            return;
        }

        _replacedAt = NextState();
        WeftValue next = RotationRecord.Write(_successor.PublicKey);
        WriteAllowed(node, _owner, new FieldWrite(KeySoul, RotationRecord.Field, next, _replacedAt));
    }

    private void AttackFrom(SimNode node)
    {
        if (!node.IsUp)
        {
            return;
        }

        Attacks++;
        double state = NextState();
        var owned = new FieldWrite(
            $"{Owned}{_random.Next(5)}", $"f{_random.Next(9)}", $"evil{_random.Next(1_000)}", state);
        switch (_random.Next(10))
        {
            case 0:
                node.Write([owned]);
                break;
            case 1:
                // A stranger, in what belongs to a key, or with a value that the rules would allow to others.
                node.Write([Signed(_stranger, _random.Chance(0.5)
                    ? owned
                    : new FieldWrite($"{Guarded}{_random.Next(5)}", $"n{_random.Next(3)}", _random.Next(101), state))]);
                break;
            case 2:
                // The stranger's signature under the owner's name.
                FieldWrite foreign = Signed(_stranger, owned);
                byte[] claimed = _owner.PublicKey.Span.ToArray();
                node.Write([foreign with { Extras = foreign.Extras! with { Author = claimed } }]);
                break;
            case 3:
                WeftValue next = RotationRecord.Write(_stranger.PublicKey);
                Ed25519KeyPair usurper = _random.Chance(0.5) ? _stranger : _writer;
                node.Write([Signed(usurper, new FieldWrite(KeySoul, RotationRecord.Field, next, state))]);
                break;
            case 4:
                var open = new PolicyDocument { Class = PolicyClass.Public };
                string text = PolicyDocumentCodec.Write(open, Access.Crypto);
                string version = $"{_random.Next(1, 5)}";
                node.Write([Signed(_stranger, new FieldWrite(Ownership.PrefixPolicy + Guarded, version, text, state))]);
                break;
            case 5:
                // A listed writer whose value breaks the rules.
                node.Write([Signed(_writer, new FieldWrite($"{Guarded}{_random.Next(5)}", $"n{_random.Next(3)}",
                    _random.Chance(0.5) ? 101 + _random.Next(9) : "text", state))]);
                break;
            case 6 when state > _replacedAt:
                _afterwards.Add((owned.Soul, owned.Field, owned.Value, owned.State));
                node.Write([Signed(_owner, owned)]);
                break;
            case 7:
                node.Write([Signed(_owner, owned, network: new byte[32])]); // Signed well, in another network.
                break;
            default:
                MoveSignature(node, state);
                break;
        }
    }

    /// <summary>Takes a signed field as it came, and offers it with one thing changed.</summary>
    private void MoveSignature(SimNode node, double state)
    {
        (string Soul, StoredField Field)[] signed = [.. node.Fields.Where(one => one.Field.Extras is not null)];
        if (signed.Length == 0)
        {
            return;
        }

        (string soul, StoredField field) = signed[_random.Next(signed.Length)];
        var write = new FieldWrite(soul, field.Field, field.Value, field.State, field.Extras);
        byte[] proof = field.Extras!.Signature.ToArray();
        proof[_random.Next(proof.Length)] ^= (byte)(1 << _random.Next(8));
        node.Write([_random.Next(6) switch
        {
            0 => write with { Soul = $"{Owned}other{_random.Next(3)}" },
            1 => write with { Field = $"n{_random.Next(9)}" },
            2 => write with { Value = "moved" },
            3 => write with { State = state },
            4 => write with { State = state, Extras = field.Extras with { Signature = proof } },
            _ => write, // An exact replay: allowed, and without effect.
        }]);
    }

    private FieldWrite Signed(Ed25519KeyPair key, FieldWrite write, byte[]? network = null)
    {
        FieldWrite[] delta = [write];
        var signer = new DeltaSigner(
            Access.Crypto, network ?? Access.NetworkId, key.PublicKey,
            (message, signature) => key.Sign(Access.Crypto, message, signature));
        signer.Sign(delta, [0], (ulong)(write.State * 1_000));
        return delta[0];
    }

    /// <summary>
    /// Judges a commit of an honest node: the story knows what was allowed, whatever the cores think.
    /// </summary>
    private string? JudgeCommit(SimNode node, FieldWrite write)
    {
        (string, string, WeftValue, double) key = (write.Soul, write.Field, write.Value, write.State);
        bool isGuarded = write.Soul.StartsWith(Owned, StringComparison.Ordinal)
            || write.Soul.StartsWith(Guarded, StringComparison.Ordinal) || PolicySoulStarts(write.Soul);

        // Who has not heard of the rotation yet cannot tell; Look sees to it that it is taken back.
        return !isGuarded || _allowed.Contains(key) || _afterwards.Contains(key)
            ? null
            : "nobody was allowed to write it";
    }

    private static bool PolicySoulStarts(string soul) =>
        soul.StartsWith(Ownership.SystemPrefix, StringComparison.Ordinal);

    /// <summary>Every now and then: what an old key wrote goes soon after a node has heard of the new one.</summary>
    private void Look()
    {
        double now = _cluster.World.WallMs;
        foreach (SimNode node in _cluster.Honest.Where(node => node.IsUp))
        {
            bool knows = node.Read(KeySoul, RotationRecord.Field) is not null;
            foreach ((string soul, StoredField field) in node.Fields)
            {
                if (!_afterwards.Contains((soul, field.Field, field.Value, field.State)))
                {
                    continue;
                }

                (int, string, string, double) key = (node.Number, soul, field.Field, field.State);
                if (knows && !_seenSince.TryAdd(key, now) && now - _seenSince[key] > ReplacedPatienceMs)
                {
                    Report(node, soul, field, "a key that this node knows was replaced wrote it");
                }
            }
        }

        _cluster.World.After(TimeSpan.FromMilliseconds(250), Look);
    }

    private void Report(SimNode node, string soul, in StoredField field, string why) =>
        _cluster.World.Report("I3", node.Number,
            FormattableString.Invariant($"{soul} {field.Field} is {field.Value} at {field.State:R}: {why}"));
}
