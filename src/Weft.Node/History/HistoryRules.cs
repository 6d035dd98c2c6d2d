using Weft.Graph;
using Weft.Graph.History;
using Weft.Graph.Policy;
using Weft.Node.Logs;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Node.History;

/// <summary>
/// What this node keeps of the past, prefix by prefix: by signed policies, which every peer follows, and where those say
/// nothing by rules of its own. Safe to use from many threads.
/// </summary>
/// <remarks>
/// A node's own rule needs no key: it is about its disk alone. The longest prefix counts. Source: docs/spec/history.md,
/// section 1.
/// </remarks>
public sealed class HistoryRules
{
    /// <summary>Rules that one node may have of its own.</summary>
    public const int OwnMax = 1_024;

    private const int ArchivedMin = 64; // Blocks in a file of the archive: fewer wait for the next time.

    private readonly IStore _store;
    private readonly PolicyBook _policies;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private HistoryInForce[] _own = []; // In order of the prefixes; replaced whole.

    internal HistoryRules(IStore store, PolicyBook policies, TimeProvider time) =>
        (_store, _policies, _time) = (store, policies, time);

    /// <summary>False while nothing is kept anywhere: then no write has to ask.</summary>
    internal bool IsOn => _policies.HasHistory || Volatile.Read(ref _own).Length > 0;

    /// <summary>Who reads the past; set by the node before anything is written.</summary>
    internal HistoryReader? Reader { get; set; }

    private double NowMs => WallClock.ToState(_time.GetUtcNow());

    /// <summary>What is kept of a node's past now.</summary>
    public HistoryInForce Of(string soul) => Of(soul, NowMs);

    /// <summary>Every rule: those of signed policies, then the node's own, each in order.</summary>
    public IReadOnlyList<(HistoryInForce Rule, bool IsSigned)> List() =>
    [
        .. _policies.Histories(NowMs).Select(rule => (rule, true)),
        .. Volatile.Read(ref _own).Select(rule => (rule, false)),
    ];

    /// <summary>
    /// Keeps history under a prefix from now on, more or less of it, or none any more. What falls out is removed by
    /// maintenance.
    /// </summary>
    /// <param name="prefix">How the souls begin; empty for all.</param>
    /// <param name="rule">How much; null to have no rule of its own for the prefix.</param>
    /// <param name="cancellationToken">Stops before anything is changed.</param>
    /// <exception cref="ArgumentException">The prefix is longer than a soul may be, or about the system's souls.</exception>
    /// <exception cref="WeftException">TooManyRequests: there are <see cref="OwnMax"/> already; DiskFull, DiskFailed.
    /// </exception>
    public async Task SetAsync(string prefix, HistoryRule? rule, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(prefix);
        if (prefix.Length > 0 && FieldRules.CheckSoul(prefix) != WeftError.None)
        {
            throw new ArgumentException("A prefix is text of at most as many bytes as a soul.", nameof(prefix));
        }

        cancellationToken.ThrowIfCancellationRequested();
        lock (_gate)
        {
            Change(prefix, rule);
        }

        await _store.AppendAsync(CommitBatch.Empty, Durability.Disk).ConfigureAwait(false);
    }

