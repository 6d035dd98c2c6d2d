using Weft.Crypto;
using Weft.Primitives;
using Weft.Protocols.Kad;
using Weft.Protocols.Kad.Records;
using Weft.Protocols.Kad.Rules;
using Weft.Protocols.Peers;

namespace Weft.Tests.Protocols.Kad;

/// <summary>One core, driven by hand: ceilings, liars, liveness, modes.</summary>
public sealed class KadCoreTests
{
    private const double Wall = 1_800_000_000_000;

    private static readonly PlatformCrypto Crypto = PlatformCrypto.Create();

    private readonly Outbox<KadOutput> _outbox = new();
    private readonly WeftRandom _random = new(3);
    private WeftInstant _now = new(1_000_000);

    [Fact]
    public void A_full_bucket_keeps_those_who_live_and_the_newcomer_waits_until_one_fails()
    {
        KadCore core = Make(new() { K = 4, ReplacementsMax = 3, FailuresMax = 3 });
        PeerId[] far = [.. Peers(core.Self, bucket: 0).Take(12)];
        foreach (PeerId peer in far)
        {
            Serves(core, peer);
        }

        Assert.Equal(far[..4], core.ReadRoutes(_now).Select(route => route.Peer));
        long request = Ask(core, far[0]);
        core.OnFailure(request, _now, Wall, _outbox);

        // The last that came takes the place; those before the last three are forgotten.
        Assert.Equal([far[1], far[2], far[3], far[11]], core.ReadRoutes(_now).Select(route => route.Peer));
    }

    [Fact]
    public void One_public_network_does_not_fill_a_bucket_and_a_private_one_may()
    {
        KadCore core = Make(new() { K = 8, SubnetPeersMax = 2 });
        foreach (PeerId peer in Peers(core.Self, 0).Take(6))
        {
            Serves(core, peer, "/ip4/8.8.1.1/tcp/1");
        }

        Assert.Equal(2, core.RouteCount);
        foreach (PeerId peer in Peers(core.Self, 0).Skip(6).Take(5))
        {
            Serves(core, peer, "/ip4/10.0.0.1/tcp/1");
        }

        Assert.Equal(7, core.RouteCount);
    }

    [Fact]
    public void Commands_beyond_the_ceiling_are_refused_and_every_other_ends()
    {
        KadCore core = Make(new() { QueriesMax = 3 });
        Serves(core, Peers(core.Self, 0).First());
        for (int i = 0; i < 3; i++)
        {
            core.FindClosest(new byte[] { (byte)i }, _now, Wall, _outbox);
        }

        Assert.Empty(Results());
        core.FindClosest(new byte[] { 9 }, _now, Wall, _outbox);
        Assert.Equal(KadStatus.Busy, Assert.Single(Results()).Status);
        _outbox.Clear();
        for (long query = 0; query < 10; query++)
        {
            core.OnTimer(new(KadTimerKind.Query, query), _now, Wall, _outbox);
        }

        Assert.Equal(3, Results().Count(result => result.Status == KadStatus.TimedOut));
        core.OnTimer(new(KadTimerKind.Query, 1), _now, Wall, _outbox); // A second call is harmless.
    }

    [Fact]
    public void A_lookup_remembers_no_more_candidates_than_allowed_and_ends_among_endless_answers()
    {
        KadCore core = Make(new() { CandidatesMax = 50 });
        Serves(core, Peers(core.Self, 0).First());
        core.FindClosest(new byte[] { 1 }, _now, Wall, _outbox);
        int asked = 0;
        while (Results().Length == 0)
        {
            foreach (KadOutput ask in Take(KadOutputKind.Ask))
            {
                Assert.True(++asked < 500, "A liar keeps it going.");
                core.OnAnswer(
                    ask.Request, new(ask.Message.Kind, Closer: [.. Random(32).Select(peer => new KadPeer(peer, []))]),
                    _now, Wall, _outbox);
            }
        }

        Assert.InRange(asked, 20, 500);
    }

