using System.Runtime.InteropServices;
using Weft.Crypto;
using Weft.Crypto.Sea;
using Weft.Graph;
using Weft.Graph.Access;
using Weft.Graph.Policy;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Node.Access;

/// <summary>
/// Drives the admission core in the write path: judges, has signatures verified, signs what this node writes itself.
/// </summary>
internal sealed class NodeAdmission : IAsyncDisposable
{
    private readonly NodeOptions _options;
    private readonly IStore _store;
    private readonly ICrypto _crypto;
    private readonly ReadOnlyMemory<byte> _network;
    private readonly Ed25519KeyPair _identity;
    private readonly AdmissionCore _core;
    private readonly VerifyQueue _queue;
    private readonly DeltaSigner _nodeSigner;
    private readonly LocalWriter _nodeWriter;
    private readonly LocalWriter _importWriter;
    private readonly NodeMetrics _metrics;
    private long _sequence; // The highest sequence number given; rises for every author alike.

    public NodeAdmission(
        NodeOptions options, IStore store, ICrypto crypto, Ed25519KeyPair identity, ReadOnlyMemory<byte> network,
        PolicyBook policies, NodeMetrics metrics)
    {
        _options = options;
        _store = store;
        _crypto = crypto;
        _network = network;
        _identity = identity;
        _metrics = metrics;
        Policies = policies;
        _core = new AdmissionCore(crypto, policies, network);
        _queue = new VerifyQueue(crypto, options.Verify);
        _nodeSigner = SignerOf(identity);
        _nodeWriter = new LocalWriter(
            identity.PublicKey, options.SignWrites ? SigningMode.Always : SigningMode.WhereNeeded);
        _importWriter = new LocalWriter(identity.PublicKey, SigningMode.WhereNeeded);
        _sequence = store.ClockHigh > 0 ? (long)(store.ClockHigh * 1_000) : 0;
    }

    /// <summary>What is known of policies, rotations and revocations.</summary>
    public PolicyBook Policies { get; }

    /// <summary>The verification queue, for those who count.</summary>
    public VerifyQueue Queue => _queue;

    public ValueTask DisposeAsync() => _queue.DisposeAsync();

    /// <summary>
    /// Judges a delta, all but what needs its states; null when there is nothing to judge and nothing to sign.
    /// </summary>
    public Admitted? Judge(FieldWrite[] delta, in WriteSource source, double nowMs)
    {
        Admission? admission = _core.Judge(delta, WriterOf(source), nowMs);
        return admission is null ? null : new Admitted(admission, source);
    }

    /// <summary>
    /// Verifies what the judgement asks for. Writes that cannot win are spared: what is known is newer, or the same.
    /// </summary>
    /// <returns>None, or VerifyQueueFull: then nothing was verified.</returns>
    public async ValueTask<WeftError> VerifyAsync(
        FieldWrite[] delta, Admitted admitted, double nowMs, bool sparesLosers, CancellationToken cancellationToken)
    {
        Admission admission = admitted.Admission;
        bool[]? isWanted = null;
        admitted.Unverified = null;
        if (admission.Checks.Count > 0)
        {
            isWanted = await FindWantedAsync(delta, admission, nowMs, sparesLosers, cancellationToken)
                .ConfigureAwait(false);
            admitted.Unverified = isWanted;
            ValueTask<bool> verify = _queue.VerifyAsync(admitted.Source.Connection, admission, isWanted);
            if (!await (cancellationToken.CanBeCanceled ? new(verify.AsTask().WaitAsync(cancellationToken)) : verify)
                .ConfigureAwait(false))
            {
                return WeftError.VerifyQueueFull;
            }
        }

        for (int i = 0; i < admission.Blocks.Count; i++)
        {
            NeededBlock needed = admission.Blocks[i];
            if (admission.Writes[needed.Write].Error == WeftError.None
                && await IsBlockedAsync(needed.Block, cancellationToken).ConfigureAwait(false))
            {
                admission.Refuse(needed.Write, WeftError.CertificateBlocked);
            }
        }

        return WeftError.None;
    }

    /// <summary>The writer of a stored field.</summary>
    public WriterId WriterOfStored(in FieldWrite write, in SoulOwner owner) => _core.WriterOfStored(write, owner);

    /// <summary>The last look, where the delta is about to be merged: judges what has changed since.</summary>
    /// <param name="delta">With all states.</param>
    /// <param name="admitted">Of this delta.</param>
    /// <param name="view">The fields as they are known.</param>
    public void JudgeLast(FieldWrite[] delta, Admitted admitted, GraphView view)
    {
        _core.Rejudge(delta, admitted.Admission);
        if (admitted.Source.Door != WriteDoor.Link)
        {
            JudgeKnown(delta, admitted.Admission, view);
        }
    }

