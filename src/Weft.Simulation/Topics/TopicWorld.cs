using System.Globalization;
using System.Text;
using Weft.Crypto;
using Weft.Primitives;
using Weft.Protocols.Gossip;
using Weft.Protocols.Topics;

namespace Weft.Simulation.Topics;

/// <summary>Relays of one topic, some of them hostile, authors that leave, and readers that come late.</summary>
/// <remarks>
/// Everything that is asked and answered goes as the bytes of <c>/weft/topics/1</c>, with delays and losses; signatures
/// are real ones. The mesh is a lottery here: it brings a message to some relays.
/// </remarks>
internal sealed class TopicWorld : IDisposable
{
    internal const string Topic = "t";

    internal static readonly WeftInstant StaleAt = new(20_000_000);

    private readonly WeftRandom _random;
    private readonly PeerId[] _ids;
    private readonly Ed25519KeyPair[] _relayKeys;
    private readonly Ed25519KeyPair[] _authors;
    private readonly GossipMessageId[] _links;
    private readonly ulong[] _sequences;
    private readonly Dictionary<GossipMessageId, GossipMessage> _published = [];
    private readonly double _loss;
    private ulong _time;

    /// <param name="relays">How many.</param>
    /// <param name="hostile">How many of them; their attacks take turns.</param>
    /// <param name="authors">Who publishes.</param>
    /// <param name="seed">The same seed gives the same run.</param>
    /// <param name="loss">Share of questions and answers that are lost.</param>
    internal TopicWorld(int relays, int hostile, int authors, ulong seed, double loss)
    {
        World = new(seed);
        _random = World.Random.Fork();
        _loss = loss;
        _relayKeys = [.. Enumerable.Range(0, relays).Select(_ => NewKey())];
        _authors = [.. Enumerable.Range(0, authors).Select(_ => NewKey())];
        _links = new GossipMessageId[authors];
        _sequences = new ulong[authors];
        _ids = [.. _relayKeys.Select(key => key.PublicKey.ToPeerId())];
        int kinds = Enum.GetValues<TopicAttack>().Length - 1;
        Relays = [.. Enumerable.Range(0, relays).Select(number => new TopicSimRelay(
            this, number, number < hostile ? (TopicAttack)(1 + ((number + (int)(seed % (ulong)kinds)) % kinds)) : 0,
            _random.Fork()))];
        Hostile = hostile;
    }

    internal SimWorld World { get; }

    internal ICrypto Crypto { get; } = PlatformCrypto.Create();

    internal IReadOnlyList<TopicSimRelay> Relays { get; }

    internal int Hostile { get; }

    /// <summary>Messages of which two more relays than are hostile said that they hold them.</summary>
    internal HashSet<GossipMessageId> Acknowledged { get; } = [];

    /// <summary>The last value of each key that was acknowledged.</summary>
    internal Dictionary<string, GossipMessage> Values { get; } = [];

    internal PeerId Forker { get; private set; }

    internal IEnumerable<TopicSimRelay> Honest => Relays.Where(relay => relay.IsHonest);

    internal PeerId IdOf(int number) => _ids[number];

    internal int NumberOf(PeerId id) => Array.IndexOf(_ids, id);

    internal bool IsPublished(in GossipMessageId hash) => _published.ContainsKey(hash);

    internal void Begin()
    {
        foreach (TopicSimRelay relay in Relays)
        {
            relay.Begin();
        }
    }

    /// <summary>Each author publishes so many events, and a value of each key now and then.</summary>
    internal void Publish(int count, TimeSpan every)
    {
        for (int author = 0; author < _authors.Length; author++)
        {
            int who = author;
            for (int i = 0; i < count; i++)
            {
                int number = i;
                World.After((every * i) + (every * _random.NextDouble()), () => PublishNext(who, number));
            }
        }
    }