    [Fact]
    public void A_slow_peer_holds_nobody_up_and_its_late_answer_still_counts()
    {
        KadCore core = Make(new() { PatienceFirst = TimeSpan.FromSeconds(1) });
        PeerId slow = Peers(core.Self, 0).First();
        Serves(core, slow);
        core.FindClosest(new byte[] { 1 }, _now, Wall, _outbox);
        KadOutput ask = Take(KadOutputKind.Ask).Single(one => one.Message.Key.Length == 1);
        core.OnTimer(new(KadTimerKind.Patience, ask.Request), _now, Wall, _outbox);

        Assert.Equal(1, Assert.Single(Results(), result => result.Requests == 1).TimeOuts);
        core.OnAnswer(ask.Request, new(KadMessageKind.FindNode), _now, Wall, _outbox);
        Assert.Equal(0, core.ReadRoutes(_now).Single().Failures);
    }

    [Fact]
    public void A_client_answers_nothing_and_auto_becomes_a_server_when_it_was_reached()
    {
        KadCore core = Make(new() { Mode = KadMode.Auto });
        PeerId asker = Random(1)[0];
        core.OnQuestion(1, asker, new(KadMessageKind.Ping), _now, Wall, _outbox);
        Assert.Equal(KadOutputKind.Refuse, Take(KadOutputKind.Refuse).Single().Kind);

        core.OnReachable(true, _outbox);
        Assert.True(Take(KadOutputKind.Mode).Single().IsServer);
        core.OnQuestion(2, asker, new(KadMessageKind.Ping), _now, Wall, _outbox);
        Assert.Equal(2, Take(KadOutputKind.Answer).Single().Token);
    }

    [Fact]
    public void What_is_put_must_fit_its_key_its_rule_and_the_ceiling()
    {
        KadCore core = Server(new() { ValueBytesMax = 100 });
        PeerId from = Random(1)[0];
        byte[] key = [.. "/open/a"u8];
        foreach (KadMessage bad in (KadMessage[])
            [
                new(KadMessageKind.PutValue, key),
                new(KadMessageKind.PutValue, "/open/b"u8.ToArray(), KadRecord.Make(key, "v"u8)),
                new(KadMessageKind.PutValue, key, KadRecord.Make(key, new byte[101])),
                new(KadMessageKind.PutValue, "/what/a"u8.ToArray(), KadRecord.Make("/what/a"u8, "v"u8)),
                new(KadMessageKind.GetValue),
                new(KadMessageKind.GetProviders, new byte[257]),
            ])
        {
            core.OnQuestion(1, from, bad, _now, Wall, _outbox);
            Assert.Single(Take(KadOutputKind.Refuse));
        }

        core.OnQuestion(2, from, new(KadMessageKind.PutValue, key, KadRecord.Make(key, "m"u8)), _now, Wall, _outbox);
        Assert.True(Take(KadOutputKind.Answer).Single().IsDurable);
        core.OnQuestion(3, from, new(KadMessageKind.PutValue, key, KadRecord.Make(key, "a"u8)), _now, Wall, _outbox);
        Assert.Equal("m"u8.ToArray(), Take(KadOutputKind.Answer).Single().Message.Record.Value.ToArray()); // The better one.
    }

    [Fact]
    public void Providers_announce_themselves_only_and_keys_and_providers_have_ceilings()
    {
        KadCore core = Server(new() { ProviderKeysMax = 5, ProvidersPerKeyMax = 3 });
        PeerId[] peers = Random(10);
        byte[] key = [1];
        core.OnQuestion(0, peers[0], new(KadMessageKind.AddProvider, key, Providers: [new(peers[1], [])]), _now, Wall, _outbox);
        Assert.Equal(0, core.ProviderKeyCount);
        foreach (PeerId peer in peers)
        {
            core.OnQuestion(0, peer, new(KadMessageKind.AddProvider, key, Providers: [new(peer, [])]), _now, Wall, _outbox);
        }

        core.OnQuestion(1, peers[0], new(KadMessageKind.GetProviders, key), _now, Wall, _outbox);
        Assert.Equal(peers[7..], Take(KadOutputKind.Answer).Single().Message.Providers!.Select(peer => peer.Id));
        for (byte i = 0; i < 50; i++)
        {
            core.OnQuestion(
                0, peers[0], new(KadMessageKind.AddProvider, new byte[] { 2, i }, Providers: [new(peers[0], [])]), _now, Wall, _outbox);
            Assert.True(core.ProviderKeyCount <= 5);
        }

        _now += TimeSpan.FromHours(48);
        core.OnQuestion(2, peers[1], new(KadMessageKind.GetProviders, key), _now, Wall, _outbox);
        Assert.Empty(Take(KadOutputKind.Answer).Single().Message.Providers!);
    }

