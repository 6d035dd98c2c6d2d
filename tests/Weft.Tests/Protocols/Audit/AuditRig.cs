using System.Buffers;
using Weft.Crypto;
using Weft.Graph;
using Weft.Primitives;
using Weft.Protocols.Audit;
using Weft.Protocols.Sync;
using Weft.Tests.Protocols.Sync;

namespace Weft.Tests.Protocols.Audit;

/// <summary>Two stores, and an audit of one by the other; every message is written and read.</summary>
internal sealed class AuditRig(AuditOptions? options = null)
{
    private static readonly ICrypto Crypto = PlatformCrypto.Create();

    public SyncStore Here { get; } = new(Crypto, "here");

    public SyncStore There { get; } = new(Crypto, "there");

    public AuditOptions Options { get; } = options ?? new AuditOptions();

    public long Bytes { get; private set; }

    public List<AuditOutput> Exchanges { get; } = [];

    public int WorkMost { get; private set; }

    /// <summary>Changes what the other side says.</summary>
    public Func<AuditAnswer, AuditMessage?>? Lie { get; set; }

    public void WriteBoth(FieldWrite write)
    {
        Here.Merge(write, 0);
        There.Merge(write, 0);
    }

    public AuditTally Run(string prefix = "", int samples = 0, bool heals = false, ulong seed = 1)
    {
        var plan = new AuditPlan(prefix, new SyncKey(prefix, ""), SyncKey.End, samples, heals);
        var core = new AuditCore(Options, Crypto, plan, new WeftRandom(seed));
        var outbox = new Outbox<AuditOutput>();
        core.Start(outbox);
        for (int i = 0; i < outbox.Count; i++)
        {
            Carry(core, plan, outbox[i], outbox);
            WorkMost = Math.Max(WorkMost, core.WorkWaiting);
        }

        Assert.True(core.IsOver);
        return core.Tally;
    }

    private void Carry(AuditCore core, AuditPlan plan, AuditOutput output, Outbox<AuditOutput> outbox)
    {
        switch (output.Kind)
        {
            case AuditOutputKind.Send:
                var ask = (AuditAsk)Travel(output.Message!)!;
                AuditMessage? answer = Answer(ask);
                answer = Lie is null ? answer : Lie((AuditAnswer)answer!);
                core.OnMessage(answer is null ? null : Travel(answer), outbox);
                break;
            case AuditOutputKind.ReadSums:
                SyncKey from = output.From;
                var sums = new List<RangeSum>();
                foreach (SyncKey to in output.Bounds!)
                {
                    sums.Add(Here.Sum(plan.Prefix, from, to));
                    from = to;
                }

                core.OnSums(output.Ticket, sums, outbox);
                break;
            case AuditOutputKind.ReadItems:
                (List<FieldWrite> writes, SyncKey? next) = Here.Read(plan.Prefix, output.From, output.To, 2_000);
                core.OnItems(output.Ticket, [.. writes.Select(ItemOf)], next, outbox);
                break;
            case AuditOutputKind.Exchange:
                Exchanges.Add(output);
                Move(Here, There, plan.Prefix, output, output.Give!);
                Move(There, Here, plan.Prefix, output, output.Take!);
                break;
        }
    }

    private static void Move(
        SyncStore from, SyncStore to, string prefix, AuditOutput output, IReadOnlyCollection<UInt128> ids)
    {
        foreach (FieldWrite write in from.Read(prefix, output.From, output.To, int.MaxValue).Writes)
        {
            if (ids.Contains(ItemOf(write).Id))
            {
                to.Merge(write, 1);
            }
        }
    }

    private AuditAnswer Answer(AuditAsk ask) => new(ask.Number, [.. ask.Ranges.Select(range =>
    {
        if (range.Parts > 0)
        {
            return new AuditFinding(
            [
                .. There.Split(ask.Prefix, range.From, range.To, range.Parts)
                    .Select(part => new AuditPart(part.To, part.Sum.Fingerprint(Crypto), part.Sum.Count)),
            ]);
        }

        (List<FieldWrite> writes, _) = There.Read(ask.Prefix, range.From, range.To, int.MaxValue);
        SyncKey? next = writes.Count > Options.ItemsMax ? SyncKey.Of(writes[Options.ItemsMax]) : null;
        return new AuditFinding(null, [.. writes.Take(Options.ItemsMax).Select(ItemOf)], next);
    })]);

    private AuditMessage? Travel(AuditMessage message)
    {
        var bytes = new ArrayBufferWriter<byte>();
        AuditCodec.Write(message, bytes);
        Bytes += bytes.WrittenCount;
        return AuditCodec.Read(bytes.WrittenSpan, Options);
    }

    private static AuditItem ItemOf(FieldWrite write) => new(
        SyncKey.Of(write), write.State,
        FieldHash.Of(Crypto, write.Soul, write.Field, write.State, write.Value).Id);
}
