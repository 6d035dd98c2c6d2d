using Weft.Graph;
using Weft.Graph.Access;
using Weft.Graph.Policy;
using Weft.Node.Access;
using Weft.Node.History;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Node.Lanes;

/// <content>Admission on the way to the lanes and in them.</content>
internal sealed partial class GraphDriver
{
    private readonly RefusedShelf _shelf = new();
    private readonly OutdoneVersions _outdone; // Under the lock of what all lanes share.

    /// <summary>Judges, verifies and signs.</summary>
    public NodeAdmission Admission { get; }

    /// <summary>Orders versions where a policy has another order than HAM.</summary>
    public IMergeOrder Order => Admission.Policies;

    /// <summary>
    /// Brings a delta to its lanes. Ordinary data goes straight on; what is owned, signed or to be signed is judged
    /// first,
    /// and its signatures are verified beside the lanes.
    /// </summary>
    private ValueTask<WriteResult> AdmitAsync(
        FieldWrite[] delta,
        in WriteSource source,
        Durability durability,
        FieldCondition? condition,
        bool isRelease,
        CancellationToken cancellationToken)
    {
        Admitted? admitted = Admission.Judge(delta, source, NowMs);
        return admitted is null || (admitted.Admission.Error == WeftError.None && admitted.Admission.Checks.Count == 0)
            ? EnqueueAsync(
                new WriteRequest(delta, source, durability, LanesOf(delta), isRelease)
                {
                    Condition = condition,
                    Admitted = admitted,
                },
                cancellationToken)
            : VerifyAsync(delta, admitted, durability, condition, isRelease, cancellationToken);
    }

    private ValueTask<WriteResult> EnqueueAsync(WriteRequest request, CancellationToken cancellationToken) =>
        !cancellationToken.CanBeCanceled && _lanes[request.Lanes[0]].TryEnqueue(request)
            ? request.Task
            : EnqueueSlowlyAsync(request, cancellationToken);

