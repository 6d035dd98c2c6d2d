using Weft.Crypto;
using Weft.Graph;
using Weft.Graph.Access;
using Weft.Graph.Policy;
using Weft.Node.Commits;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Simulation;

/// <summary>Admission: the production core on one thread, with signatures verified on the spot.</summary>
public sealed partial class SimNode
{
    private const int ShelfMax = 4_096;
    // Not of this process, so that what is refused again does not refuse the rest.
    private const long OutdoneOrigin = -1;


    // Of links, refused by policy: may turn out right.
    private readonly List<(FieldWrite Write, long Origin)> _shelf = [];

    private readonly Outbox<PolicyOutput> _policyOutbox = new();
    private AdmissionCore? _admission;
    private OutdoneVersions? _outdone;
    private PolicyBook? _book;
    private SeaKeyCache? _seaKeys;
    private ulong _authorSequence;

    /// <summary>
    /// What this node knows of policies, rotations and revocations; null while it is down or judges nothing.
    /// </summary>
    public PolicyBook? Policies => _book;

    /// <summary>Writes refused at admission since the start of the run.</summary>
    public long Refused { get; private set; }

    /// <summary>Stored fields taken back since the start of the run, because a record came later.</summary>
    public long Dropped { get; private set; }

    /// <summary>Writes fields here as somebody.</summary>
    /// <param name="writer">Signs.</param>
    /// <param name="delta">One or more writes; a state of NaN asks for one from this node's clock.</param>
    /// <param name="done">Called when the write is durable or refused; never when the node dies first.</param>
    public void WriteAs(SimWriter writer, FieldWrite[] delta, Action<SimAck>? done = null) =>
        Enqueue(new Request(delta, 0, false, done) { Writer = writer });

    private void StartAccess()
    {
        _admission = null;
        _book = null;
        _shelf.Clear();
        if (_options.Access is not SimAccess access)
        {
            return;
        }

        _book = new PolicyBook(access.Policy, access.Crypto, access.NetworkKey);
        _outdone = new OutdoneVersions(access.Policy);
        _seaKeys = new SeaKeyCache(access.Crypto, 1_024);
        _admission = new AdmissionCore(access.Crypto, _book, access.NetworkId);
        foreach ((string soul, StoredField field) in _store!.Graph.All.ToList())
        {
            Learn(soul, field);
        }

        After(TimeSpan.Zero, () => Rejudge(double.NegativeInfinity));
    }

    /// <summary>Judges a request and signs what this node writes; a link's delta loses its refused writes.</summary>
    /// <returns>False when it is refused whole; then it is answered.</returns>
    private bool TryAdmit(Request request)
    {
        if (_admission is null || _options.Access!.Judges is false || request.IsDrop)
        {
            return true;
        }

        Admission? admission = _admission.JudgeNow(
            request.Delta, request.Writer?.AsLocal(), Clock.WallMs, _seaKeys!, IsBlocked);
        if (admission is null)
        {
            return true;
        }

        if (admission.Error == WeftError.None)
        {
            Sign(request, admission);
            return true;
        }

        if (request.Origin == 0 || request.IsRelease)
        {
            Refused++;
            Finish(request, new SimAck(admission.Error, 0, 0, 0));
            return false;
        }

        FieldWrite[] all = request.Delta;
        for (int i = 0; i < all.Length; i++)
        {
            if (admission.Writes[i].Error != WeftError.None)
            {
                Refused++;
                Shelve(all[i], request.Origin);
            }
        }

        WriteJudgement[] judged = admission.Writes.ToArray();
        request.Delta = [.. all.Where((_, i) => judged[i].Error == WeftError.None)];
        if (request.Delta.Length > 0)
        {
            LoadView(request.Delta);
            return true;
        }

        Finish(request, new SimAck(admission.Error, 0, 0, 0));
        return false;
    }

