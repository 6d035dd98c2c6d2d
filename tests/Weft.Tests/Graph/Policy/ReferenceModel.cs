using Weft.Crypto;
using Weft.Graph;
using Weft.Graph.Access;
using Weft.Graph.Policy;

namespace Weft.Tests.Graph.Policy;

/// <summary>What a version of a policy says, as the model knows it.</summary>
internal sealed record ModelPolicy(
    bool IsPublic, Ed25519PublicKey? Writer = null, MergeMethod Method = MergeMethod.Ham, double? NumberMax = null)
{
    public string Json
    {
        get
        {
            string writers = Writer is { } key ? $",'writers':['{key}']" : "";
            string merge = Method == MergeMethod.Ham ? "" : $",'merge':{{'f':'{$"{Method}".ToLowerInvariant()}'}}";
            string rules = NumberMax is { } max
                ? $",'rules':{{'v':1,'fields':{{'f':{{'type':'number','max':{max}}}}}}}" : "";
            return PolicyRig.Text(
                $"{{'weft':1,'class':'{(IsPublic ? "public" : "protected")}'{writers}{merge}{rules}}}");
        }
    }
}

/// <summary>
/// The straightforward answer: takes all events at once, sorts them by state, and replays them. Shares nothing with the
/// book but the names of souls and the texts of documents.
/// </summary>
internal sealed class ReferenceModel
{
    private readonly Dictionary<Ed25519PublicKey, (double From, Ed25519PublicKey Next)> _successors = [];
    private readonly Dictionary<(string Scope, bool IsNode, string Version), (double State, string Text,
        ModelPolicy Policy)> _policies = [];
    private readonly IReadOnlyDictionary<string, ModelPolicy> _documents;
    private readonly List<ModelOp> _valid = [];

    public ReferenceModel(IEnumerable<ModelOp> ops, IReadOnlyDictionary<string, ModelPolicy> documents)
    {
        _documents = documents;
        ModelOp[] sorted = [.. ops.OrderBy(op => op.Write.State).ThenBy(op => $"{op.Write.Value}",
            StringComparer.Ordinal)];
        Replay(sorted, Ownership.KeyRecords, TakeRotation);
        Replay(sorted, Ownership.PrefixPolicy, TakePolicy);
        Replay(sorted, Ownership.NodePolicy, TakePolicy);
        foreach (ModelOp op in sorted)
        {
            if (!op.Write.Soul.StartsWith("weft:", StringComparison.Ordinal) && IsAllowed(op))
            {
                _valid.Add(op);
            }
        }
    }

    /// <summary>Every write that was ever allowed, records among them.</summary>
    public IReadOnlyCollection<ModelOp> Valid => _valid;

    public SortedDictionary<string, string> Snapshot
    {
        get
        {
            var end = new SortedDictionary<string, string>(StringComparer.Ordinal);
            foreach (IGrouping<(string, string), ModelOp> versions in _valid.GroupBy(op => (op.Write.Soul,
                op.Write.Field)))
            {
                ModelOp winner = Fold([.. versions]);
                end.Add($"{winner.Write.Soul} {winner.Write.Field}", $"{winner.Write.Value}@{winner.Write.State}");
            }

            return end;
        }
    }

    private static void Replay(ModelOp[] sorted, string start, Func<ModelOp, bool> take)
    {
        // Events of one state do not see each other, so the ones before are taken in whole states.
        foreach (IGrouping<double, ModelOp> state in
            sorted.Where(op => op.Write.Soul.StartsWith(start, StringComparison.Ordinal)).GroupBy(op => op.Write.State))
        {
            foreach (ModelOp op in state.Reverse()) // The larger text first: it wins the tie.
            {
                take(op);
            }
        }
    }

    private bool TakeRotation(ModelOp op)
    {
        Ed25519PublicKey key = op.Writer.Key;
        if (op.Write.Soul != $"{Ownership.KeyRecords}{key}" || Current(key, op.Write.State) != key
            || !RotationRecord.TryRead(op.Write.Value, out Ed25519PublicKey next) || next == key)
        {
            return false;
        }

        _valid.Add(op);
        return _successors.TryAdd(key, (op.Write.State, next));
    }

    private bool TakePolicy(ModelOp op)
    {
        bool isNode = op.Write.Soul.StartsWith(Ownership.NodePolicy, StringComparison.Ordinal);
        string scope = op.Write.Soul[(isNode ? Ownership.NodePolicy : Ownership.PrefixPolicy).Length..];
        if (op.Writer.Kind != WriterKind.Native || Current(op.Writer.Key, op.Write.State) != op.Writer.Key
            || OwnerOf(scope, op.Write.State) != op.Writer.Key)
        {
            return false;
        }

        string text = op.Write.Value.AsText()!;
        _valid.Add(op);
        return _policies.TryAdd((scope, isNode, op.Write.Field), (op.Write.State, text, _documents[text]));
    }