    /// <summary>Judges nodes as they would become: which fields their policy requires.</summary>
    public async ValueTask JudgeNodesAsync(FieldWrite[] delta, Admission admission)
    {
        if (Policies.IsEmpty)
        {
            return;
        }

        for (int i = 0; i < delta.Length; i++)
        {
            FieldWrite write = delta[i];
            if (i > 0 && write.Soul == delta[i - 1].Soul)
            {
                continue; // Fields of a node stand together in nearly every delta; a repeat only costs time.
            }

            IReadOnlyList<string>? required = Policies.Find(write.Soul, write.State)?.Document.Rules.Required;
            if (required is null or { Count: 0 })
            {
                continue;
            }

            var there = new HashSet<string>(StringComparer.Ordinal);
            foreach (string field in required)
            {
                FieldWrite own = delta.LastOrDefault(other => other.Soul == write.Soul && other.Field == field);
                bool willHave = own.Soul is not null
                    ? !own.Value.IsNull
                    : await _store.ReadFieldAsync(write.Soul, field).ConfigureAwait(false) is { Value.IsNull: false };
                if (willHave)
                {
                    there.Add(field);
                }
            }

            PolicyVerdict verdict = Policies.JudgeNode(write.Soul, write.State, there.Contains);
            if (!verdict.IsAllowed)
            {
                admission.Refuse(i, verdict.Error, verdict.Text);
            }
        }
    }

    private void JudgeKnown(FieldWrite[] delta, Admission admission, GraphView view)
    {
        for (int i = 0; i < delta.Length; i++)
        {
            bool hadKnown = view.TryGet(i, out StoredField known);
            PolicyVerdict verdict = Policies.JudgeKnown(delta[i], known, hadKnown);
            if (!verdict.IsAllowed)
            {
                admission.Refuse(i, verdict.Error, verdict.Text);
            }
        }
    }

    private async ValueTask<bool[]?> FindWantedAsync(
        FieldWrite[] delta, Admission admission, double nowMs, bool sparesLosers, CancellationToken cancellationToken)
    {
        bool[]? isWanted = null;
        double latest = nowMs + _options.Graph.FutureMax.TotalMilliseconds;
        int last = -1;
        for (int at = 0; at < admission.Checks.Count; at++)
        {
            int i = admission.Checks[at].Write;
            if (i == last)
            {
                continue; // Several signatures of one write.
            }

            last = i;
            FieldWrite write = delta[i];
            if (write.State > latest)
            {
                admission.Refuse(i, WeftError.StateTooFarAhead);
                continue;
            }

            if (sparesLosers && await IsLostAsync(write, cancellationToken).ConfigureAwait(false))
            {
                if (isWanted is null)
                {
                    isWanted = new bool[delta.Length];
                    Array.Fill(isWanted, true);
                }

                isWanted[i] = false;
            }
        }

        return isWanted;
    }

    private async ValueTask<bool> IsLostAsync(FieldWrite write, CancellationToken cancellationToken)
    {
        StoredField? found = await _store.ReadFieldAsync(write.Soul, write.Field, cancellationToken)
            .ConfigureAwait(false);
        if (found is not StoredField known)
        {
            return false;
        }

        HamVerdict verdict = Policies.Orders(write.Soul)
            ? Policies.Judge(write, known)
            : Ham.Judge(write.Value, write.State, known.Value, known.State, double.PositiveInfinity);
        return verdict is not (HamVerdict.Incoming or HamVerdict.Future);
    }

    private async ValueTask<bool> IsBlockedAsync(SeaBlock block, CancellationToken cancellationToken)
    {
        string? soul = block.Soul;
        if (block.Through is string field)
        {
            StoredField? link = await _store.ReadFieldAsync(soul, field, cancellationToken).ConfigureAwait(false);
            soul = link is StoredField known ? SeaRules.Unwrap(known.Value).AsLink() : null;
        }

        StoredField? entry = soul is null
            ? null
            : await _store.ReadFieldAsync(soul, block.Field, cancellationToken).ConfigureAwait(false);
        return entry is StoredField found && SeaRules.Blocks(found.Value);
    }

    private LocalWriter? WriterOf(in WriteSource source)
    {
        if (source.Identity is null && !source.SignsImports)
        {
            return source.Door switch
            {
                WriteDoor.Local => _nodeWriter,
                WriteDoor.Import => _importWriter,
                _ => null,
            };
        }

        SigningMode mode = source.Signing(_options.SignWrites);
        return mode == SigningMode.Never
            ? null
            : new LocalWriter(
                source.Identity?.Key?.PublicKey ?? _identity.PublicKey, mode, source.Identity?.Sea?.Pub.ToString(),
                source.Identity?.Certificate, source.Identity?.Grant);
    }

