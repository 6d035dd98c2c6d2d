using System.Buffers;
using Weft.Crypto;
using Weft.Primitives;
using Weft.Protocols.Peers;
using Weft.Protocols.Rendezvous;

namespace Weft.Tests.Protocols.Rendezvous;

public sealed class RendezvousCodecTests
{
    [Fact]
    public void The_bytes_are_those_of_the_specification()
    {
        Assert.Equal("0800120b" + "0a06" + "6d792d617070" + "120101", Hex(
            new(RendezvousKind.Register) { Registrations = [new("my-app", new byte[] { 1 }, TimeSpan.Zero)] }));
        Assert.Equal("08022208" + "0a06" + "6d792d617070", Hex(new(RendezvousKind.Unregister) { Namespace = "my-app" }));
        Assert.Equal("08032a05" + "100a" + "1a0107", Hex(
            new(RendezvousKind.Discover) { Limit = 10, Cookie = new byte[] { 7 } }));
        Assert.Equal("08011a04" + "0866" + "1800", Hex(
            new(RendezvousKind.RegisterResponse) { Status = RendezvousStatus.InvalidTtl }));
    }

    [Theory]
    [MemberData(nameof(Messages))]
    public void A_message_comes_back_as_it_was_written(string what, RendezvousMessage message)
    {
        Assert.NotEmpty(what);
        byte[] bytes = Convert.FromHexString(Hex(message));
        Assert.True(RendezvousCodec.TryRead(bytes, out RendezvousMessage? read));
        Assert.Equal(Convert.ToHexStringLower(bytes), Hex(read));
        Assert.Equal(
            (message.Kind, message.Namespace, message.Limit, message.Status, message.StatusText, message.Ttl),
            (read.Kind, read.Namespace, read.Limit, read.Status, read.StatusText, read.Ttl));
        Assert.Equal(message.Registrations.Count, read.Registrations.Count);
    }

    public static TheoryData<string, RendezvousMessage> Messages => new()
    {
        { "register", new(RendezvousKind.Register) { Registrations = [new("a", new byte[9], TimeSpan.FromHours(3))] } },
        { "granted", new(RendezvousKind.RegisterResponse) { Ttl = TimeSpan.FromHours(2) } },
        { "refused", new(RendezvousKind.RegisterResponse) { Status = RendezvousStatus.Unavailable, StatusText = "full" } },
        { "unregister", new(RendezvousKind.Unregister) { Namespace = "ä" } },
        { "discover", new(RendezvousKind.Discover) { Namespace = "n", Limit = 5, Cookie = new byte[16] } },
        {
            "found", new(RendezvousKind.DiscoverResponse)
            {
                Registrations = [new("a", new byte[1], default), new("b", new byte[2], TimeSpan.FromSeconds(1))],
                Cookie = new byte[3],
            }
        },
    };

    [Theory]
    [InlineData("")]
    [InlineData("0805")] // A kind that is none.
    [InlineData("0800")] // A kind without its part.
    [InlineData("08002a00")] // Another part than the kind says.
    [InlineData("0800120201ff")] // Broken within.
    [InlineData("08002203" + "0a01ff")] // Text that is no text, of another kind.
    [InlineData("08022203" + "0a01ff")] // Text that is no text.
    public void What_is_malformed_is_refused(string hex) =>
        Assert.False(RendezvousCodec.TryRead(Convert.FromHexString(hex), out _));

    [Fact]
    public void Counts_and_sizes_have_ceilings()
    {
        var many = new RendezvousMessage(RendezvousKind.DiscoverResponse)
        {
            Registrations = [.. Enumerable.Repeat(new RendezvousRegistration("", ReadOnlyMemory<byte>.Empty, default), 5_000)],
        };
        Assert.True(RendezvousCodec.TryRead(Convert.FromHexString(Hex(many)), out RendezvousMessage? read));
        Assert.Equal(RendezvousCodec.RegistrationsMax, read.Registrations.Count);

        var long_ = new RendezvousMessage(RendezvousKind.Discover) { Cookie = new byte[RendezvousCodec.CookieBytesMax + 1] };
        Assert.False(RendezvousCodec.TryRead(Convert.FromHexString(Hex(long_)), out _));
        Assert.False(RendezvousCodec.TryRead(new byte[RendezvousCodec.MessageBytesMax + 1], out _));
    }

    private static string Hex(RendezvousMessage message)
    {
        var output = new ArrayBufferWriter<byte>();
        RendezvousCodec.Write(message, output);
        return Convert.ToHexStringLower(output.WrittenSpan);
    }
}