    private Ed25519PublicKey Current(Ed25519PublicKey key, double state)
    {
        var seen = new HashSet<Ed25519PublicKey>();
        while (_successors.TryGetValue(key, out var successor) && state > successor.From)
        {
            if (!seen.Add(key))
            {
                return default; // A circle: nobody.
            }

            key = successor.Next;
        }

        return key;
    }

    private Ed25519PublicKey OwnerOf(string text, double state)
    {
        int at = text.IndexOf('$');
        return Current(at < 0 ? PolicyRig.Network : Key(text.Substring(at + 1, 43)), state);
    }

    private static Ed25519PublicKey Key(string text) => Ed25519PublicKey.TryParse(text, out Ed25519PublicKey key)
        ? key : default;

    private ModelPolicy? InForce(string soul, double state)
    {
        bool isOwned = soul.Contains('$');
        return _policies
            .Where(item => item.Key.Scope.Contains('$') == isOwned && item.Value.State <= state
                && (item.Key.IsNode ? soul == item.Key.Scope : soul.StartsWith(item.Key.Scope,
                    StringComparison.Ordinal)))
            .OrderByDescending(item => item.Key.IsNode)
            .ThenByDescending(item => item.Key.Scope.Length)
            .ThenByDescending(item => item.Value.State)
            .ThenByDescending(item => int.Parse(item.Key.Version))
            .Select(item => item.Value.Policy)
            .FirstOrDefault();
    }

    private bool IsAllowed(ModelOp op)
    {
        FieldWrite write = op.Write;
        bool isSigned = op.Writer.Kind == WriterKind.Native;
        if (isSigned && Current(op.Writer.Key, write.State) != op.Writer.Key)
        {
            return false;
        }

        ModelPolicy? policy = InForce(write.Soul, write.State);
        bool isOpen = policy?.IsPublic ?? !write.Soul.Contains('$');
        bool isWriter = isSigned && (op.Writer.Key == OwnerOf(write.Soul, write.State)
            || (policy?.Writer is { } writer && op.Writer.Key == Current(writer, write.State)));
        if ((!isOpen && !isWriter) || write.Field != "f" || policy is null)
        {
            return isOpen || isWriter;
        }

        bool isNumber = write.Value.Kind == WeftValueKind.Number;
        return policy.Method switch
        {
            MergeMethod.First => !write.Value.IsNull,
            MergeMethod.Max or MergeMethod.Min => isNumber,
            _ => true,
        } && (policy.NumberMax is null || write.Value.IsNull || (isNumber && write.Value.AsNumber(
            ) <= policy.NumberMax));
    }

    /// <summary>Replays the allowed versions of one field in the order of their states.</summary>
    private ModelOp Fold(ModelOp[] versions)
    {
        ModelOp winner = versions[0];
        if (winner.Write.Soul.StartsWith("weft:", StringComparison.Ordinal))
        {
            double first = versions.Min(op => op.Write.State);
            return versions.Where(op => op.Write.State == first).MaxBy(op => $"{op.Write.Value}",
                StringComparer.Ordinal)!;
        }

        foreach (ModelOp op in versions.Skip(1))
        {
            MergeMethod method = MethodAt(op.Write, op.Write.State);
            bool isNewEra = _policies.Values.Select(policy => policy.State).Append(op.Write.State)
                .Any(state => state > winner.Write.State && state <= op.Write.State
                    && MethodAt(op.Write, state) != MethodAt(op.Write, winner.Write.State));
            if (isNewEra || Beats(method, op.Write, winner.Write))
            {
                winner = op;
            }
        }

        return winner;
    }

    private MergeMethod MethodAt(FieldWrite write, double state) =>
        write.Field == "f" ? InForce(write.Soul, state)?.Method ?? MergeMethod.Ham : MergeMethod.Ham;

    private static bool Beats(MergeMethod method, FieldWrite later, FieldWrite earlier)
    {
        bool isLater = later.State > earlier.State
            || string.CompareOrdinal($"{later.Value}", $"{earlier.Value}") > 0;
        double here = earlier.Value.AsNumber() ?? 0;
        double there = later.Value.AsNumber() ?? 0;
        return method switch
        {
            MergeMethod.First => later.State == earlier.State && isLater,
            MergeMethod.Max => there > here || (there == here && isLater),
            MergeMethod.Min => there < here || (there == here && isLater),
            _ => isLater,
        };
    }
}
