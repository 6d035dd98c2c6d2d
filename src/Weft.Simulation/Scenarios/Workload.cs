using Weft.Graph;
using Weft.Primitives;

namespace Weft.Simulation;

/// <summary>
/// Writes at random nodes to few fields, so that writers collide, tie, delete, link, and write ahead of time.
/// </summary>
/// <param name="cluster">Where.</param>
/// <param name="souls">How many nodes of the graph are written to.</param>
/// <param name="fields">How many fields each has.</param>
public sealed class Workload(SimCluster cluster, int souls, int fields)
{
    private readonly WeftRandom _random = cluster.World.Random.Fork();

    /// <summary>Share of writes whose state lies ahead of the true time: 0 to 1. Default: 0.05.</summary>
    public double Early { get; init; } = 0.05;

    /// <summary>How far ahead those lie at the most. Default: 10 s.</summary>
    public TimeSpan EarlyMax { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Share of writes that carry a state of their own, in steps that make ties common: 0 to 1. Default: 0.3.
    /// </summary>
    public double Ties { get; init; } = 0.3;

    /// <summary>Share of writes that are sent a second time within 30 ms: 0 to 1. Default: 0.1.</summary>
    public double Repeats { get; init; } = 0.1;

    /// <summary>Writes begun.</summary>
    public long Begun { get; private set; }

    /// <summary>Writes acknowledged.</summary>
    public long Acked { get; private set; }

    /// <summary>Writes refused.</summary>
    public long Refused { get; private set; }

    /// <summary>Plans writes over a span of virtual time.</summary>
    public void Run(int writes, TimeSpan span)
    {
        for (int i = 0; i < writes; i++)
        {
            cluster.World.After(span * _random.NextDouble(), WriteOne);
        }
    }

    private void WriteOne()
    {
        if (cluster.AnyUp() is not { } node)
        {
            return;
        }

        int count = _random.Chance(0.8) ? 1 : 1 + _random.Next(5);
        var delta = new FieldWrite[count];
        double state = NextState();
        string soul = NextSoul();
        for (int i = 0; i < count; i++)
        {
            soul = _random.Chance(0.2) ? NextSoul() : soul;
            string field = $"f{_random.Next(fields)}";
            delta[i] = new FieldWrite(soul, field, NextValue(), state);
            if (i > 0 && _random.Chance(0.2) && !double.IsNaN(state))
            {
                // The same field again: later in the delta, and sometimes newer.
                delta[i] = delta[i - 1] with { Value = NextValue(), State = delta[i - 1].State + _random.Next(2) };
            }
        }

        Write(node, delta);
        if (_random.Chance(Repeats))
        {
            // An impatient writer sends the very same again, often before the first is durable.
            cluster.World.After(TimeSpan.FromMilliseconds(30 * _random.NextDouble()), () => Write(node, delta));
        }
    }

    private void Write(SimNode node, FieldWrite[] delta)
    {
        Begun++;
        node.Write(delta, ack =>
        {
            Acked += ack.Error == WeftError.None ? 1 : 0;
            Refused += ack.Error == WeftError.None ? 0 : 1;
        });
    }

    private double NextState()
    {
        double wall = Math.Floor(cluster.World.WallMs / 200) * 200; // Steps of 200 ms: writers meet in them.
        if (_random.Chance(Early))
        {
            return wall + (200 * _random.Next(1, 1 + (int)(EarlyMax.TotalMilliseconds / 200)));
        }

        return _random.Chance(Ties) ? wall - (200 * _random.Next(5)) : double.NaN;
    }

    private string NextSoul() => $"s/{_random.Next(souls)}";

    private WeftValue NextValue() => _random.Next(12) switch
    {
        0 => WeftValue.Null,
        1 => WeftValue.Link(NextSoul()),
        2 => WeftValue.Boolean(_random.Chance(0.5)),
        3 => WeftValue.Number(_random.Next(20)),
        4 => WeftValue.Text("\ud83d\ude00"),
        5 => WeftValue.Text("\uff5e"),
        6 => WeftValue.Text(new string('x', 100 + _random.Next(200))),
        _ => WeftValue.Text($"v{_random.Next(1_000)}"),
    };
}
