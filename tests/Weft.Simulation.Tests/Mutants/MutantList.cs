namespace Weft.Simulation.Tests.Mutants;

/// <summary>The bugs to plant: one changed snippet of production code each.</summary>
internal static class MutantList
{
    private const string Ham = "src/Weft.Graph/Ham.cs";
    private const string Clock = "src/Weft.Graph/HamClock.cs";
    private const string Core = "src/Weft.Graph/GraphCore.cs";
    private const string View = "src/Weft.Graph/GraphView.cs";
    private const string Queue = "src/Weft.Graph/DeferredQueue.cs";
    private const string Json = "src/Weft.Graph/JsonText.cs";
    private const string Plan = "src/Weft.Node/Lanes/DeltaPlan.cs";
    private const string Commit = "src/Weft.Node/Commits/CommitCore.cs";
    private const string Records = "src/Weft.Node/Commits/CommitRecordCodec.cs";
    private const string Recovery = "src/Weft.Node/Commits/CommitRecovery.cs";
    private const string Admission = "src/Weft.Graph/Access/AdmissionCore.cs";
    private const string Book = "src/Weft.Graph/Policy/PolicyBook";
    private const string Gun = "src/Weft.Protocols/Gun/GunPeerCore";

    public static IReadOnlyList<Mutant> All { get; } =
    [
        // The merge.
        new("tie-break dropped", Ham,
            "return order > 0 ? HamVerdict.Incoming : order < 0", "return order > 0 ? HamVerdict.KnownLarger : order < 0",
            "loss"),
        new("tie-break: what is known stays smaller", Ham,
            "return order > 0 ? HamVerdict.Incoming : order < 0 ? HamVerdict.KnownLarger : HamVerdict.Equal;",
            "return order < 0 ? HamVerdict.Incoming : order > 0 ? HamVerdict.KnownLarger : HamVerdict.Equal;", "loss"),
        new("older state wins: >= for >", Ham,
            "if (incomingState > knownState)", "if (incomingState >= knownState)", "loss"),
        new("ties compared by UTF-8 instead of UTF-16", Json,
            "return a >= 0xEE && b >= 0xEE && (a >= 0xF0) != (b >= 0xF0) ? b - a : a - b;", "return a - b;", "loss",
            Nodes: 4, Seeds: 10),
        new("deferral skipped: early writes are kept out", Core,
            "outbox.Add(new(GraphOutputKind.Defer, i, verdict, DueMs: write.State));",
            "outbox.Add(new(GraphOutputKind.Keep, i, verdict, Displaced: known, HadKnown: hadKnown));", "loss"),
        new("held writes are never released", Queue,
            "if (NextDueMs > wallMs || !_queue", "if (NextDueMs > 0 || !_queue", "loss"),
        new("the queue of early writes has no ceiling", Queue,
            "_queue.Count + writes <= options.DeferredMax &&", "_queue.Count >= 0 &&", "ceilings"),
        new("the same field twice in a delta: the second does not meet the first", View,
            "_slotOf[i] = _slots[key]; // The same field twice in one delta: the second meets the first.\n                continue;",
            "slot = Count;", "loss"),
        new("the last of two winners in a delta is dropped", Plan,
            "fields[i] = fields[i] with { Write = write };", "", "loss"),
        new("a batch is stored in part: only its first field", Plan,
            ": new CommitBatch(fields, isRelease", ": new CommitBatch(fields.Take(1).ToList(), isRelease", "loss"),
        new("clock steps back with the wall clock", Clock,
            "if (whole > High)", "if (whole != High)", "clock-skew"),

        // The commit log.
        new("fsync skipped", Commit,
            "if (_options.Durability == Durability.Disk || _markInFlight)\n        {\n            StartSync(outbox);",
            "if (_options.Durability == Durability.Disk || _markInFlight)\n        {\n            _phase = Phase.Syncing;\n"
            + "            OnSynced(outbox);", "crash"),
        new("acknowledged when written, before it is flushed", Commit,
            "Answer(Durability.Buffered, outbox);", "Answer(Durability.Disk, outbox);", "crash"),
        new("peers hear of a commit before it is flushed", Commit,
            "if (_options.Durability == Durability.Buffered)\n        {\n            Commit(WrittenSequence, outbox);",
            "if (_options.Durability >= Durability.Buffered)\n        {\n            Commit(WrittenSequence, outbox);", "crash"),
        new("waiters are answered without waiting", Commit,
            "if (Level(level) >= LastSequence)", "if (Level(level) <= LastSequence)", "crash", Seeds: 15),
        new("checksums are not looked at", Recovery,
            "|| BinaryPrimitives.ReadUInt32LittleEndian(rest[4..]) != CommitRecordCodec.RecordCrc(rest, (int)length, salt))",
            ")", "crash", Nodes: 8, Seeds: 10),
        new("recovery stops one record early", Recovery,
            "return new SegmentScan(number, header, expected - 1, end, cut, damages);",
            "return new SegmentScan(number, header, expected - 2, end, cut, damages);", "crash"),
        new("segments are freed one commit too early", Commit,
            "oldest.LastSequence <= sequence)", "oldest.LastSequence <= sequence + 40)", "crash", Nodes: 8, Seeds: 10),
        new("what was held is forgotten in the log", Records,
            "PutWrites(writer, batch.Deferred, ref previous);", "PutWrites(writer, [], ref previous);", "crash"),
        new("the clock's high mark is not saved", Plan,
            "isLetGo ? delta.ToArray() : [], clock.High, origin);",
            "isLetGo ? delta.ToArray() : [], double.NegativeInfinity, origin);", "clock-skew", Nodes: 8, Seeds: 10),

        // GUN.
        new("a link's cursor runs one commit ahead", Gun + ".Links.cs",
            "link.Window.AddLast(new LinkMessage(null, cursor, []));",
            "link.Window.AddLast(new LinkMessage(null, cursor + 1, []));", "partition-heal", Seeds: 10),
        new("a link starts with what is new, not with what the peer lacks", Gun + ".Links.cs",
            "known : peer.IsWeft ? 0 : _newest;", "known : _newest;", "crash"),
        new("a change goes back to the link it came from", Gun + ".Links.cs",
            "if (changes[i].Origin != peer)", "if (changes[i].Origin != -1)", "relays", Nodes: 2),
        new("a refused change is taken for stored", Gun + ".Links.cs",
            "or { Error: WeftError.StateTooFarAhead }", "", "clock-skew"),
        new("a link's cursor does not wait for acknowledgements", Gun + ".Links.cs",
            "while (link.Window.First is { Value: { Id: null } head })", "while (link.Window.First is { Value: { } head })",
            "partition-heal", Seeds: 10),
        new("a slow hello leaves a Weft relay a stranger for ever", Gun + ".Messages.cs",
            "if (peer is { Link.Acknowledges: false, IsWeft: true })",
            "if (peer is { Link.Acknowledges: false, IsWeft: false })", "loss", Nodes: 4, Seeds: 10),
        new("putters are not subscribed", Gun + ".Messages.cs",
            "SubscribePutter(peer, writes);", "", "clients"),
        new("no ask-back: offline writes stay with their client", Gun + ".Gets.cs",
            "if (subscription is null or { AskedBack: true })", "if (subscription is not null or null)", "clients"),
        new("puts are never acknowledged", Gun + ".Messages.cs",
            "SendAck(write.Peer, write.AckTo, error, text, outbox);", "", "clients"),
        new("not found is never said", Gun + ".Gets.cs",
            "SendNotFound(read.Peer, read.ReplyTo, outbox);", "", "clients"),
        // Admission and policy.
        new("signatures are not verified", Admission,
            "&& !needed.Check.Verify(crypto, keys))", "&& needed.Check is null)", "hostile"),
        new("a policy lets every signed write pass", Book + ".cs",
            "if (policy.Class != PolicyClass.Public || owner.Kind is SoulOwnerKind.Sea or SoulOwnerKind.Nobody)",
            "if (policy.Class != PolicyClass.Public && writer.Kind == WriterKind.None)", "hostile"),
        new("rules of a policy are not looked at", Book + ".cs",
            "return policy.Rules.IsEmpty\n", "return policy.Rules is not null\n", "hostile"),
        new("the state is not part of what is signed", "src/Weft.Graph/Access/WriteHash.cs",
            "PutNumber(bytes, ref at, write.State);", "PutNumber(bytes, ref at, 0);", "hostile", Seeds: 10),
        new("a key that was replaced goes on writing", "src/Weft.Graph/Policy/KeyRecords.cs",
            "return recovered || state > NextState;", "return recovered;", "hostile"),
        new("rotations by strangers count", Book + ".Records.cs",
            "if (writer.Kind != WriterKind.Native || writer.Key != key)", "if (writer.Kind != WriterKind.Native)", "hostile"),
        new("what lost against a dropped write is not offered again", "src/Weft.Graph/Policy/OutdoneVersions.cs",
            "return [.. versions];", "return [];", "hostile", Seeds: 20),
        new("a late rotation takes nothing back", "src/Weft.Graph/Policy/PolicyBook.Stored.cs",
            "double from = Math.Min(known.RetiredFrom, records.RetiredFrom);", "double from = double.PositiveInfinity;",
            "hostile", Seeds: 10),
        new("subscribers hear nothing of what other connections bring", Gun + ".cs",
            "if (subscription.Peer.Number != origin && subscription.Wants(field.Field))",
            "if (origin == 0 && subscription.Wants(field.Field))", "clients"),
    ];
}
