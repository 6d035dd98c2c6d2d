using Weft.Graph;
using Weft.Graph.History;
using Weft.Graph.Policy;
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

    private readonly IStore _store;
    private readonly PolicyBook _policies;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private HistoryInForce[] _own = []; // In order of the prefixes; replaced whole.

    internal HistoryRules(IStore store, PolicyBook policies, TimeProvider time) =>
        (_store, _policies, _time) = (store, policies, time);

    /// <summary>False while nothing is kept anywhere: then no write has to ask.</summary>
    internal bool IsOn => _policies.HasHistory || Volatile.Read(ref _own).Length > 0;

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

    internal HistoryInForce Of(string soul, double nowMs)
    {
        if (_policies.HistoryOf(soul, nowMs) is { } signed)
        {
            return signed;
        }

        HistoryInForce[] own = Volatile.Read(ref _own);
        for (int i = own.Length - 1; i >= 0; i--)
        {
            // Of prefixes of one text the longer one stands later.
            if (soul.StartsWith(own[i].Scope, StringComparison.Ordinal) && !soul.StartsWith("weft:", StringComparison.Ordinal))
            {
                return own[i];
            }
        }

        return default;
    }

    internal async Task LoadAsync(CancellationToken cancellationToken)
    {
        NodePage page = await _store.ReadNodeAsync(HistorySoul.Rules, LexRange.All, 2 * OwnMax, long.MaxValue, cancellationToken)
            .ConfigureAwait(false);
        Volatile.Write(ref _own, [.. page.Fields
            .Where(field => !field.Value.IsNull)
            .Select(field => HistoryRule.TryParse(TextOf(field.Value), out HistoryRule rule)
                ? new HistoryInForce(rule, field.Field[1..], false, field.State)
                : default)
            .Where(rule => rule.Scope is not null)
            .OrderBy(rule => rule.Scope, StringComparer.Ordinal)]);
    }

    private static string TextOf(WeftValue value) => value.AsText() ?? "";

    private void Change(string prefix, HistoryRule? rule)
    {
        int at = Array.FindIndex(_own, own => own.Scope == prefix);
        if (rule is null && at < 0)
        {
            return;
        }

        if (rule is not { } wanted)
        {
            Write(prefix, WeftValue.Null, 0);
            Volatile.Write(ref _own, [.. _own.Where(own => own.Scope != prefix)]);
            return;
        }

        if (at < 0 && _own.Length >= OwnMax)
        {
            throw new WeftException(
                WeftError.TooManyRequests, $"There are {OwnMax} rules already, as many as are allowed.");
        }

        bool goesOn = at >= 0 && wanted.Keeps && _own[at].Rule.Keeps;
        var made = new HistoryInForce(wanted, prefix, false, goesOn ? _own[at].SinceMs : NowMs);
        Write(prefix, WeftValue.Text(wanted.ToString()), made.SinceMs);
        Volatile.Write(ref _own, [.. _own.Where(own => own.Scope != prefix).Append(made)
            .OrderBy(own => own.Scope, StringComparer.Ordinal)]);
    }

    // A field may not be empty, and a prefix may. On the lowest level the answer is there at once, or the refusal is.
    private void Write(string prefix, WeftValue value, double sinceMs)
    {
        var batch = new CommitBatch([], [], [], double.NegativeInfinity)
        {
            History = [new FieldWrite(HistorySoul.Rules, "p" + prefix, value, sinceMs)],
        };
        ValueTask<CommitReceipt> written = _store.AppendAsync(batch, Durability.Memory);
        if (written.IsCompleted)
        {
            _ = written.Result;
        }
    }
}
