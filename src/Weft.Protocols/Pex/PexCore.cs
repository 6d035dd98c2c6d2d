using Weft.Crypto;
using Weft.Primitives;
using Weft.Protocols.Dialing;
using Weft.Protocols.Peers;

namespace Weft.Protocols.Pex;

/// <summary>How peers are exchanged.</summary>
public sealed class PexOptions
{
    /// <summary>Signed records that are kept to be handed on. Default: 512.</summary>
    public int RecordsMax { get; set; } = 512;

    /// <summary>Records in one answer: 1 to 32. Default: 16.</summary>
    public int AnswerMax { get; set; } = 16;

    /// <summary>How long a record is handed on after its peer was seen last. Default: 1 h.</summary>
    public TimeSpan SeenMax { get; set; } = TimeSpan.FromHours(1);

    /// <summary>
    /// Time between two questions of one peer; earlier ones are answered with nothing. Default: 30 s.
    /// </summary>
    public TimeSpan QuestionPause { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Hand on addresses of this machine and of private networks. Default: false.</summary>
    public bool SharePrivate { get; set; }
}

/// <summary>Keeps the signed records of peers this one has met, and hands some of them on when asked.</summary>
/// <remarks>
/// Pure: no clock, no socket, no task, one caller at a time. Only records that their own peer has signed are kept, only
/// of
/// peers that were connected here, and only while they are fresh: what one peer says of another is never handed on. An
/// older record never takes the place of a newer one. Where the table is full, the peer that was seen longest ago goes.
/// </remarks>
public sealed class PexCore(PexOptions options, ICrypto crypto, WeftRandom random)
{
    private readonly SortedDictionary<PeerId, Known> _known = [];
    private readonly Dictionary<PeerId, WeftInstant> _asked = [];

    /// <summary>Records kept.</summary>
    public int Count => _known.Count;

    /// <summary>A connected peer has shown its signed record, for example in identify.</summary>
    /// <returns>True when it is kept.</returns>
    public bool OnMet(PeerId peer, ReadOnlyMemory<byte> signedRecord, WeftInstant now)
    {
        if (_known.TryGetValue(peer, out Known? held) && signedRecord.Span.SequenceEqual(held.SignedRecord))
        {
            held.SeenAt = now; // The usual case costs no signature check.
            return true;
        }

        if (signedRecord.Length > PexCodec.RecordBytesMax
            || !PeerRecord.TryOpen(signedRecord.Span, crypto, out PeerRecord? record) || record.Peer != peer
            || (held is not null && record.Sequence <= held.Sequence))
        {
            return false;
        }

        if (!options.SharePrivate && !record.Addresses.Any(one => AddressScopes.Of(one) == AddressScope.Public))
        {
            _known.Remove(peer); // What cannot be dialled from elsewhere is no news for others.
            return false;
        }

        if (held is null && _known.Count >= options.RecordsMax)
        {
            PeerId oldest = _known.MinBy(one => (one.Value.SeenAt, one.Key)).Key;
            _known.Remove(oldest);
        }

        _known[peer] = new(signedRecord.ToArray(), record.Sequence) { SeenAt = now };
        return true;
    }

    /// <summary>Answers a peer's question.</summary>
    public PexMessage OnQuestion(PeerId peer, PexMessage question, WeftInstant now)
    {
        ArgumentNullException.ThrowIfNull(question);
        if (_asked.TryGetValue(peer, out WeftInstant last) && now < last + options.QuestionPause)
        {
            return new(IsQuestion: false, 0, []);
        }

        Forget(now);
        _asked[peer] = now;
        PeerId[] fresh =
        [
            .. _known.Where(one => one.Key != peer && now < one.Value.SeenAt + options.SeenMax).Select(one => one.Key),
        ];
        int wanted = Math.Min(
            question.Wanted > 0 ? question.Wanted : options.AnswerMax, Math.Min(options.AnswerMax, fresh.Length));
        var records = new List<ReadOnlyMemory<byte>>(wanted);
        for (int i = 0; i < wanted; i++)
        {
            int pick = random.Next(i, fresh.Length); // A part of a shuffle: each peer at most once.
            (fresh[i], fresh[pick]) = (fresh[pick], fresh[i]);
            records.Add(_known[fresh[i]].SignedRecord);
        }

        return new(IsQuestion: false, 0, records);
    }

    /// <summary>Reads what a peer answered: records whose signature fits, of peers other than oneself.</summary>
    /// <param name="answer">The answer.</param>
    /// <param name="wanted">How many were asked for; those beyond are not even opened.</param>
    /// <param name="self">Oneself.</param>
    public IReadOnlyList<PeerRecord> OnAnswer(PexMessage answer, int wanted, PeerId self)
    {
        ArgumentNullException.ThrowIfNull(answer);
        var found = new List<PeerRecord>();
        foreach (ReadOnlyMemory<byte> bytes in answer.Records.Take(Math.Clamp(wanted, 0, PexCodec.RecordsMax)))
        {
            if (PeerRecord.TryOpen(bytes.Span, crypto, out PeerRecord? record) && record.Peer != self
                && record.Addresses.Count > 0 && !found.Any(one => one.Peer == record.Peer))
            {
                found.Add(record);
            }
        }

        return found;
    }

    /// <summary>Whoever asked long ago may ask again; nothing is kept of him.</summary>
    private void Forget(WeftInstant now)
    {
        if (_asked.Count >= options.RecordsMax)
        {
            foreach (PeerId peer in _asked
                .Where(one => now >= one.Value + options.QuestionPause).Select(one => one.Key).ToArray())
            {
                _asked.Remove(peer);
            }

            if (_asked.Count >= options.RecordsMax)
            {
                _asked.Clear(); // More askers than connections there can be: forget them all, and begin again.
            }
        }
    }

    private sealed class Known(byte[] signedRecord, ulong sequence)
    {
        public byte[] SignedRecord => signedRecord;

        public ulong Sequence => sequence;

        public WeftInstant SeenAt { get; set; }
    }
}
