using Weft.Graph;
using Weft.Node.Storage;

namespace Weft.Node;

/// <summary>One committed change in the hub's ring.</summary>
/// <param name="Soul">The node.</param>
/// <param name="Field">The field as this commit left it.</param>
/// <param name="Origin">Who brought it: 0 for this process, else the number of a connection.</param>
/// <param name="EndsCommit">True for the last change of its commit: a cursor may rest behind it.</param>
public readonly record struct HubChange(string Soul, StoredField Field, long Origin, bool EndsCommit);

/// <summary>
/// Keeps the most recent committed changes in memory, bounded by bytes, and wakes those who follow them. A follower owns
/// nothing but its position: however slow it is, it costs no memory, and it learns when the ring has left it behind.
/// </summary>
public sealed class ChangeHub
{
    private const int OverheadBytes = 96; // One entry beside its texts: the struct, and headers of what it refers to.

    private readonly Lock _gate = new();
    private readonly long _bytesMax;
    private readonly List<ChangeReader> _readers = [];
    private HubChange[] _ring = new HubChange[1_024];
    private long _start;             // Absolute number of the oldest entry held.
    private long _end;               // Absolute number after the newest entry.
    private long _bytes;
    private long _oldestWhole;       // Every commit after this sequence is held in full.

    internal ChangeHub(long bytesMax, long committedSequence)
    {
        _bytesMax = bytesMax;
        _oldestWhole = committedSequence;
        LastSequence = committedSequence;
    }

    /// <summary>The newest commit that was posted.</summary>
    public long LastSequence { get; private set; }

    /// <summary>Starts to follow.</summary>
    /// <param name="afterSequence">Follow from after this commit; null from now on.</param>
    /// <returns>
    /// A reader that already follows; its <see cref="ChangeReader.StartSequence"/> is later than asked for when the ring
    /// does not reach back so far, and the caller gets what lies between from the store.
    /// </returns>
    public ChangeReader Follow(long? afterSequence = null)
    {
        lock (_gate)
        {
            long position = _end;
            long start = LastSequence;
            if (afterSequence is long after && after < LastSequence)
            {
                if (after >= _oldestWhole)
                {
                    start = after;
                    position = FindAfter(after);
                }
            }

            var reader = new ChangeReader(this, position, start);
            _readers.Add(reader);
            return reader;
        }
    }

    internal void Post(Commit commit)
    {
        lock (_gate)
        {
            IReadOnlyList<CommitField> fields = commit.Batch.Fields;
            for (int i = 0; i < fields.Count; i++)
            {
                FieldWrite write = fields[i].Write;
                Add(new HubChange(
                    write.Soul,
                    new StoredField(write.Field, write.Value, write.State, commit.Sequence, write.Extras),
                    commit.Batch.Origin,
                    i == fields.Count - 1));
            }

            LastSequence = commit.Sequence;
            foreach (ChangeReader reader in _readers)
            {
                reader.Wake();
            }
        }
    }

    internal void Leave(ChangeReader reader)
    {
        lock (_gate)
        {
            _readers.Remove(reader);
        }
    }

    internal int Read(ref long position, ref long sequence, List<HubChange> into, int changesMax, out bool lost)
    {
        lock (_gate)
        {
            lost = position < _start;
            if (lost)
            {
                position = _end;
                sequence = LastSequence;
                return 0;
            }

            int count = 0;
            while (position < _end && count < changesMax)
            {
                ref readonly HubChange change = ref At(position++);
                into.Add(change);
                count++;
                if (change.EndsCommit)
                {
                    sequence = change.Field.Sequence;
                }
            }

            if (position == _end)
            {
                sequence = LastSequence; // Commits without changes (held writes) move the cursor, too.
            }

            return count;
        }
    }

    private static long SizeOf(in HubChange change) =>
        OverheadBytes + (2 * (change.Soul.Length + change.Field.Field.Length)) + change.Field.Value.Json.Length;

    private ref HubChange At(long position) => ref _ring[position & (_ring.Length - 1)];

    private void Add(in HubChange change)
    {
        if (_end - _start == _ring.Length)
        {
            Grow();
        }

        At(_end++) = change;
        _bytes += SizeOf(change);
        while (_bytes > _bytesMax && _start < _end)
        {
            ref HubChange oldest = ref At(_start++);
            _bytes -= SizeOf(oldest);
            _oldestWhole = oldest.Field.Sequence;
            oldest = default;
        }
    }

    private void Grow()
    {
        var larger = new HubChange[_ring.Length * 2];
        for (long i = _start; i < _end; i++)
        {
            larger[i & (larger.Length - 1)] = At(i);
        }

        _ring = larger;
    }

    private long FindAfter(long sequence)
    {
        long low = _start;
        long high = _end;
        while (low < high)
        {
            long middle = (low + high) / 2;
            if (At(middle).Field.Sequence <= sequence)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }
}