    private void Sign(Request request, Admission admission)
    {
        if (!admission.NeedsSigning || request.Writer is not SimWriter writer)
        {
            return;
        }

        ICrypto crypto = _options.Access!.Crypto;
        var signer = new DeltaSigner(
            crypto, _options.Access.NetworkId, writer.Key.PublicKey,
            (message, signature) => writer.Key.Sign(crypto, message, signature));
        double[] bases = [.. Enumerable.Range(0, request.Delta.Length).Select(
            i => _view.TryGet(i, out StoredField known) && known.State > 0 ? known.State : 0)];
        _authorSequence = Math.Max(_authorSequence + 1, (ulong)Math.Max(0, request.Delta[0].State * 1_000));
        signer.Sign(request.Delta, bases, _authorSequence, writer.Grant is Grant grant ? grant.Bytes.Span : default);
        _authorSequence += (ulong)DeltaSigner.BatchesOf(request.Delta.Length);
    }

    private bool IsBlocked(SeaBlock block)
    {
        string? soul = block.Soul;
        if (block.Through is string field)
        {
            soul = Read(soul, field) is StoredField link ? SeaRules.Unwrap(link.Value).AsLink() : null;
        }

        return soul is not null && Read(soul, block.Field) is StoredField entry && SeaRules.Blocks(entry.Value);
    }

    private void Shelve(in FieldWrite write, long origin)
    {
        if (_shelf.Count == ShelfMax)
        {
            _shelf.RemoveAt(0);
        }

        _shelf.Add((write, origin));
    }

    /// <summary>Learns from a commit; what it reaches is judged again once this commit is carried.</summary>
    private void LearnCommitted(long sequence, CommitBatch batch)
    {
        if (_book is null)
        {
            return;
        }

        double from = double.PositiveInfinity;
        foreach (CommitField field in batch.Fields)
        {
            FieldWrite write = field.Write;
            from = Math.Min(from, Learn(
                write.Soul, new StoredField(write.Field, write.Value, write.State, sequence, write.Extras)));
        }

        if (!double.IsPositiveInfinity(from))
        {
            After(TimeSpan.Zero, () => Rejudge(from));
        }
    }

    /// <returns>The lowest state that may be judged differently now; positive infinity for none.</returns>
    private double Learn(string soul, in StoredField field)
    {
        _policyOutbox.Clear();
        _book!.OnStored(soul, field, _policyOutbox);
        double from = double.PositiveInfinity;
        foreach (ref readonly PolicyOutput output in _policyOutbox.Items)
        {
            from = Math.Min(from, output.FromState);
        }

        return from;
    }

    private void Rejudge(double fromState)
    {
        if (_options.Access is not { Judges: true })
        {
            return;
        }

        foreach ((string soul, StoredField field) in Fields.ToList())
        {
            if (field.State < fromState || field.State == Ham.DroppedState)
            {
                continue;
            }

            var write = new FieldWrite(soul, field.Field, field.Value, field.State, field.Extras);
            SoulOwner owner = Ownership.Of(soul);
            if (!_book!.JudgeWrite(write, _admission!.WriterOfStored(write, owner), new PolicyContext(owner)).IsAllowed)
            {
                Enqueue(new Request([write], 0, false, null) { IsDrop = true });
            }
        }

        (FieldWrite Write, long Origin)[] refused = [.. _shelf];
        _shelf.Clear();
        foreach ((FieldWrite write, long origin) in refused)
        {
            Enqueue(new Request([write], origin, false, null));
        }
    }

    /// <summary>Takes a stored field back, unless it has changed meanwhile.</summary>
    private void CarryDrop(Request request)
    {
        FieldWrite write = request.Delta[0];
        if (!_view.TryGet(0, out StoredField known) || known.State != write.State || known.Value != write.Value)
        {
            WritesPending--;
            return;
        }

        Dropped++;
        var none = new FieldWrite(write.Soul, write.Field, WeftValue.Null, Ham.DroppedState);
        var batch = new CommitBatch([new CommitField(none, known.Value, HadKnown: true)], [], [], _clock!.High);
        CommitAdmission admission = _store!.Append(batch, (_, _) => WritesPending--);
        if (admission is CommitAdmission.Full or CommitAdmission.Stopped)
        {
            WritesPending--;
        }

        FieldWrite[] outdone = _outdone!.Take(write.Soul, write.Field);
        if (outdone.Length > 0)
        {
            After(TimeSpan.Zero, () => Enqueue(new Request(outdone, OutdoneOrigin, false, null)));
        }
    }
}
