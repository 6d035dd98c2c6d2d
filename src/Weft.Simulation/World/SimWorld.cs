using Weft.Primitives;

namespace Weft.Simulation;

/// <summary>A world in virtual time: one queue of events, one seed, one thread. Nothing in it waits.</summary>
/// <remarks>
/// Everything that happens is an event with a due time and an order number, so two runs with one seed do the same
/// things
/// in the same order; <see cref="TraceHash"/> proves it. One caller at a time.
/// </remarks>
public sealed class SimWorld
{
    /// <summary>Wall time at the start of every world: 2026-01-01 UTC, in milliseconds since 1970.</summary>
    public const double EpochMs = 1_767_225_600_000;

    private readonly PriorityQueue<Action, SimDue> _events = new();
    private long _order;

    /// <summary>Starts a world.</summary>
    /// <param name="seed">Any number; the same seed gives the same run.</param>
    public SimWorld(ulong seed)
    {
        Seed = seed;
        Random = new WeftRandom(seed);
    }

    /// <summary>The seed the world was started with.</summary>
    public ulong Seed { get; }

    /// <summary>The world's own draws. Parts that draw often take a <see cref="WeftRandom.Fork"/>.</summary>
    public WeftRandom Random { get; }

    /// <summary>True time in this world; the nodes' clocks may differ.</summary>
    public WeftInstant Now { get; private set; }

    /// <summary>True wall time in this world, in milliseconds since 1970.</summary>
    public double WallMs => EpochMs + (Now.Microseconds / 1_000d);

    /// <summary>How many events have run.</summary>
    public long Events { get; private set; }

    /// <summary>
    /// After this many events a run ends with an exception: something goes round in circles. Default: no limit.
    /// </summary>
    public long EventsMax { get; set; } = long.MaxValue;

    /// <summary>How many events wait.</summary>
    public int Waiting => _events.Count;

    /// <summary>A hash over everything that happened so far, in order.</summary>
    public ulong TraceHash { get; private set; } = 0xCBF29CE484222325;

    /// <summary>Everything the checkers found wrong, oldest first; at most <see cref="ViolationsMax"/>.</summary>
    public IReadOnlyList<SimViolation> Violations => _violations;

    /// <summary>How many violations are kept; later ones are only counted.</summary>
    public const int ViolationsMax = 100;

    private readonly List<SimViolation> _violations = [];

    /// <summary>How many violations were reported, kept or not.</summary>
    public long ViolationCount { get; private set; }

    /// <summary>Receives one line for each traced step; null (the default) traces nothing.</summary>
    public Action<string>? Log { get; set; }

    /// <summary>Runs <paramref name="action"/> at <paramref name="due"/>, or next when that has passed.</summary>
    public void At(WeftInstant due, Action action) =>
        _events.Enqueue(action, new SimDue(due < Now ? Now : due, _order++));

    /// <summary>Runs <paramref name="action"/> after <paramref name="span"/> of virtual time.</summary>
    public void After(TimeSpan span, Action action) => At(Now + span, action);

    /// <summary>Runs the next event.</summary>
    /// <returns>False when none waits.</returns>
    /// <exception cref="InvalidOperationException">There were more than <see cref="EventsMax"/>.</exception>
    public bool Step()
    {
        if (!_events.TryDequeue(out Action? action, out SimDue due))
        {
            return false;
        }

        Now = due.At;
        if (++Events > EventsMax)
        {
            throw new InvalidOperationException($"More than {EventsMax} events: something goes round in circles.");
        }

        Trace((ulong)due.At.Microseconds, (ulong)due.Order);
        action();
        return true;
    }

    /// <summary>Runs all events due up to <paramref name="end"/>, and sets the time to it.</summary>
    /// <param name="end">A moment not before <see cref="Now"/>.</param>
    /// <param name="cancellationToken">Stops between two events.</param>
    public void RunUntil(WeftInstant end, CancellationToken cancellationToken = default)
    {
        while (_events.TryPeek(out _, out SimDue due) && due.At <= end)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Step();
        }

        Now = end < Now ? Now : end;
    }

    /// <summary>Runs the world for <paramref name="span"/> of virtual time.</summary>
    public void RunFor(TimeSpan span, CancellationToken cancellationToken = default) =>
        RunUntil(Now + span, cancellationToken);

    /// <summary>Mixes two numbers into <see cref="TraceHash"/>.</summary>
    public void Trace(ulong first, ulong second)
    {
        TraceHash = Mix(TraceHash ^ first);
        TraceHash = Mix(TraceHash ^ second);
    }

    /// <summary>Mixes bytes into <see cref="TraceHash"/>.</summary>
    public void Trace(ulong first, ReadOnlySpan<byte> bytes)
    {
        ulong hash = (ulong)bytes.Length;
        while (bytes.Length >= sizeof(ulong))
        {
            hash = Mix(hash ^ BitConverter.ToUInt64(bytes));
            bytes = bytes[sizeof(ulong)..];
        }

        foreach (byte one in bytes)
        {
            hash = Mix(hash ^ one);
        }

        Trace(first, hash);
    }

    /// <summary>Notes that something went wrong. The run goes on: one violation often explains the next.</summary>
    /// <param name="invariant">The invariant's short name, for example "I1".</param>
    /// <param name="node">The node it was seen at; -1 for the world as a whole.</param>
    /// <param name="message">What was expected and what was seen.</param>
    public void Report(string invariant, int node, string message)
    {
        ViolationCount++;
        Log?.Invoke($"{Now.Microseconds / 1e6:0.000000} n{node} VIOLATION {invariant} {message}");
        if (_violations.Count < ViolationsMax)
        {
            _violations.Add(new(invariant, node, Now, message));
        }
    }

    private static ulong Mix(ulong value)
    {
        value *= 0x9E3779B97F4A7C15;
        return value ^ (value >> 29);
    }

    /// <summary>
    /// The place of an event in time; the order number keeps events of one moment in the order they were made.
    /// </summary>
    private readonly record struct SimDue(WeftInstant At, long Order) : IComparable<SimDue>
    {
        public int CompareTo(SimDue other)
        {
            int byTime = At.CompareTo(other.At);
            return byTime != 0 ? byTime : Order.CompareTo(other.Order);
        }
    }
}

/// <summary>One broken promise, as a checker saw it.</summary>
/// <param name="Invariant">The invariant's short name, for example "I1".</param>
/// <param name="Node">The node it was seen at; -1 for the world as a whole.</param>
/// <param name="At">When, in virtual time.</param>
/// <param name="Message">What was expected and what was seen.</param>
public sealed record SimViolation(string Invariant, int Node, WeftInstant At, string Message)
{
    /// <inheritdoc/>
    public override string ToString() =>
        $"{Invariant} at {At.Microseconds / 1e6:0.000} s{(Node < 0 ? "" : $", n{Node}")}: {Message}";
}