    /// <summary>An author signs two records as the next one, and tells one to these relays and one to those.</summary>
    internal void Fork(int author)
    {
        Forker = _authors[author].PublicKey.ToPeerId();
        GossipMessageId link = _links[author];
        foreach (int side in (int[])[0, 1])
        {
            GossipMessage message = Sign(author, TopicRecordKind.Event, link, "", $"side {side}");
            foreach (TopicSimRelay relay in Relays.Where(relay => relay.Number % 2 == side))
            {
                Send(relay, message, _ => { });
            }

            _links[author] = TopicLogCore.HashOf(message, Crypto);
        }
    }

    /// <summary>Asks over the wire; null when the question or its answer is lost, or the relay is away.</summary>
    internal void Ask(TopicSimRelay relay, TopicRequest request, Action<TopicAnswer?> answered)
    {
        byte[] asked = TopicWire.Write(request);
        bool isLost = _random.Chance(_loss) || _random.Chance(_loss);
        World.Trace((ulong)relay.Number, asked);
        World.After(Delay(), () =>
        {
            if (!isLost && relay.IsUp && TopicWire.TryRead(Body(asked), out TopicRequest read)
                && relay.Answer(read) is { } answer)
            {
                byte[] bytes = TopicWire.Write(answer);
                World.After(Delay(), () => answered(TopicWire.TryRead(Body(bytes), out TopicAnswer back) ? back : null));
            }
            else
            {
                World.After(TimeSpan.FromSeconds(2), () => answered(null)); // That is how long one waits.
            }
        });
    }

    /// <summary>Runs a session over the wire, as the production driver does.</summary>
    internal void Run(
        TopicSessionCore session, TopicSimRelay peer, Func<bool> isAlive,
        Action<IReadOnlyList<(GossipMessage Message, double ReceivedMs)>> take,
        Func<IReadOnlyList<TopicPoint>, IReadOnlyList<TopicEntry>> supply, Action<bool> ended)
    {
        var outbox = new Outbox<TopicSessionOutput>();
        session.Start(outbox);
        Step();

        void Step()
        {
            while (outbox.Count > 0)
            {
                TopicSessionOutput[] outputs = outbox.Items.ToArray();
                outbox.Clear();
                take([.. outputs.Where(one => one.Kind == TopicSessionOutputKind.Take)
                    .Select(one => (one.Message!, one.ReceivedMs))]);
                foreach (TopicSessionOutput output in outputs)
                {
                    switch (output.Kind)
                    {
                        case TopicSessionOutputKind.Send:
                            Ask(peer, output.Request, OnAnswer);
                            break;
                        case TopicSessionOutputKind.Supply:
                            session.OnSupplied(supply(output.Points ?? []), outbox);
                            break;
                        case TopicSessionOutputKind.Done:
                            ended(true);
                            break;
                        case TopicSessionOutputKind.Failed:
                            ended(false);
                            break;
                    }
                }
            }
        }

        void OnAnswer(TopicAnswer? answer)
        {
            if (answer is null || !isAlive())
            {
                ended(false);
                return;
            }

            session.OnAnswer(answer.Value, outbox);
            Step();
        }
    }

    /// <summary>All honest relays hold the same, and everything that was acknowledged; nothing else than was published.</summary>
    internal void CheckRelays()
    {
        TopicSimRelay[] honest = [.. Honest];
        GossipMessageId[] first = [.. honest[0].Kept];
        foreach (TopicSimRelay relay in honest)
        {
            GossipMessageId[] kept = [.. relay.Kept];
            if (!kept.SequenceEqual(first))
            {
                World.Report("T1", relay.Number, $"{kept.Length} messages are kept; the first relay keeps {first.Length}");
            }

            if (kept.FirstOrDefault(hash => !IsPublished(hash)) is { IsEmpty: false } strange)
            {
                World.Report("T2", relay.Number, $"{strange} was never published");
            }

            foreach (GossipMessageId hash in Acknowledged.Where(hash => !IsReplaced(hash)).Except(kept))
            {
                World.Report("T3", relay.Number, $"{Text(_published[hash])} was acknowledged and is not there");
            }

            if (!Forker.IsEmpty && !relay.Forkers.Contains(Forker))
            {
                World.Report("I4", relay.Number, "the fork was not seen");
            }
        }
    }