    /// <summary>
    /// Signs in place what this node writes itself, after the last look: deltas of one identity, with one signature for
    /// up to 16 of their native writes.
    /// </summary>
    public void Sign(ReadOnlySpan<SignedDelta> deltas)
    {
        var writes = new List<FieldWrite>();
        var bases = new List<double>();
        foreach (SignedDelta one in deltas)
        {
            SignSea(one);
            ReadOnlySpan<WriteJudgement> judged = one.Admitted.Admission.Writes;
            for (int i = 0; i < one.Delta.Length; i++)
            {
                if (judged[i].Step == AdmissionStep.SignNative)
                {
                    writes.Add(one.Delta[i]);
                    bases.Add(
                        one.View.TryGet(i, out StoredField known) && double.IsFinite(known.State) && known.State > 0
                            ? known.State
                            : 0);
                }
            }
        }

        if (writes.Count == 0)
        {
            return;
        }

        WriteIdentity? identity = deltas[0].Admitted.Source.Identity;
        DeltaSigner signer = identity?.Key is Ed25519KeyPair key ? SignerOf(key) : _nodeSigner;
        ReadOnlySpan<byte> grant = identity?.Grant is Grant given ? given.Bytes.Span : default;
        Span<FieldWrite> signed = CollectionsMarshal.AsSpan(writes);
        ulong sequence = NextSequence(DeltaSigner.BatchesOf(signed.Length), signed[0].State);
        signer.Sign(signed, CollectionsMarshal.AsSpan(bases), sequence, grant);
        int next = 0;
        foreach (SignedDelta one in deltas)
        {
            ReadOnlySpan<WriteJudgement> judged = one.Admitted.Admission.Writes;
            for (int i = 0; i < one.Delta.Length; i++)
            {
                if (judged[i].Step == AdmissionStep.SignNative)
                {
                    one.Delta[i] = signed[next++];
                }
            }
        }
    }

    private void SignSea(in SignedDelta one)
    {
        WriteIdentity? identity = one.Admitted.Source.Identity;
        ReadOnlySpan<WriteJudgement> judged = one.Admitted.Admission.Writes;
        for (int i = 0; i < one.Delta.Length; i++)
        {
            if (judged[i].Step == AdmissionStep.SignSea)
            {
                SeaPair pair = identity!.Sea!;
                one.Delta[i] = SeaSigner.Sign(
                    _crypto, pair, one.Delta[i], IsOwn(pair, judged[i].Owner) ? null : identity.Certificate);
            }
        }
    }

    private static bool IsOwn(SeaPair pair, in SoulOwner owner) => owner.Sea == pair.Pub.ToString();

    /// <summary>Takes numbers above all given before, and not below the microseconds of a state.</summary>
    private ulong NextSequence(int count, double state)
    {
        long floor = state > 0 ? (long)Math.Min(state * 1_000, 1L << 62) : 0;
        while (true)
        {
            long high = Volatile.Read(ref _sequence);
            long first = Math.Max(high + 1, floor);
            if (Interlocked.CompareExchange(ref _sequence, first + count - 1, high) == high)
            {
                return (ulong)first;
            }
        }
    }

    private DeltaSigner SignerOf(Ed25519KeyPair pair) => new(
        _crypto, _network, pair.PublicKey, (message, signature) => pair.Sign(_crypto, message, signature));
}

/// <summary>A delta that is about to be signed, judged for the last time.</summary>
/// <param name="Delta">With all states; signed in place.</param>
/// <param name="Admitted">Its judgement.</param>
/// <param name="View">Its fields as they are known.</param>
internal readonly record struct SignedDelta(FieldWrite[] Delta, Admitted Admitted, GraphView View);

/// <summary>A judged delta on its way to the lane.</summary>
internal sealed class Admitted(Admission admission, WriteSource source)
{
    public Admission Admission { get; private set; } = admission;

    public WriteSource Source { get; } = source;

    /// <summary>
    /// For each write false when its signatures were not verified, because it cannot win; null when all were.
    /// </summary>
    public bool[]? Unverified { get; set; }

    /// <summary>Takes the refused writes out of a delta, so that the others can go on.</summary>
    /// <param name="delta">Replaced by what is left.</param>
    /// <param name="note">Told of each refusal.</param>
    /// <returns>False when nothing is left.</returns>
    public bool TryDropRefused(ref FieldWrite[] delta, Action<FieldWrite, WeftError> note)
    {
        int[] kept = [.. Enumerable.Range(0, delta.Length).Where(i => Admission.Writes[i].Error == WeftError.None)];
        for (int i = 0; i < delta.Length; i++)
        {
            if (Admission.Writes[i].Error != WeftError.None)
            {
                note(delta[i], Admission.Writes[i].Error);
            }
        }

        FieldWrite[] all = delta;
        bool[]? wereVerified = Unverified;
        delta = [.. kept.Select(i => all[i])];
        Unverified = wereVerified is null ? null : [.. kept.Select(i => wereVerified[i])];
        Admission = Admission.Only(kept);
        return delta.Length > 0;
    }
}
