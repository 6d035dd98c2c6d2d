using System.Buffers;
using Weft.Crypto;
using Weft.Primitives;
using Weft.Protocols.Peers;
using Weft.Protocols.Pex;

namespace Weft.Tests.Protocols.Pex;

public sealed class PexTests
{
    private static readonly ICrypto Crypto = PlatformCrypto.Create();
    private static readonly WeftInstant Start = new(1_000_000);
    private static readonly PexMessage Question = new(IsQuestion: true, 0, []);

    private readonly PexOptions _options = new();
    private readonly PexCore _pex;

    public PexTests() => _pex = new(_options, Crypto, new WeftRandom(5));

    [Fact]
    public void Messages_come_back_as_they_were_written()
    {
        Assert.Equal("0810", Hex(new(true, 16, [])));
        Assert.Equal("120201021801", Hex(new(false, 0, [new byte[] { 1, 2 }])));
        Assert.True(PexCodec.TryRead(Convert.FromHexString("0810"), out PexMessage? question));
        Assert.Equal((true, 16), (question.IsQuestion, question.Wanted));
        Assert.True(PexCodec.TryRead(Convert.FromHexString("120201021801"), out PexMessage? answer));
        Assert.Equal((false, 1), (answer.IsQuestion, answer.Records.Count));
        Assert.True(PexCodec.TryRead([], out PexMessage? empty)); // A question that says nothing.
        Assert.True(empty.IsQuestion);
    }

    [Fact]
    public void More_than_the_ceilings_is_refused_and_is_never_written()
    {
        var many = new ArrayBufferWriter<byte>();
        PexCodec.Write(new(false, 0, [.. Enumerable.Repeat((ReadOnlyMemory<byte>)new byte[] { 1 }, 100)]), many);
        Assert.True(PexCodec.TryRead(many.WrittenSpan, out PexMessage? read));
        Assert.Equal(PexCodec.RecordsMax, read.Records.Count);
        byte[] over = [.. Enumerable.Repeat(new byte[] { 0x12, 0 }, PexCodec.RecordsMax + 1).SelectMany(one => one), 0x18, 1];
        Assert.False(PexCodec.TryRead(over, out _));
        Assert.False(PexCodec.TryRead(over.AsSpan(0, 4), out _)); // Records in a question.
        Assert.False(PexCodec.TryRead(new byte[PexCodec.MessageBytesMax + 1], out _));
        Assert.False(PexCodec.TryRead([0x12, 0x81, 0x10, .. new byte[PexCodec.RecordBytesMax + 1], 0x18, 1], out _));
        var large = new ArrayBufferWriter<byte>();
        PexCodec.Write(
            new(false, 0, [.. Enumerable.Repeat((ReadOnlyMemory<byte>)new byte[PexCodec.RecordBytesMax], 32)]), large);
        Assert.InRange(large.WrittenCount, PexCodec.RecordBytesMax, PexCodec.MessageBytesMax);
    }

    [Fact]
    public void Peers_that_were_met_are_handed_on_and_open_at_the_other_side()
    {
        for (int i = 1; i <= 5; i++)
        {
            Assert.True(_pex.OnMet(Id(i), Record(i), Start));
        }

        PexMessage answer = _pex.OnQuestion(Id(3), Question, Start);
        Assert.Equal(4, answer.Records.Count); // Nobody is told of himself.
        IReadOnlyList<PeerRecord> found = _pex.OnAnswer(answer, 16, self: Id(1));
        Assert.Equal([Id(2), Id(4), Id(5)], found.Select(one => one.Peer).OrderBy(id => Array.IndexOf([Id(2), Id(4), Id(5)], id)));
    }

    [Fact]
    public void Records_of_strangers_bent_ones_and_older_ones_are_not_kept()
    {
        byte[] bent = Record(1);
        bent[^1] ^= 1;
        Assert.False(_pex.OnMet(Id(1), bent, Start));
        Assert.False(_pex.OnMet(Id(1), Record(2), Start));
        Assert.False(_pex.OnMet(Id(1), new byte[5_000], Start));
        Assert.True(_pex.OnMet(Id(1), Record(1, sequence: 5), Start));
        Assert.False(_pex.OnMet(Id(1), Record(1, sequence: 4), Start));
        Assert.True(_pex.OnMet(Id(1), Record(1, sequence: 6), Start));
        Assert.Equal(1, _pex.Count);
    }

