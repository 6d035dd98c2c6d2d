using System.Buffers;
using System.Text;
using Weft.Primitives;
using Weft.Protocols.Dialing;
using Weft.Protocols.Peers;

namespace Weft.Protocols.Mdns;

/// <summary>What the core asks its driver to do.</summary>
public enum MdnsOutputKind
{
    /// <summary>Call OnTimer at Due.</summary>
    StartTimer = 0,

    /// <summary>Send Message to everyone in the local network.</summary>
    Send,

    /// <summary>Peer was found, at Addresses.</summary>
    Found,
}

/// <summary>One wish of the core; <see cref="Kind"/> says which of the others count.</summary>
/// <param name="Kind">What to do.</param>
/// <param name="Message">What to send.</param>
/// <param name="Peer">Who was found.</param>
/// <param name="Addresses">Where, without the peer id.</param>
/// <param name="Due">When a timer is due.</param>
public readonly record struct MdnsOutput(
    MdnsOutputKind Kind,
    ReadOnlyMemory<byte> Message = default,
    PeerId Peer = default,
    IReadOnlyList<Multiaddr>? Addresses = null,
    WeftInstant Due = default);

/// <summary>Finds libp2p peers in the local network, and lets itself be found.</summary>
/// <remarks>
/// Pure: no clock, no socket, no task, one caller at a time. What comes is anybody's word: only IP addresses that can
/// be
/// in a local network are taken, never names, and who answers there shows in the handshake.
/// Source: libp2p specs, discovery/mdns.md; RFC 6762.
/// </remarks>
public sealed class MdnsCore
{
    private const string MetaService = "_services._dns-sd._udp.local";
    private const uint TtlSeconds = 120;
    private const int MessageBytesMax = 1_400; // One packet of any network.

    private static readonly byte[] AddressKey = "dnsaddr="u8.ToArray();

    private readonly MdnsOptions _options;
    private readonly PeerId _self;
    private readonly string _name;
    private readonly SortedDictionary<PeerId, Seen> _seen = [];
    private TokenBucket _bucket;
    private Multiaddr[] _addresses = [];
    private TimeSpan _pause;
    private WeftInstant _askAt;
    private WeftInstant _answerAt = WeftInstant.Never; // When an answer is owed.
    private WeftInstant _answeredAt;
    private bool _hasAnswered;

