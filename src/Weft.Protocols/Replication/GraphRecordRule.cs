using Weft.Crypto;
using Weft.Graph;
using Weft.Graph.Access;
using Weft.Graph.Policy;
using Weft.Primitives;
using Weft.Protocols.Kad.Rules;

namespace Weft.Protocols.Replication;

/// <summary>
/// The rule of <c>/weft/graph/</c>: a record holds what admission would let into the graph here, and two of them merge
/// field by field. Other keys of the namespace are judged by the rule it was given.
/// </summary>
/// <remarks>
/// One caller at a time, as cores have. Verdicts of the last values are remembered, because the same value is judged when
/// it comes, when it is read and when it moves. Source: docs/spec/replication.md, section 3.
/// </remarks>
public sealed class GraphRecordRule : IRecordRule
{
    private const int VerdictsMax = 4_096;
    private const int ValueBytesMax = 48 << 10;

    private readonly ICrypto _crypto;
    private readonly ReadOnlyMemory<byte> _network;
    private readonly PolicyBook _book;
    private readonly ReplicationPlans _plans;
    private readonly IRecordRule _others;
    private readonly AdmissionCore _admission;
    private readonly SeaKeyCache _keys;
    private readonly double _futureMaxMs;
    private readonly Dictionary<UInt128, bool> _verdicts = [];
    private readonly Queue<UInt128> _verdictOrder = new();
    private long _verdictVersion = -1;

    /// <summary>Makes it.</summary>
    /// <param name="crypto">Hashes and verifies.</param>
    /// <param name="network">32 bytes.</param>
    /// <param name="book">What is known of policies.</param>
    /// <param name="plans">How souls are replicated.</param>
    /// <param name="others">Judges the other keys of the namespace.</param>
    /// <param name="futureMax">How far ahead a state may be.</param>
    public GraphRecordRule(
        ICrypto crypto,
        ReadOnlyMemory<byte> network,
        PolicyBook book,
        ReplicationPlans plans,
        IRecordRule others,
        TimeSpan futureMax)
    {
        _crypto = crypto;
        _network = network;
        _book = book;
        _plans = plans;
        _others = others;
        _admission = new(crypto, book, network);
        _keys = new(crypto, keysMax: 1_024);
        _futureMaxMs = futureMax.TotalMilliseconds;
    }

    /// <summary>Values refused, by what they hold, since the start.</summary>
    public long Refused { get; private set; }

    /// <inheritdoc/>
    public bool IsState(ReadOnlySpan<byte> key) => GraphRecord.IsKey(key);

    /// <inheritdoc/>
    public int CopiesOf(ReadOnlySpan<byte> key) => GraphRecord.IsKey(key) ? 0 : _others.CopiesOf(key);

    /// <inheritdoc/>
    public int CopiesOf(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        if (!GraphRecord.IsKey(key))
        {
            return _others.CopiesOf(key, value);
        }

        // The policy counts where it is known; what the value says is the writer's word.
        int known = GraphRecord.Read(_crypto, _network.Span, key, value) is { } record
            ? _plans.PlanOf(record.Soul).Words.Copies
            : 0;
        return known > 0 ? known : GraphRecord.CopiesOf(value);
    }

    /// <inheritdoc/>
    public bool IsValid(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, double nowMs)
    {
        if (!GraphRecord.IsKey(key))
        {
            return _others.IsValid(key, value, nowMs);
        }

        long version = _plans.Version;
        if (version != _verdictVersion)
        {
            _verdicts.Clear(); // A policy may have come.
            _verdictOrder.Clear();
            _verdictVersion = version;
        }

        Span<byte> hash = stackalloc byte[32];
        _crypto.Sha256([.. key, .. value], hash);
        var id = new UInt128(
            System.Buffers.Binary.BinaryPrimitives.ReadUInt64BigEndian(hash),
            System.Buffers.Binary.BinaryPrimitives.ReadUInt64BigEndian(hash[8..]));
        if (_verdicts.TryGetValue(id, out bool verdict))
        {
            return verdict;
        }

        verdict = Judge(key, value, nowMs, out bool isForGood);
        Refused += verdict ? 0 : 1;
        if (isForGood)
        {
            _verdicts.Add(id, verdict);
            _verdictOrder.Enqueue(id);
            if (_verdictOrder.Count > VerdictsMax)
            {
                _verdicts.Remove(_verdictOrder.Dequeue());
            }
        }

        return verdict;
    }

    /// <inheritdoc/>
    public ReadOnlyMemory<byte> Merge(
        ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> held, ReadOnlyMemory<byte> offered)
    {
        if (!GraphRecord.IsKey(key.Span))
        {
            return _others.Merge(key, held, offered);
        }

        if (held.Span.SequenceEqual(offered.Span)
            || GraphRecord.Read(_crypto, _network.Span, key.Span, offered.Span) is not { } theirs)
        {
            return held;
        }

        if (GraphRecord.Read(_crypto, _network.Span, key.Span, held.Span) is not { } ours)
        {
            return offered;
        }

        byte[] merged = ours.Merge(_book, theirs).Write();
        if (merged.Length > ValueBytesMax)
        {
            return held; // No room for both: whoever puts sees what is here, and cuts the state further.
        }

        return merged.AsSpan().SequenceEqual(held.Span) ? held
            : merged.AsSpan().SequenceEqual(offered.Span) ? offered
            : merged;
    }

    /// <inheritdoc/>
    public PeerId PublisherOf(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) =>
        GraphRecord.IsKey(key) ? default : _others.PublisherOf(key, value);

    private bool Judge(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, double nowMs, out bool isForGood)
    {
        isForGood = true;
        if (GraphRecord.Read(_crypto, _network.Span, key, value) is not { } record
            || _plans.PlanOf(record.Soul).Words.IsLocal)
        {
            return false;
        }

        double latest = nowMs + _futureMaxMs;
        FieldWrite[] fields = [.. record.Fields];
        foreach (FieldWrite write in fields)
        {
            if (!double.IsFinite(write.State) || write.State == PolicyBook.DroppedState || write.State > latest)
            {
                isForGood = false; // Time passes.
                return false;
            }
        }

        // Lists of blocked holders of certificates lie in other souls, which this peer need not have.
        Admission? admission = _admission.JudgeNow(fields, local: null, nowMs, _keys, static _ => true);
        return admission is null || admission.Error == WeftError.None;
    }
}