    private async ValueTask<WriteResult> EnqueueSlowlyAsync(WriteRequest request, CancellationToken cancellationToken)
    {
        await _lanes[request.Lanes[0]].EnqueueAsync(request, cancellationToken).ConfigureAwait(false);
        return await request.Task.AsTask().WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<WriteResult> VerifyAsync(
        FieldWrite[] delta,
        Admitted admitted,
        Durability durability,
        FieldCondition? condition,
        bool isRelease,
        CancellationToken cancellationToken)
    {
        WriteSource source = admitted.Source;
        bool sparesLosers = !isRelease;
        while (true)
        {
            bool isHopeless = admitted.Admission.Error != WeftError.None && source.Door != WriteDoor.Link;
            WeftError error = isHopeless
                ? WeftError.None // Refused already: nothing of it is worth verifying.
                : await Admission.VerifyAsync(delta, admitted, NowMs, sparesLosers, cancellationToken)
                    .ConfigureAwait(false);
            if (error != WeftError.None)
            {
                return Refusal(error, 0, null);
            }

            WriteResult refusal = default;
            if (admitted.Admission.Error != WeftError.None)
            {
                // This may be the thread that verifies; what the caller does with a refusal is not for it to run.
                await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
                (WeftError reason, int write, string? text) =
                    (admitted.Admission.Error, admitted.Admission.RefusedWrite, admitted.Admission.Text);
                refusal = WriteResult.Refused(reason, write, text);
                if (source.Door != WriteDoor.Link)
                {
                    return Refusal(reason, write, text);
                }

                if (!admitted.TryDropRefused(ref delta, (refused, why) => Shelve(refused, why, source)))
                {
                    Interlocked.Increment(ref _metrics.RefusedCount);
                    return refusal;
                }
            }

            var request = new WriteRequest(delta, source, durability, LanesOf(delta), isRelease)
            {
                Condition = condition,
                Admitted = admitted,
            };
            WriteResult result = await EnqueueAsync(request, cancellationToken).ConfigureAwait(false);
            if (!request.MustVerify)
            {
                return refusal.Error == WeftError.None || !result.IsAccepted
                    ? result
                    : result with { Dropped = refusal.Error, Reason = refusal.Reason };
            }

            // What was spared, because it could not win, could win after all: what stood in its way has gone meanwhile.
            sparesLosers = false;
        }
    }

    /// <summary>The last look at a delta in its lane, before the signatures of this node.</summary>
    /// <returns>False when it is refused; then it is answered.</returns>
    public async ValueTask<bool> JudgeLastAsync(WriteRequest request, Admitted admitted, GraphView view)
    {
        if (admitted.Source.Door != WriteDoor.Link && !request.IsRelease)
        {
            await Admission.JudgeNodesAsync(request.Delta, admitted.Admission).ConfigureAwait(false);
        }

        Admission.JudgeLast(request.Delta, admitted, view);
        if (admitted.Admission.Error == WeftError.None)
        {
            return true;
        }

        if (admitted.Source.Door == WriteDoor.Link)
        {
            request.MustVerify = true; // A policy came in between: it comes again without what is refused now.
            request.Complete(WriteResult.Refused(admitted.Admission.Error, admitted.Admission.RefusedWrite));
            return false;
        }

        (WeftError error, int write, string? text) =
            (admitted.Admission.Error, admitted.Admission.RefusedWrite, admitted.Admission.Text);
        NoteRefusal(error);
        Refuse(request, error, write, text);
        return false;
    }

    /// <summary>
    /// True when a request can share a signature with those in front of it: the same writer signs, all in one lane, and
    /// none reads what another one writes.
    /// </summary>
    /// <param name="others">At least one request that signs.</param>
    /// <param name="request">The next in the queue.</param>
    public bool MayJoin(List<WriteRequest> others, WriteRequest request)
    {
        if (!request.MayShareSignature || !ReferenceEquals(others[0].Source.Identity, request.Source.Identity))
        {
            return false;
        }

        bool isGoverned = !Admission.Policies.IsEmpty; // A policy may look at the other fields of a node.
        foreach (WriteRequest other in others)
        {
            foreach (ref readonly FieldWrite theirs in other.Delta.AsSpan())
            {
                foreach (ref readonly FieldWrite own in request.Delta.AsSpan())
                {
                    if ((isGoverned || own.Field == theirs.Field) && own.Soul == theirs.Soul)
                    {
                        return false;
                    }
                }
            }
        }

        return true;
    }

    /// <summary>
    /// True when a write whose signatures were not verified has won; then nothing of the delta is stored.
    /// </summary>
    private static bool HasUnverifiedWinner(WriteRequest request, ReadOnlySpan<GraphOutput> decisions)
    {
        if (request.Admitted?.Unverified is not bool[] isVerified)
        {
            return false;
        }

        foreach (ref readonly GraphOutput decision in decisions)
        {
            if (!isVerified[decision.Write] && decision.Kind is GraphOutputKind.Persist or GraphOutputKind.Defer)
            {
                return true;
            }
        }

        return false;
    }

    private WriteResult Refusal(WeftError error, int write, string? text)
    {
        NoteRefusal(error);
        Interlocked.Increment(ref _metrics.RefusedCount);
        return WriteResult.Refused(error, write, text);
    }

    private void NoteRefusal(WeftError error) => _metrics.AddRefusal(error);

    private void Shelve(in FieldWrite write, WeftError error, in WriteSource source)
    {
        NoteRefusal(error);
        if (RefusedShelf.MayTurn(error))
        {
            _shelf.Add(write, source);
        }
    }

    /// <summary>Returns when whatever the lanes were carrying at the call is carried.</summary>
    public async ValueTask PassLanesAsync()
    {
        foreach (WriteLane lane in _lanes)
        {
            await lane.PassAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Offers again what policy refused: records that came since may allow it.</summary>
    public async ValueTask OfferAgainAsync(CancellationToken cancellationToken)
    {
        foreach (IGrouping<WriteSource, FieldWrite> group in _shelf.TakeAll())
        {
            await AdmitAsync([.. group], group.Key, Durability.Buffered, null, isRelease: false, cancellationToken)
                .ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Takes a stored field back that a later record forbids, unless it has changed meanwhile, and offers again what
    /// the
    /// field had won against.
    /// </summary>
    public async ValueTask<bool> DropAsync(FieldWrite write)
    {
        FieldWrite[] delta = [write];
        var source = new WriteSource("policy");
        var request = new WriteRequest(delta, source, Durability.Buffered, LanesOf(delta)) { IsDrop = true };
        WriteResult result = await EnqueueAsync(request, CancellationToken.None).ConfigureAwait(false);
        if (result.Applied == 0)
        {
            return false;
        }

        FieldWrite[] outdone;
        lock (_shared)
        {
            outdone = _outdone.Take(write.Soul, write.Field);
        }

        if (outdone.Length > 0)
        {
            // As from a link: each is judged by itself, and signatures that were spared before are verified now.
            await AdmitAsync(
                outdone, new WriteSource("policy", Door: WriteDoor.Link), Durability.Buffered, null, isRelease: false,
                CancellationToken.None).ConfigureAwait(false);
        }

        return true;
    }

    /// <summary>Drops a field in its lane. Null in the lowest state there is stands for "never was there".</summary>
    /// <param name="request">The one write, as it is stored.</param>
    /// <param name="view">What is known of it.</param>
    /// <param name="past">Its node when its past is kept; else null.</param>
    public void CarryDrop(WriteRequest request, GraphView view, IReadOnlyList<HistoryPlace>? past)
    {
        FieldWrite write = request.Delta[0];
        bool isSame = view.TryGet(0, out StoredField known) && known.State == write.State && known.Value == write.Value;
        if (!isSame)
        {
            request.Complete(new WriteResult(write.State, Durability.Memory, 0, 0, 1, 0));
            return;
        }

        double high;
        lock (_shared)
        {
            _journal.Add(write, PolicyBook.DroppedState, HamVerdict.KnownByPolicy, request.Source.Name, WallMs);
            high = _clock.High;
        }

        var none = new FieldWrite(write.Soul, write.Field, WeftValue.Null, PolicyBook.DroppedState);
        var batch = new CommitBatch([new CommitField(none, known.Value, HadKnown: true)], [], [], high);
        ValueTask<CommitReceipt> append = past is null
            ? Store.AppendAsync(batch, request.Durability)
            : History.AppendAsync(
                batch, past,
                new()
                {
                    [write.Soul] = [new(none.Field, none.Value, none.State, null, true, known.Value, known.State)],
                },
                request.Durability, WallMs);
        _ = FinishAsync(
            request, append, 0,
            new WriteResult(PolicyBook.DroppedState, default, 0, 1, 0, 0));
    }
}
