using System.Buffers.Binary;
using Weft.Crypto;

namespace Weft.Protocols.Topics;

/// <summary>
/// The points of many messages in order, with the sums that give the fingerprint of any range at once. Never changed.
/// </summary>
/// <remarks>
/// A fingerprint is the first half of SHA-256 over the sum of the hashes modulo 2^256 and their number. 72 bytes a
/// message. Source: range-based set reconciliation; docs/spec/topics.md.
/// </remarks>
public sealed class TopicIndex
{
    private readonly ICrypto _crypto;
    private readonly TopicPoint[] _points;
    private readonly UInt128[] _high; // Sums of everything before a place.
    private readonly UInt128[] _low;

    /// <summary>Makes an index.</summary>
    /// <param name="points">In any order, each once; sorted in place and kept.</param>
    /// <param name="crypto">Hashes.</param>
    public TopicIndex(TopicPoint[] points, ICrypto crypto)
    {
        ArgumentNullException.ThrowIfNull(points);
        _crypto = crypto;
        _points = points;
        Array.Sort(points);
        _high = new UInt128[points.Length + 1];
        _low = new UInt128[points.Length + 1];
        for (int i = 0; i < points.Length; i++)
        {
            _low[i + 1] = unchecked(_low[i] + points[i].Low);
            UInt128 carry = _low[i + 1] < _low[i] ? UInt128.One : UInt128.Zero;
            _high[i + 1] = unchecked(_high[i] + points[i].High + carry);
        }
    }

    /// <summary>How many points there are.</summary>
    public int Count => _points.Length;

    /// <summary>The points, rising.</summary>
    public ReadOnlySpan<TopicPoint> Points => _points;

    /// <summary>The place of the first point that is not before this one.</summary>
    public int PlaceOf(in TopicPoint point)
    {
        int place = Array.BinarySearch(_points, point);
        return place < 0 ? ~place : place;
    }

    /// <summary>True when the point is there.</summary>
    public bool Contains(in TopicPoint point) => Array.BinarySearch(_points, point) >= 0;

    /// <summary>What lies in a range.</summary>
    /// <param name="space">Of which space this index is.</param>
    /// <param name="from">The first point.</param>
    /// <param name="until">The first point behind it.</param>
    public TopicRange Summarize(TopicSpace space, in TopicPoint from, in TopicPoint until)
    {
        int first = PlaceOf(from);
        int behind = Math.Max(first, PlaceOf(until));
        return new(space, TopicRangeKind.Fingerprint, from, until, behind - first, Fingerprint(first, behind));
    }

    /// <summary>The points of a range.</summary>
    public TopicPoint[] List(in TopicPoint from, in TopicPoint until)
    {
        int first = PlaceOf(from);
        return _points[first..Math.Max(first, PlaceOf(until))];
    }

    /// <summary>Splits a range into so many of about equal numbers, each with its fingerprint.</summary>
    public void Split(TopicSpace space, in TopicPoint from, in TopicPoint until, int parts, List<TopicRange> target)
    {
        ArgumentNullException.ThrowIfNull(target);
        int first = PlaceOf(from);
        int behind = Math.Max(first, PlaceOf(until));
        TopicPoint left = from;
        for (int part = 1; part <= parts; part++)
        {
            int end = first + (int)((long)(behind - first) * part / parts);
            TopicPoint right = part == parts ? until : end < behind ? _points[end] : until;
            if (right > left || part == parts)
            {
                target.Add(Summarize(space, left, right));
                left = right;
            }
        }
    }

    private UInt128 Fingerprint(int first, int behind)
    {
        UInt128 low = unchecked(_low[behind] - _low[first]);
        UInt128 borrow = _low[behind] < _low[first] ? UInt128.One : UInt128.Zero;
        UInt128 high = unchecked(_high[behind] - _high[first] - borrow);
        Span<byte> bytes = stackalloc byte[36];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, high);
        BinaryPrimitives.WriteUInt128BigEndian(bytes[16..], low);
        BinaryPrimitives.WriteInt32BigEndian(bytes[32..], behind - first);
        Span<byte> digest = stackalloc byte[32];
        _crypto.Sha256(bytes, digest);
        return BinaryPrimitives.ReadUInt128BigEndian(digest);
    }
}