public sealed class RendezvousCoreTests
{
    private static readonly ICrypto Crypto = PlatformCrypto.Create();
    private static readonly WeftInstant Start = new(1_000_000);

    private readonly RendezvousOptions _options = new();
    private readonly Outbox<RendezvousOutput> _outbox = new();
    private readonly RendezvousCore _point;

    public RendezvousCoreTests() => _point = new(_options, Crypto, new byte[32]);

    [Fact]
    public void Who_is_registered_is_found_under_the_namespace_and_under_all()
    {
        Assert.Equal(RendezvousStatus.Ok, Register(1, "my-app").Status);
        Register(2, "my-app");
        Register(3, "another-app");

        Assert.Equal(2, Discover("my-app").Registrations.Count);
        Assert.Single(Discover("another-app").Registrations);
        Assert.Equal(3, Discover("").Registrations.Count);
        Assert.Empty(Discover("nobody").Registrations);
        Assert.Equal(_options.TtlDefault, Discover("my-app").Registrations[0].Ttl);
    }

    [Fact]
    public void A_cookie_gives_only_what_is_new_and_pages_through_many()
    {
        for (int i = 0; i < 25; i++)
        {
            Register(i, "n");
        }

        var seen = new HashSet<string>();
        RendezvousMessage page = Discover("n", limit: 10);
        int pages = 0;
        while (page.Registrations.Count > 0)
        {
            pages++;
            Assert.All(page.Registrations, one => Assert.True(seen.Add(Convert.ToHexString(one.SignedRecord.Span))));
            page = Discover("n", limit: 10, cookie: page.Cookie);
        }

        Assert.Equal((3, 25), (pages, seen.Count));
        Register(100, "n");
        Register(3, "n", sequence: 2); // A refresh is news, too.
        Assert.Equal(2, Discover("n", cookie: page.Cookie).Registrations.Count);
    }

    [Fact]
    public void A_cookie_of_another_namespace_or_another_point_is_refused()
    {
        Register(1, "n");
        ReadOnlyMemory<byte> cookie = Discover("n").Cookie;
        var other = new RendezvousCore(_options, Crypto, Enumerable.Repeat((byte)1, 32).ToArray());

        Assert.Equal(RendezvousStatus.InvalidCookie, Discover("m", cookie: cookie).Status);
        Assert.Equal(RendezvousStatus.InvalidCookie, Discover("n", cookie: new byte[] { 1 }).Status);
        Assert.Equal(RendezvousStatus.InvalidCookie, other.OnQuestion(
            Id(9), new(RendezvousKind.Discover) { Namespace = "n", Cookie = cookie }, Start, _outbox)!.Status);
    }

    [Fact]
    public void Nobody_is_registered_but_by_himself()
    {
        byte[] stolen = Record(2, 1);
        Assert.Equal(RendezvousStatus.InvalidSignedPeerRecord, Ask(1, "n", stolen, default).Status);
        byte[] bent = Record(1, 1);
        bent[^1] ^= 1;
        Assert.Equal(RendezvousStatus.InvalidSignedPeerRecord, Ask(1, "n", bent, default).Status);
        Assert.Equal(0, _point.Count);
    }

    [Fact]
    public void An_older_record_does_not_take_the_place_of_a_newer_one()
    {
        Register(1, "n", sequence: 5);
        Assert.Equal(RendezvousStatus.InvalidSignedPeerRecord, Register(1, "n", sequence: 4).Status);
        Assert.Equal(RendezvousStatus.Ok, Register(1, "n", sequence: 5).Status);
        Assert.Equal(1, _point.Count);
    }

    [Fact]
    public void Namespaces_and_times_have_bounds()
    {
        Assert.Equal(RendezvousStatus.InvalidNamespace, Register(1, "").Status);
        Assert.Equal(RendezvousStatus.Ok, Register(1, new string('n', 255)).Status);
        Assert.Equal(RendezvousStatus.InvalidNamespace, Register(1, new string('n', 256)).Status);
        Assert.Equal(RendezvousStatus.InvalidNamespace, Register(1, new string('ä', 128)).Status); // 256 bytes.
        Assert.Equal(RendezvousStatus.InvalidNamespace, Discover(new string('n', 256)).Status);
        Assert.Equal(TimeSpan.FromHours(72), Register(1, "n", ttl: TimeSpan.FromHours(72)).Ttl);
        Assert.Equal(RendezvousStatus.InvalidTtl, Register(1, "n", ttl: TimeSpan.FromSeconds((72 * 3_600) + 1)).Status);
    }