    [Fact]
    public void Addresses_that_nobody_else_can_dial_are_no_news()
    {
        Assert.False(_pex.OnMet(Id(1), Record(1, address: "/ip4/192.168.1.1/tcp/1"), Start));
        Assert.False(_pex.OnMet(Id(1), Record(1, address: "/ip6/::1/tcp/1"), Start));
        _options.SharePrivate = true;
        Assert.True(_pex.OnMet(Id(1), Record(1, address: "/ip4/192.168.1.1/tcp/1"), Start));
    }

    [Fact]
    public void The_table_has_a_ceiling_and_who_was_seen_longest_ago_goes()
    {
        _options.RecordsMax = 3;
        for (int i = 1; i <= 3; i++)
        {
            _pex.OnMet(Id(i), Record(i), Start + TimeSpan.FromSeconds(i));
        }

        _pex.OnMet(Id(1), Record(1), Start + TimeSpan.FromSeconds(9)); // Seen again.
        _pex.OnMet(Id(4), Record(4), Start + TimeSpan.FromSeconds(10));
        Assert.Equal(3, _pex.Count);
        PexMessage answer = _pex.OnQuestion(Id(9), Question, Start + TimeSpan.FromSeconds(11));
        Assert.DoesNotContain(Id(2), _pex.OnAnswer(answer, 16, Id(9)).Select(one => one.Peer));
    }

    [Fact]
    public void Who_was_not_seen_for_long_is_not_handed_on()
    {
        _pex.OnMet(Id(1), Record(1), Start);
        Assert.Empty(_pex.OnQuestion(Id(9), Question, Start + _options.SeenMax).Records);
        Assert.Single(_pex.OnQuestion(Id(8), Question, Start + (_options.SeenMax - TimeSpan.FromSeconds(1))).Records);
    }

    [Fact]
    public void Who_asks_too_often_gets_nothing_and_the_table_of_askers_is_bounded()
    {
        _options.RecordsMax = 50;
        _pex.OnMet(Id(1), Record(1), Start);
        Assert.Single(_pex.OnQuestion(Id(9), Question, Start).Records);
        Assert.Empty(_pex.OnQuestion(Id(9), Question, Start + TimeSpan.FromSeconds(1)).Records);
        Assert.Single(_pex.OnQuestion(Id(9), Question, Start + _options.QuestionPause).Records);
        for (int i = 0; i < 5_000; i++)
        {
            byte[] key = new byte[32];
            BitConverter.TryWriteBytes(key, i);
            Assert.Single(_pex.OnQuestion(PeerId.FromEd25519(key), Question, Start + _options.QuestionPause).Records);
        }
    }

    [Fact]
    public void Of_an_answer_no_more_is_opened_than_was_asked_for_and_nobody_twice()
    {
        var answer = new PexMessage(false, 0, [Record(1), Record(1), Record(2), Record(3), Record(4)]);

        Assert.Equal([Id(1), Id(2)], _pex.OnAnswer(answer, 3, Id(9)).Select(one => one.Peer));
        Assert.Equal(3, _pex.OnAnswer(answer, 16, Id(2)).Count);
    }

    [Fact]
    public void An_answer_has_at_most_as_many_as_wanted_and_as_allowed()
    {
        for (int i = 1; i <= 30; i++)
        {
            _pex.OnMet(Id(i), Record(i), Start);
        }

        Assert.Equal(3, _pex.OnQuestion(Id(97), Question with { Wanted = 3 }, Start).Records.Count);
        PexMessage full = _pex.OnQuestion(Id(98), Question with { Wanted = 1_000 }, Start);
        Assert.Equal(_options.AnswerMax, full.Records.Count);
        Assert.Equal(full.Records.Count, full.Records.Select(one => Convert.ToHexString(one.Span)).Distinct().Count());
    }

    private static Ed25519KeyPair Key(int number)
    {
        byte[] seed = new byte[32];
        BitConverter.TryWriteBytes(seed, number);
        return new(Crypto, seed);
    }

    private static PeerId Id(int number)
    {
        using Ed25519KeyPair key = Key(number);
        return key.PublicKey.ToPeerId();
    }

    private static byte[] Record(int number, ulong sequence = 1, string address = "/ip4/8.8.4.4/tcp/4001")
    {
        using Ed25519KeyPair key = Key(number);
        return new PeerRecord(key.PublicKey.ToPeerId(), sequence, [Multiaddr.Parse(address)]).Seal(key, Crypto);
    }

    private static string Hex(PexMessage message)
    {
        var output = new ArrayBufferWriter<byte>();
        PexCodec.Write(message, output);
        return Convert.ToHexStringLower(output.WrittenSpan);
    }
}
