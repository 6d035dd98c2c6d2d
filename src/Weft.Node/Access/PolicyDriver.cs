using Microsoft.Extensions.Logging;
using Weft.Graph;
using Weft.Graph.Access;
using Weft.Graph.Policy;
using Weft.Node.Lanes;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Node.Access;

/// <summary>
/// Feeds the policy book from the store, and judges stored fields again when a record arrives behind what it is about.
/// </summary>
internal sealed class PolicyDriver : IAsyncDisposable
{
    private const int SoulsPerPage = 1_000;
    private const int PendingMax = 4_096; // Beyond, one pass over everything is cheaper than the list.

    private readonly PolicyBook _book;
    private readonly IStore _store;
    private readonly GraphDriver _driver;
    private readonly ILogger _logger;
    private readonly NodeMetrics _metrics;
    private readonly Lock _gate = new();
    private readonly Outbox<PolicyOutput> _outbox = new();
    private readonly Dictionary<(PolicyOutputKind Kind, string Text), PolicyOutput> _pending = [];
    private readonly SemaphoreSlim _work = new(0);
    private readonly CancellationTokenSource _stopping = new();
    private Task _loop = Task.CompletedTask;
    private int _busy; // Passes asked for and not yet done.

    public PolicyDriver(PolicyBook book, IStore store, GraphDriver driver, ILogger logger, NodeMetrics metrics)
    {
        _book = book;
        _store = store;
        _driver = driver;
        _logger = logger;
        _metrics = metrics;
    }

    /// <summary>True while stored fields wait to be judged again.</summary>
    public bool IsBusy => Volatile.Read(ref _busy) > 0;

    /// <summary>
    /// Reads what the store holds of the system's souls. What they reach is judged again: the node may have stopped
    /// between
    /// a record and the last pass it asked for.
    /// </summary>
    public async ValueTask LoadAsync(CancellationToken cancellationToken)
    {
        foreach (string prefix in (string[])[Ownership.KeyRecords, Ownership.PrefixPolicy, Ownership.NodePolicy,
            Ownership.Revocations])
        {
            string from = prefix;
            while (true)
            {
                IReadOnlyList<string> souls = await _store.ListSoulsAsync(
                    new LexRange(Prefix: prefix, From: from), SoulsPerPage, cancellationToken).ConfigureAwait(false);
                foreach (string soul in souls)
                {
                    NodePage page = await _store.ReadNodeAsync(
                        soul, LexRange.All, int.MaxValue, long.MaxValue, cancellationToken).ConfigureAwait(false);
                    foreach (StoredField field in page.Fields)
                    {
                        _book.OnStored(soul, field, _outbox);
                    }
                }

                if (souls.Count < SoulsPerPage)
                {
                    break;
                }

                from = souls[^1] + "\0"; // The next soul there can be.
            }
        }

        lock (_gate)
        {
            foreach (ref readonly PolicyOutput output in _outbox.Items)
            {
                Note(output);
            }

            _outbox.Clear();
        }
    }

    /// <summary>Begins to judge again what records ask for; the lanes run by now.</summary>
    public void Start() => _loop = Task.Run(RunAsync, CancellationToken.None);

    /// <summary>Takes a commit; called by the store in order, so it only notes.</summary>
    public void OnCommitted(in Commit commit)
    {
        IReadOnlyList<CommitField> fields = commit.Batch.Fields;
        for (int i = 0; i < fields.Count; i++)
        {
            FieldWrite write = fields[i].Write;
            if (write.Soul[0] == Ownership.SystemPrefix[0]
                && write.Soul.StartsWith(Ownership.SystemPrefix, StringComparison.Ordinal))
            {
                Learn(write, commit.Sequence);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        _stopping.Dispose();
        _work.Dispose();
    }

    private void Learn(in FieldWrite write, long sequence)
    {
        lock (_gate)
        {
            _outbox.Clear();
            _book.OnStored(
                write.Soul, new StoredField(write.Field, write.Value, write.State, sequence, write.Extras), _outbox);
            foreach (ref readonly PolicyOutput output in _outbox.Items)
            {
                Note(output);
            }
        }
    }

    private void Note(in PolicyOutput output)
    {
        PolicyOutput wanted = output;
        if (_pending.Count >= PendingMax)
        {
            double from = Math.Min(output.FromState, _pending.Values.Min(pending => pending.FromState));
            _pending.Clear();
            wanted = new PolicyOutput(PolicyOutputKind.Prefix, "", from);
        }

        (PolicyOutputKind Kind, string Text) key = (wanted.Kind, wanted.Text);
        _pending[key] = _pending.TryGetValue(key, out PolicyOutput known)
            ? known with { FromState = Math.Min(known.FromState, wanted.FromState) }
            : wanted;
        Interlocked.Increment(ref _busy);
        _work.Release();
    }

    private async Task RunAsync()
    {
        while (true)
        {
            try
            {
                await _work.WaitAsync(_stopping.Token).ConfigureAwait(false);
                await PassAsync().ConfigureAwait(false);
            }
            catch (Exception stopped) when (stopped is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (Exception failure)
            {
                // The store failed. What was not judged again now is at the next record of its prefix.
                AccessLog.RejudgeFailed(_logger, failure);
            }
            finally
            {
                Interlocked.Decrement(ref _busy);
            }
        }
    }

    private async Task PassAsync()
    {
        PolicyOutput[] outputs;
        lock (_gate)
        {
            outputs = [.. _pending.Values];
            _pending.Clear();
        }

        if (outputs.Length == 0)
        {
            return; // An earlier pass took it along.
        }

        // A write that was judged before the record came may be on its way into the store: let it arrive first.
        await _driver.PassLanesAsync().ConfigureAwait(false);
        foreach (PolicyOutput output in outputs)
        {
            await RejudgeAsync(output).ConfigureAwait(false);
        }

        await _driver.OfferAgainAsync(_stopping.Token).ConfigureAwait(false);
    }

    private async Task RejudgeAsync(PolicyOutput output)
    {
        if (output.Kind == PolicyOutputKind.Node)
        {
            NodePage page = await _store.ReadNodeAsync(
                output.Text, LexRange.All, int.MaxValue, long.MaxValue, _stopping.Token).ConfigureAwait(false);
            foreach (StoredField field in page.Fields)
            {
                await RejudgeAsync(output, output.Text, field).ConfigureAwait(false);
            }

            return;
        }

        string prefix = output.Kind == PolicyOutputKind.Prefix ? output.Text : "";
        await foreach (StoredChange change in _store.ReadChangesAsync(0, prefix, _stopping.Token).ConfigureAwait(false))
        {
            await RejudgeAsync(output, change.Soul, change.Field).ConfigureAwait(false);
        }
    }

    private async ValueTask RejudgeAsync(PolicyOutput output, string soul, StoredField field)
    {
        if (field.State < output.FromState || field.State == PolicyBook.DroppedState)
        {
            return;
        }

        var write = new FieldWrite(soul, field.Field, field.Value, field.State, field.Extras);
        SoulOwner owner = Ownership.Of(soul);
        PolicyVerdict verdict = _book.JudgeWrite(
            write, _driver.Admission.WriterOfStored(write, owner), new PolicyContext(owner));
        if (verdict.IsAllowed)
        {
            return;
        }

        if (await _driver.DropAsync(write).ConfigureAwait(false))
        {
            _metrics.AddRefusal(verdict.Error);
            Interlocked.Increment(ref _metrics.DroppedCount);
            AccessLog.Dropped(_logger, ErrorCatalogue.Code(verdict.Error));
        }
    }
}