    /// <summary>Begins.</summary>
    /// <param name="options">How.</param>
    /// <param name="self">Oneself: not news.</param>
    /// <param name="random">Makes the name under which this peer answers.</param>
    public MdnsCore(MdnsOptions options, PeerId self, WeftRandom random)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(random);
        _options = options;
        _self = self;
        _pause = options.PauseMin;
        _bucket = new(options.MessagesPerSecond, options.MessagesPerSecond * 2);
        const string Letters = "abcdefghijklmnopqrstuvwxyz0123456789";
        _name = string.Create(32, random, static (text, random) =>
        {
            for (int i = 0; i < text.Length; i++)
            {
                text[i] = Letters[random.Next(Letters.Length)];
            }
        });
    }

    /// <summary>The random name under which this peer answers.</summary>
    public string Name => _name;

    /// <summary>Peers that are remembered.</summary>
    public int Count => _seen.Count;

    /// <summary>Says where this peer can be reached; what does not belong into a local network is left out.</summary>
    public void SetAddresses(IEnumerable<Multiaddr> addresses)
    {
        ArgumentNullException.ThrowIfNull(addresses);
        _addresses =
        [
            .. addresses.Where(IsLocal).Select(address => address.WithPeer(_self))
                .Where(address => address.ToString().Length + AddressKey.Length <= byte.MaxValue),
        ];
    }

    /// <summary>
    /// Call once to start, and whenever a timer asked for has come; late and double calls are harmless.
    /// </summary>
    public void OnTimer(WeftInstant now, Outbox<MdnsOutput> outbox)
    {
        if (now >= _askAt)
        {
            Send(new(false, [new(_options.Service, (int)DnsType.Ptr)], [], []), outbox);
            _answerAt = Min(_answerAt, now); // A peer answers its own question: so others find it, too.
            _askAt = now + _pause;
            _pause = _pause * 2 < _options.PauseMax ? _pause * 2 : _options.PauseMax;
        }

        if (now >= _answerAt)
        {
            Answer(now, outbox);
        }

        outbox.Add(new(MdnsOutputKind.StartTimer, Due: Min(_askAt, _answerAt)));
    }

    /// <summary>A message of the local network has come.</summary>
    public void OnMessage(ReadOnlySpan<byte> bytes, WeftInstant now, Outbox<MdnsOutput> outbox)
    {
        if (_bucket.Take(1, now) > TimeSpan.Zero)
        {
            _bucket.Take(-1, now); // It is dropped, not owed.
            return;
        }

        if (!DnsCodec.TryRead(bytes, out DnsMessage? message))
        {
            return;
        }

        if (message.IsAnswer)
        {
            OnAnswer(message, now, outbox);
        }
        else if (message.Questions.Any(IsForUs))
        {
            WeftInstant earliest = _hasAnswered ? _answeredAt + _options.AnswerPause : now;
            _answerAt = Min(_answerAt, earliest < now ? now : earliest);
            if (now >= _answerAt)
            {
                Answer(now, outbox);
            }
            else
            {
                outbox.Add(new(MdnsOutputKind.StartTimer, Due: Min(_askAt, _answerAt)));
            }
        }

        if (!message.IsAnswer
            && message.Questions.Any(one => DnsCodec.IsSame(one.Name, MetaService) && IsOf(one, DnsType.Ptr)))
        {
            Send(
                new(true, [], [new(MetaService, (int)DnsType.Ptr, TtlSeconds, _options.Service, [])], []), outbox);
        }
    }

    private static bool IsOf(DnsQuestion question, DnsType type) =>
        question.Type == (int)type || question.Type == (int)DnsType.Any;

    private static WeftInstant Min(WeftInstant left, WeftInstant right) => left < right ? left : right;

    private bool IsForUs(DnsQuestion question) =>
        (DnsCodec.IsSame(question.Name, _options.Service) && IsOf(question, DnsType.Ptr))
        || (DnsCodec.IsSame(question.Name, $"{_name}.{_options.Service}") && IsOf(question, DnsType.Txt));

    private bool IsLocal(Multiaddr address) =>
        address.Parts[0].Code is MultiaddrCode.Ip4 or MultiaddrCode.Ip6
        && !address.TryFind(MultiaddrCode.Circuit, out _)
        && AddressScopes.Of(address) is var scope
        && (scope is AddressScope.Private or AddressScope.Link
            || (scope == AddressScope.Loopback && _options.UseLoopback));

    private void Answer(WeftInstant now, Outbox<MdnsOutput> outbox)
    {
        _answerAt = WeftInstant.Never;
        if (_addresses.Length == 0)
        {
            return;
        }

        _hasAnswered = true;
        _answeredAt = now;
        string full = $"{_name}.{_options.Service}";
        var texts = new List<ReadOnlyMemory<byte>>();
        int length = 256;
        foreach (Multiaddr address in _addresses)
        {
            byte[] text = [.. AddressKey, .. Encoding.ASCII.GetBytes(address.ToString())];
            length += text.Length + 1;
            if (length <= MessageBytesMax)
            {
                texts.Add(text);
            }
        }

        Send(
            new(
                true, [],
                [new(_options.Service, (int)DnsType.Ptr, TtlSeconds, full, [])],
                [new(full, (int)DnsType.Txt, TtlSeconds, "", texts)]),
            outbox);
    }

    private void OnAnswer(DnsMessage message, WeftInstant now, Outbox<MdnsOutput> outbox)
    {
        var found = new SortedDictionary<PeerId, List<Multiaddr>>();
        foreach (DnsRecord record in message.Answers.Concat(message.Additional))
        {
            if (record.Type != (int)DnsType.Txt || record.TtlSeconds == 0
                || !record.Name.EndsWith($".{_options.Service}", StringComparison.OrdinalIgnoreCase))
            {
                continue;
            }

            foreach (ReadOnlyMemory<byte> text in record.Texts)
            {
                if (TryAddress(text.Span) is not { } address || address.Peer == _self)
                {
                    continue;
                }

                if (!found.TryGetValue(address.Peer, out List<Multiaddr>? list))
                {
                    found[address.Peer] = list = [];
                }

                if (list.Count < _options.AddressesMax && address.WithoutPeer() is { } bare && !list.Contains(bare))
                {
                    list.Add(bare);
                }
            }
        }

        foreach ((PeerId peer, List<Multiaddr> addresses) in found)
        {
            Tell(peer, addresses, now, outbox);
        }
    }

    private Multiaddr? TryAddress(ReadOnlySpan<byte> text)
    {
        if (!text.StartsWith(AddressKey) || !Ascii.IsValid(text))
        {
            return null;
        }

        return Multiaddr.TryParse(Encoding.ASCII.GetString(text[AddressKey.Length..]), out Multiaddr? address)
            && !address.Peer.IsEmpty && IsLocal(address)
            ? address
            : null;
    }

    private void Tell(PeerId peer, List<Multiaddr> addresses, WeftInstant now, Outbox<MdnsOutput> outbox)
    {
        if (_seen.TryGetValue(peer, out Seen seen))
        {
            if (now < seen.At + _options.NewsPause && seen.Addresses.SequenceEqual(addresses))
            {
                return;
            }
        }
        else if (_seen.Count >= _options.PeersMax)
        {
            _seen.Remove(_seen.MinBy(one => (one.Value.At, one.Key)).Key);
        }

        _seen[peer] = new(now, addresses);
        outbox.Add(new(MdnsOutputKind.Found, Peer: peer, Addresses: addresses));
    }

    private static void Send(DnsMessage message, Outbox<MdnsOutput> outbox)
    {
        var output = new ArrayBufferWriter<byte>(512);
        DnsCodec.Write(message, output);
        outbox.Add(new(MdnsOutputKind.Send, Message: output.WrittenMemory));
    }

    private readonly record struct Seen(WeftInstant At, List<Multiaddr> Addresses);
}