    internal string Text(GossipMessage message) =>
        TopicRecord.TryRead(message.Data.Span, out TopicRecord record) ? Encoding.UTF8.GetString(record.Payload) : "";

    internal int Draw(int max) => _random.Next(max);

    public void Dispose()
    {
        Array.ForEach(_relayKeys, key => key.Dispose());
        Array.ForEach(_authors, key => key.Dispose());
    }

    private static byte[] Body(byte[] frame)
    {
        Uvarint.Read(frame, out _, out int used);
        return frame[used..];
    }

    private bool IsReplaced(in GossipMessageId hash) =>
        TopicRecord.TryRead(_published[hash].Data.Span, out TopicRecord record) && record.Kind != TopicRecordKind.Event;

    private void PublishNext(int author, int number)
    {
        bool isValue = number % 5 == 4;
        string key = isValue ? string.Create(CultureInfo.InvariantCulture, $"k{author}.{number % 2}") : "";
        GossipMessage message = Sign(
            author, isValue ? TopicRecordKind.Latest : TopicRecordKind.Event, isValue ? default : _links[author], key,
            string.Create(CultureInfo.InvariantCulture, $"{author}:{number}"));
        GossipMessageId hash = TopicLogCore.HashOf(message, Crypto);
        if (!isValue)
        {
            _links[author] = hash;
        }

        // An author has two more relays keep it than are hostile: one of them may lose its disk.
        var holders = new HashSet<int>();
        SendOn([.. Relays.OrderBy(_ => _random.NextUInt64())], 0);
        foreach (TopicSimRelay relay in Relays.Where(_ => _random.Chance(0.3)))
        {
            Send(relay, message, _ => { }); // What the mesh brings.
        }

        void SendOn(TopicSimRelay[] relays, int next) => Send(relays[next], message, isKept =>
        {
            if (isKept)
            {
                holders.Add(relays[next].Number);
            }

            if (holders.Count > Hostile + 1)
            {
                Acknowledged.Add(hash);
                if (isValue && (!Values.TryGetValue(key, out GossipMessage? before) || Time(before) < Time(message)))
                {
                    Values[key] = message;
                }
            }
            else if (next + 1 < 4 * relays.Length)
            {
                SendOn([.. relays, .. next + 1 == relays.Length ? relays : []], next + 1);
            }
        });
    }

    private void Send(TopicSimRelay relay, GossipMessage message, Action<bool> answered)
    {
        bool isLost = _random.Chance(_loss);
        World.After(Delay(), () =>
        {
            if (isLost || !relay.IsUp)
            {
                World.After(TimeSpan.FromSeconds(1), () => answered(false));
                return;
            }

            bool isAnswered = false;
            relay.Keep(message, isKept => World.After(Delay(), () => Once(isKept)));
            World.After(TimeSpan.FromSeconds(3), () => Once(false)); // A relay that dies before it has flushed says nothing.

            void Once(bool isKept)
            {
                if (!isAnswered)
                {
                    isAnswered = true;
                    answered(isKept);
                }
            }
        });
    }

    private GossipMessage Sign(int author, TopicRecordKind kind, GossipMessageId link, string key, string text)
    {
        _time = Math.Max(_time + 1, (ulong)World.WallMs << 16);
        GossipMessage message = GossipSigning.Sign(
            _authors[author], Crypto, ++_sequences[author], Topic,
            TopicRecord.Write(kind, link.Span, _time, 0, Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(text)));
        _published[TopicLogCore.HashOf(message, Crypto)] = message;
        return message;
    }

    private static ulong Time(GossipMessage message) =>
        TopicRecord.TryRead(message.Data.Span, out TopicRecord record) ? record.Time : 0;

    private TimeSpan Delay() => TimeSpan.FromMilliseconds(
        _random.Chance(0.02) ? 500 + (4_500 * _random.NextDouble()) : 1 + (99 * _random.NextDouble()));

    private Ed25519KeyPair NewKey()
    {
        Span<byte> seed = stackalloc byte[Ed25519KeyPair.SeedLength];
        _random.Fill(seed);
        return new(Crypto, seed);
    }
}
