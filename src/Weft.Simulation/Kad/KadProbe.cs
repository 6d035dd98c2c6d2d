using System.Globalization;
using System.Text;
using Weft.Primitives;
using Weft.Protocols.Kad;

namespace Weft.Simulation;

/// <summary>
/// Asks questions in a <see cref="KadWorld"/> and compares the answers with the truth, which the world knows.
/// </summary>
internal sealed class KadProbe(KadWorld world, ScenarioRun run)
{
    /// <summary>Fewer peers than this have no region, and no bars on steps and questions.</summary>
    internal const int CrowdMin = 100;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(70);

    private readonly List<int> _hops = [];
    private readonly List<int> _nearestHops = [];
    private readonly List<int> _requests = [];
    private readonly List<int> _timeOuts = [];
    private double _closest;
    private int _gets; // The next record to get, in turn.
    private int _places;

    internal int Asked { get; private set; }

    internal int Right { get; private set; }

    internal int Regions { get; private set; }

    internal double Success => Asked == 0 ? 1 : (double)Right / Asked;

    /// <summary>Of the k peers that stand nearest in truth, how many were found: 0 to 1.</summary>
    internal double Closest => Asked == 0 ? 1 : _closest / Asked;

    /// <summary>Steps to the nearest peer.</summary>
    internal int HopsP99 => At(_nearestHops, 0.99);

    /// <summary>Steps to all of the k nearest.</summary>
    internal int AllHopsP99 => At(_hops, 0.99);

    internal int RequestsMedian => At(_requests, 0.5);

    internal int TimeOutsMedian => At(_timeOuts, 0.5);

    internal static byte[] KeyOf(int number) =>
        Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"/open/record-{number}"));

    /// <summary>Lookups of random places; right is one that found the peer that stands nearest.</summary>
    internal void FindNodes(int count, int k, string phase) => Many(count, phase, _ =>
    {
        KadSimNode asker = world.Pick();
        byte[] key = Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"place {phase} {_places++}"));
        world.Command(asker, (core, now, ms, outbox) => core.FindClosest(key, now, ms, outbox), result =>
        {
            List<KadSimNode> truth = world.Nearest(world.PlaceOf(key), k + 1);
            truth.Remove(asker); // Nobody finds itself.
            truth = [.. truth.Take(k)];
            var found = result.Peers.Select(peer => peer.Id).ToHashSet();
            Note(result, truth.Count == 0 || (result.Peers.Count > 0 && result.Peers[0].Id == truth[0].Peer));
            _closest += truth.Count == 0 ? 1 : (double)truth.Count(node => found.Contains(node.Peer)) / truth.Count;
        });
    });

    /// <summary>Puts records from random peers.</summary>
    internal void PutRecords(int first, int count, string phase) => Many(count, phase, i =>
    {
        byte[] key = KeyOf(first + i);
        world.Command(
            world.Pick(),
            (core, now, ms, outbox) => core.PutValue(KadRecord.Make(key, key), KadQuorum.One, now, ms, outbox),
            result => Note(result, result.Status is KadStatus.Done or KadStatus.NoPeers));
    });

    /// <summary>Gets records from random peers; right is one that gave the value that was put.</summary>
    internal void GetRecords(int first, int count, int gets, string phase) => Many(gets, phase, _ =>
    {
        byte[] key = KeyOf(first + (_gets++ % count));
        world.Command(
            world.Pick(), (core, now, ms, outbox) => core.GetValue(key, KadQuorum.One, now, ms, outbox),
            result => Note(
                result, result.Status == KadStatus.Done && result.Record.Value.Span.SequenceEqual(key)));
    });

    /// <summary>Writes what was counted into the report.</summary>
    internal void Report(string name)
    {
        run.Count($"{name} asked", Asked);
        run.Count($"{name} right %", Math.Round(Success * 100, 2));
        run.Count($"{name} hops p99", HopsP99);
        run.Count($"{name} hops to all k p99", AllHopsP99);
        run.Count($"{name} questions median", RequestsMedian);
        run.Count($"{name} time-outs median", TimeOutsMedian);
    }

    private void Many(int count, string phase, Action<int> ask)
    {
        for (int i = 0; i < count; i++)
        {
            ask(i);
            if (i % 10 == 9)
            {
                run.RunFor(TimeSpan.FromSeconds(1), phase);
            }
        }

        run.RunFor(Patience, phase);
    }

    private void Note(KadResult result, bool isRight)
    {
        Asked++; // One whose asker died has no answer: it does not count.
        Right += isRight ? 1 : 0;
        Regions += result.IsRegion ? 1 : 0;
        _hops.Add(result.Hops);
        _nearestHops.Add(result.NearestHops);
        _requests.Add(result.Requests);
        _timeOuts.Add(result.TimeOuts);
    }

    private static int At(List<int> values, double share)
    {
        if (values.Count == 0)
        {
            return 0;
        }

        values.Sort();
        return values[Math.Min(values.Count - 1, (int)(values.Count * share))];
    }
}