    [Fact]
    public void A_peer_that_asks_too_much_is_refused_and_the_others_are_not()
    {
        KadCore core = Server(new() { RequestsPerSecond = 10 });
        PeerId[] peers = Random(2);
        for (int i = 0; i < 100; i++)
        {
            core.OnQuestion(i, peers[0], new(KadMessageKind.Ping), _now, Wall, _outbox);
        }

        Assert.Equal(80, Take(KadOutputKind.Refuse).Length);
        core.OnQuestion(1, peers[1], new(KadMessageKind.Ping), _now, Wall, _outbox);
        Assert.Equal(peers[1], Take(KadOutputKind.Answer).Last().Peer);
    }

    [Fact]
    public void Preimages_begin_as_wanted()
    {
        var preimages = new KadPreimages(Crypto);
        for (int bits = 1; bits <= 10; bits++)
        {
            uint wanted = (uint)_random.Next(1 << bits);
            Assert.Equal(wanted, KadKey.Of(preimages.Find(wanted, bits), Crypto).Prefix(bits));
        }
    }

    private KadCore Server(KadOptions options)
    {
        options.Mode = KadMode.Server;
        return Make(options);
    }

    private KadCore Make(KadOptions options)
    {
        PeerId self = Random(1)[0];
        var rules = new RecordRules();
        rules.Add("open", new OpenRule());
        var core = new KadCore(self, options, new(
            Crypto, new MemoryRecordStore(self, new(), Crypto), rules, new WeftRandom(1), new KadPreimages(Crypto)));
        core.Start(_now, _outbox);
        _outbox.Clear();
        return core;
    }

    private PeerId[] Random(int count) => [.. Enumerable.Range(0, count).Select(_ => Draw())];

    private PeerId Draw()
    {
        var id = new byte[34];
        _random.Fill(id.AsSpan(2));
        (id[0], id[1]) = (0x12, 32);
        return PeerId.TryRead(id, out PeerId peer) ? peer : throw new InvalidOperationException();
    }

    private IEnumerable<PeerId> Peers(PeerId self, int bucket)
    {
        while (true)
        {
            PeerId peer = Draw();
            if (KadKey.Of(peer, Crypto).CommonPrefix(KadKey.Of(self, Crypto)) == bucket)
            {
                yield return peer;
            }
        }
    }

    private void Serves(KadCore core, PeerId peer, string? address = null) => core.OnPeerServes(
        peer, address is null ? [] : [Multiaddr.Parse(address)], _now, Wall, _outbox, isConnected: false);

    private long Ask(KadCore core, PeerId peer)
    {
        core.FindClosest(new byte[] { 5 }, _now, Wall, _outbox);
        return Take(KadOutputKind.Ask).First(ask => ask.Peer == peer).Request;
    }

    private KadResult[] Results() =>
        [.. _outbox.Items.ToArray().Where(output => output.Kind == KadOutputKind.Done).Select(output => output.Result!)];

    private KadOutput[] Take(KadOutputKind kind)
    {
        KadOutput[] all = _outbox.Items.ToArray();
        KadOutput[] found = [.. all.Where(output => output.Kind == kind)];
        _outbox.Clear();
        foreach (KadOutput other in all.Where(output => output.Kind != kind))
        {
            _outbox.Add(other);
        }

        return found;
    }
}