    [Fact]
    public void What_is_over_is_not_given_out_and_is_forgotten()
    {
        Register(1, "n", ttl: TimeSpan.FromMinutes(5));
        Register(2, "n", ttl: TimeSpan.FromMinutes(10));
        WeftInstant later = Start + TimeSpan.FromMinutes(5);
        Assert.Single(Discover("n", at: later).Registrations);
        Assert.Equal(2, _point.Count);

        _outbox.Clear();
        _point.OnTimer(later, _outbox);
        Assert.Equal((1, 1), (_point.Count, _point.Peers));
        Assert.Equal(Start + TimeSpan.FromMinutes(10), Assert.Single(_outbox.Items.ToArray()).Due);
        _point.OnTimer(Start + TimeSpan.FromMinutes(10), _outbox);
        Assert.Equal((0, 0), (_point.Count, _point.Peers));
    }

    [Fact]
    public void Unregistering_has_no_answer_and_concerns_oneself_alone()
    {
        Register(1, "n");
        Assert.Null(_point.OnQuestion(Id(2), new(RendezvousKind.Unregister) { Namespace = "n" }, Start, _outbox));
        Assert.Equal(1, _point.Count);
        Assert.Null(_point.OnQuestion(Id(1), new(RendezvousKind.Unregister) { Namespace = "n" }, Start, _outbox));
        Assert.Equal(0, _point.Count);
        Assert.Null(_point.OnQuestion(Id(1), new(RendezvousKind.DiscoverResponse), Start, _outbox));
    }

    [Fact]
    public void One_peer_all_peers_and_all_bytes_have_ceilings()
    {
        for (int i = 0; i < _options.PerPeerMax; i++)
        {
            Assert.Equal(RendezvousStatus.Ok, Register(1, $"n{i}").Status);
        }

        Assert.Equal(RendezvousStatus.Unavailable, Register(1, "one more").Status);
        Assert.Equal(RendezvousStatus.Ok, Register(1, "n0").Status); // A refresh takes no room.
        _options.RegistrationsMax = _point.Count + 1;
        Assert.Equal(RendezvousStatus.Ok, Register(2, "n").Status);
        Assert.Equal(RendezvousStatus.Unavailable, Register(3, "n").Status);
        _options.RegistrationsMax = 10_000;
        _options.RecordBytesMax = 0;
        Assert.Equal(RendezvousStatus.Unavailable, Register(3, "n").Status);
    }

    [Fact]
    public void A_full_answer_is_one_that_every_reader_takes()
    {
        _options.AnswerMax = 1_000;
        _options.PerPeerMax = 1_000;
        string prefix = new('n', 250);
        for (int i = 0; i < 1_000; i++)
        {
            Register(i % 7, $"{prefix}{i:00000}"[^255..], addresses: 10);
        }

        var output = new ArrayBufferWriter<byte>();
        RendezvousMessage page = Discover("");
        RendezvousCodec.Write(page, output);
        Assert.InRange(page.Registrations.Count, 100, 999);
        Assert.True(RendezvousCodec.TryRead(output.WrittenSpan, out RendezvousMessage? read));
        Assert.Equal(page.Registrations.Count, read.Registrations.Count);
    }

    private static Ed25519KeyPair Key(int number)
    {
        byte[] seed = new byte[32];
        BitConverter.TryWriteBytes(seed, number + 1);
        return new(Crypto, seed);
    }

    private static PeerId Id(int number)
    {
        using Ed25519KeyPair key = Key(number);
        return key.PublicKey.ToPeerId();
    }

    private static byte[] Record(int number, ulong sequence, int addresses = 1)
    {
        using Ed25519KeyPair key = Key(number);
        Multiaddr[] list = [.. Enumerable.Range(1, addresses).Select(i => Multiaddr.Parse($"/ip4/192.0.2.1/tcp/{i}"))];
        return new PeerRecord(key.PublicKey.ToPeerId(), sequence, list).Seal(key, Crypto);
    }

    private RendezvousMessage Register(
        int peer, string name, ulong sequence = 1, TimeSpan ttl = default, int addresses = 1) =>
        Ask(peer, name, Record(peer, sequence, addresses), ttl);

    private RendezvousMessage Ask(int peer, string name, byte[] record, TimeSpan ttl) => _point.OnQuestion(
        Id(peer), new(RendezvousKind.Register) { Registrations = [new(name, record, ttl)] }, Start, _outbox)!;

    private RendezvousMessage Discover(
        string name, int limit = 0, ReadOnlyMemory<byte> cookie = default, WeftInstant? at = null) => _point.OnQuestion(
        Id(99), new(RendezvousKind.Discover) { Namespace = name, Limit = limit, Cookie = cookie }, at ?? Start, _outbox)!;
}