    /// <summary>
    /// Compares a log that holds history with the rows of the store: numbers of versions rise, each row points where its
    /// version stands. That its blocks are what its key signed is <see cref="SignedLog.VerifyAsync"/>'s to say.
    /// </summary>
    /// <param name="log">The log; one whose <see cref="SignedLog.HoldsHistory"/> is true.</param>
    /// <param name="progress">Takes the versions looked at so far.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public Task<HistoryVerification> VerifyAsync(
        SignedLog log, IProgress<long>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(log);
        return new HistoryAudit(_store, log).RunAsync(progress, cancellationToken);
    }

    /// <summary>
    /// Moves blocks of signed logs to the archive where a rule says after how many days. Maintenance does it from time to
    /// time.
    /// </summary>
    /// <param name="cancellationToken">Stops half-way; what was moved stays moved.</param>
    /// <returns>Blocks moved.</returns>
    public async Task<long> ArchiveAsync(CancellationToken cancellationToken = default)
    {
        long moved = 0;
        if (Reader?.Logs is not { HasArchive: true } logs)
        {
            return moved;
        }

        foreach ((HistoryInForce rule, _) in List().Where(
            one => one.Rule.Rule is { Kind: HistoryKind.Log, Amount: > 0 }))
        {
            double before = NowMs - (rule.Rule.Amount * 86_400_000);
            foreach (SignedLog log in await logs.HistoryLogsAsync(rule.Scope, cancellationToken).ConfigureAwait(false))
            {
                moved += (await log.ArchiveAsync(
                    block => HistoryCodec.Read(block.Span) is not { } version || version.TimeMs < before,
                    ArchivedMin, cancellationToken).ConfigureAwait(false)).Blocks;
            }
        }

        return moved;
    }

    internal HistoryInForce Of(string soul, double nowMs)
    {
        if (_policies.HistoryOf(soul, nowMs) is { } signed)
        {
            return signed;
        }

        return soul.StartsWith("weft:", StringComparison.Ordinal) ? default : Longest(Volatile.Read(ref _own), soul);
    }

    /// <summary>Removes the versions that no rule keeps any more, and the data of their blocks in signed logs.</summary>
    /// <param name="progress">Takes the nodes looked at so far.</param>
    /// <param name="cancellationToken">Stops half-way; what was removed stays removed.</param>
    /// <remarks>Maintenance does it from time to time. The room is given back when the store sweeps, next.</remarks>
    public Task<HistoryPruning> PruneAsync(
        IProgress<long>? progress = null, CancellationToken cancellationToken = default) =>
        new HistoryPruner(_store, Reader ?? throw new InvalidOperationException("These rules belong to no node."))
            .RunAsync(progress, cancellationToken);

    internal async Task LoadAsync(CancellationToken cancellationToken)
    {
        NodePage page = await _store.ReadNodeAsync(
            HistorySoul.Rules, LexRange.All, int.MaxValue, long.MaxValue, cancellationToken).ConfigureAwait(false);
        Volatile.Write(ref _own, [.. page.Fields
            .Where(field => !field.Value.IsNull)
            .Select(field => HistoryRule.TryParse(TextOf(field.Value), out HistoryRule rule)
                ? new HistoryInForce(rule, field.Field[1..], false, field.State)
                : default)
            .Where(rule => rule.Scope is not null)
            .OrderBy(rule => rule.Scope, StringComparer.Ordinal)]);
    }

    /// <summary>Of prefixes of one text the longer one stands later.</summary>
    private static HistoryInForce Longest(HistoryInForce[] rules, string soul)
    {
        for (int i = rules.Length - 1; i >= 0; i--)
        {
            if (soul.StartsWith(rules[i].Scope, StringComparison.Ordinal))
            {
                return rules[i];
            }
        }

        return default;
    }

    private static string TextOf(WeftValue value) => value.AsText() ?? "";

    private void Change(string prefix, HistoryRule? rule)
    {
        int at = Array.FindIndex(_own, own => own.Scope == prefix);
        if (rule is null && at < 0)
        {
            return;
        }

        HistoryInForce[] others = [.. _own.Where(own => own.Scope != prefix)];
        HistoryInForce shorter = Longest(others, prefix);
        if (rule is null && (_own[at].Rule.Keeps || !shorter.Rule.Keeps))
        {
            Write(prefix, WeftValue.Null, 0);
            Volatile.Write(ref _own, others);
            return;
        }

        // Where nothing was kept, the shorter prefix's rule begins now, and not when it began elsewhere.
        HistoryRule wanted = rule ?? shorter.Rule;

        if (at < 0 && _own.Length >= OwnMax)
        {
            throw new WeftException(
                WeftError.TooManyRequests, $"There are {OwnMax} rules already, as many as are allowed.");
        }

        HistoryInForce before = at >= 0 ? _own[at] : shorter;
        bool goesOn = wanted.Keeps && before.Rule.Keeps;
        var made = new HistoryInForce(wanted, prefix, false, goesOn ? before.SinceMs : NowMs);
        Write(prefix, WeftValue.Text(wanted.ToString()), made.SinceMs);
        Volatile.Write(ref _own, [.. others.Append(made).OrderBy(own => own.Scope, StringComparer.Ordinal)]);
    }

    // A field may not be empty, and a prefix may. On the lowest level the answer is there at once, or the refusal is.
    private void Write(string prefix, WeftValue value, double sinceMs)
    {
        var batch = new HistoryBatch(
            CommitBatch.Empty, [new FieldWrite(HistorySoul.Rules, "p" + prefix, value, sinceMs)]);
        ValueTask<CommitReceipt> written = _store.AppendAsync(batch, Durability.Memory);
        if (written.IsCompleted)
        {
            _ = written.Result;
        }
    }
}
