using Weft.Primitives;

namespace Weft.Protocols.Kad;

/// <summary>What a lookup knows of one peer.</summary>
internal enum CandidateState
{
    /// <summary>Named by somebody, not asked yet.</summary>
    Heard,

    /// <summary>Asked, and in time.</summary>
    Waiting,

    /// <summary>Asked, and slower than usual: the lookup goes on, an answer still counts.</summary>
    Slow,

    /// <summary>Answered.</summary>
    Answered,

    /// <summary>Did not answer.</summary>
    Failed,
}

/// <summary>One peer in a lookup.</summary>
internal sealed class Candidate(PeerId peer, in KadKey key, in KadKey distance, int path, int hops)
{
    internal readonly KadKey Key = key;
    internal readonly KadKey Distance = distance;

    internal PeerId Peer { get; } = peer;

    internal int Path { get; } = path;

    internal int Hops { get; set; } = hops;

    internal CandidateState State { get; set; }

    internal bool HasRecord { get; set; }

    internal KadRecord Record { get; set; }
}

/// <summary>
/// The candidates of one lookup, nearest first, on one path or on several that share no peer: a peer belongs to the
/// path
/// that heard of it first, so a liar on one path cannot lead the others.
/// </summary>
/// <remarks>Source: Baumgart and Mies, "S/Kademlia" (2007), section 4.4; Kademlia, section 2.3.</remarks>
internal sealed class KadLookup
{
    private readonly KadOptions _options;
    private readonly KadKey _target;
    private readonly int _paths;
    private readonly List<Candidate> _candidates = [];
    private readonly Dictionary<PeerId, Candidate> _known = [];
    private readonly int[] _waiting;

    internal KadLookup(in KadKey target, int paths, KadOptions options)
    {
        _target = target;
        _paths = Math.Max(1, paths);
        _options = options;
        _waiting = new int[_paths];
    }

    internal IReadOnlyList<Candidate> Candidates => _candidates;

    internal KadKey Target => _target;

    /// <summary>Starts from peers of the routing table, dealt out to the paths.</summary>
    internal void Seed(ReadOnlySpan<RouteEntry> nearest)
    {
        for (int i = 0; i < nearest.Length; i++)
        {
            Add(nearest[i].Peer, nearest[i].Key, i % _paths, hops: 1);
        }
    }

    internal Candidate? Find(PeerId peer) => _known.GetValueOrDefault(peer);

    /// <summary>The next peer to ask; null when there is none now.</summary>
    internal Candidate? Next()
    {
        for (int path = 0; path < _paths; path++)
        {
            if (_waiting[path] < _options.Alpha && NextOf(path) is { } next)
            {
                next.State = CandidateState.Waiting;
                _waiting[path]++;
                return next;
            }
        }

        return null;
    }

    /// <summary>On every path the nearest have answered; what comes from farther away changes nothing.</summary>
    internal bool IsDone
    {
        get
        {
            for (int path = 0; path < _paths; path++)
            {
                if (!IsPathDone(path))
                {
                    return false;
                }
            }

            return true;
        }
    }

    /// <summary>An answer came.</summary>
    internal void OnAnswer(Candidate candidate)
    {
        Leave(candidate);
        candidate.State = CandidateState.Answered;
    }

    /// <summary>A peer that answered named another.</summary>
    internal void OnHeard(Candidate from, PeerId peer, in KadKey key) => Add(peer, key, from.Path, from.Hops + 1);

    internal void OnSlow(Candidate candidate)
    {
        if (candidate.State == CandidateState.Waiting)
        {
            Leave(candidate);
            candidate.State = CandidateState.Slow;
        }
    }

    internal void OnFailed(Candidate candidate)
    {
        Leave(candidate);
        candidate.State = CandidateState.Failed;
    }

    /// <summary>The nearest that answered, of all paths.</summary>
    internal List<Candidate> Nearest(int count)
    {
        var nearest = new List<Candidate>(count);
        foreach (Candidate candidate in _candidates)
        {
            if (candidate.State == CandidateState.Answered)
            {
                nearest.Add(candidate);
                if (nearest.Count == count)
                {
                    break;
                }
            }
        }

        return nearest;
    }

    private Candidate? NextOf(int path)
    {
        int alive = 0;
        foreach (Candidate candidate in _candidates)
        {
            if (candidate.Path != path || candidate.State is CandidateState.Failed or CandidateState.Slow)
            {
                continue;
            }

            if (candidate.State == CandidateState.Heard)
            {
                return candidate;
            }

            if (++alive == _options.K)
            {
                return null; // The nearest of this path have answered, or are being waited for.
            }
        }

        return null;
    }

    private bool IsPathDone(int path)
    {
        int alive = 0;
        foreach (Candidate candidate in _candidates)
        {
            if (candidate.Path != path || candidate.State is CandidateState.Failed or CandidateState.Slow)
            {
                continue;
            }

            if (candidate.State is CandidateState.Heard or CandidateState.Waiting)
            {
                return false;
            }

            if (++alive == _options.K)
            {
                return true;
            }
        }

        return true;
    }

    private void Leave(Candidate candidate)
    {
        if (candidate.State == CandidateState.Waiting)
        {
            _waiting[candidate.Path]--;
        }
    }

    private void Add(PeerId peer, in KadKey key, int path, int hops)
    {
        if (_known.ContainsKey(peer))
        {
            return;
        }

        var candidate = new Candidate(peer, key, key.DistanceTo(_target), path, hops);
        int low = 0;
        int high = _candidates.Count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (_candidates[middle].Distance < candidate.Distance)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        if (_candidates.Count >= _options.CandidatesMax)
        {
            int last = _candidates.FindLastIndex(one => one.State == CandidateState.Heard);
            if (last < 0 || last < low)
            {
                return; // Farther than everything that is remembered.
            }

            _known.Remove(_candidates[last].Peer);
            _candidates.RemoveAt(last);
        }

        _known.Add(peer, candidate);
        _candidates.Insert(low, candidate);
    }
}
