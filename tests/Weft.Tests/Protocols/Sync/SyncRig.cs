using System.Buffers;
using Weft.Crypto;
using Weft.Graph;
using Weft.Primitives;
using Weft.Protocols.Sync;

namespace Weft.Tests.Protocols.Sync;

/// <summary>Two stores and a session between them: every message is written and read, in order, until nothing moves.</summary>
internal sealed class SyncRig
{
    private static readonly ICrypto Crypto = PlatformCrypto.Create();

    private readonly Dictionary<(SyncStore At, string Of), long> _cursors = [];
    private ulong _seed;

    public SyncRig(SyncOptions? options = null, ulong seed = 1)
    {
        Options = options ?? new SyncOptions();
        _seed = seed;
        A = new(new SyncStore(Crypto, "aaaa"));
        B = new(new SyncStore(Crypto, "bbbb"));
    }

    public SyncOptions Options { get; }

    public End A { get; }

    public End B { get; }

    public WeftInstant Now { get; private set; } = new(1_000_000);

    public long Bytes { get; private set; }

    public int Messages { get; private set; }

    /// <summary>Refuses writes: null for none.</summary>
    public Func<End, FieldWrite, WeftError>? Refuse { get; set; }

    public static FieldWrite Field(string soul, string field, double value, double state) => new(soul, field, value, state);

    public void Connect(IReadOnlyList<string>? aWants = null, IReadOnlyList<string>? bWants = null)
    {
        Bytes = 0;
        Messages = 0;
        Open(A, aWants ?? [""], isOpener: true);
        Open(B, bWants ?? [""], isOpener: false);
        Carry(A, B);
        Carry(B, A);
    }

    /// <summary>Breaks the session; each side remembers how far it came.</summary>
    public void Break()
    {
        foreach ((End one, End other) in (ReadOnlySpan<(End, End)>)[(A, B), (B, A)])
        {
            if (one.Core is { } core && core.ResumeCursor >= 0)
            {
                _cursors[(one.Store, other.Store.Id)] = core.ResumeCursor;
            }

            one.Core = null;
            one.Inbox.Clear();
        }
    }

    /// <summary>Local write, told to the session.</summary>
    public void Write(End end, in FieldWrite write)
    {
        end.Store.Merge(write, origin: 0);
        Drive(end, core => core.OnNews(end.Outbox));
    }

    /// <summary>Delivers messages until nothing moves, or so many were delivered.</summary>
    public void Run(int messagesMax = int.MaxValue)
    {
        while (messagesMax > 0 && (Step(A, B) | Step(B, A)))
        {
            messagesMax--;
        }
    }

    public void Wait(TimeSpan span)
    {
        Now += span;
        Drive(A, core => core.OnTimer(Now, A.Outbox));
        Drive(B, core => core.OnTimer(Now, B.Outbox));
        Run();
    }

    public void Drive(End end, Action<SyncCore> input)
    {
        if (end.Core is { } core)
        {
            input(core);
            Carry(end, end == A ? B : A);
        }
    }

    private void Open(End end, IReadOnlyList<string> wants, bool isOpener)
    {
        end.Core = new SyncCore(
            Options, Crypto, new SyncSelf(end.Store.Id, new byte[32], wants, isOpener, Origin: 7), new WeftRandom(_seed++));
        end.Core.Start(end.Store.Sequence, Now, end.Outbox);
        end.Feed = end.Store.Sequence;
    }

    private bool Step(End from, End to)
    {
        if (to.Core is null || !to.Inbox.TryDequeue(out byte[]? bytes))
        {
            return false;
        }

        if (SyncReader.Read(bytes, Options) is { } message)
        {
            long resume = _cursors.GetValueOrDefault((to.Store, from.Store.Id), -1);
            to.Core.OnMessage(message, Now, resume, to.Outbox);
        }
        else
        {
            to.Core.OnMalformed(to.Outbox);
        }

        Carry(to, from);
        return true;
    }

    private void Carry(End end, End other)
    {
        SyncCore core = end.Core!;
        for (int i = 0; i < end.Outbox.Count; i++)
        {
            SyncOutput output = end.Outbox[i];
            switch (output.Kind)
            {
                case SyncOutputKind.Send:
                    var bytes = new ArrayBufferWriter<byte>();
                    SyncCodec.Write(output.Message!, bytes);
                    Bytes += bytes.WrittenCount + 3;
                    Messages++;
                    other.Inbox.Enqueue(bytes.WrittenSpan.ToArray());
                    if (output.Message is SyncChanges)
                    {
                        core.OnSent(end.Outbox);
                    }

                    break;
                case SyncOutputKind.Write:
                    Merge(end, output);
                    break;
                case SyncOutputKind.Follow:
                    end.Feed = output.Number < 0 ? end.Store.Sequence : Math.Min(output.Number, end.Store.Sequence);
                    break;
                case SyncOutputKind.ReadChanges:
                    List<SyncChange> changes = end.Store.ChangesAfter(end.Feed, 100);
                    end.Feed += changes.Count;
                    core.OnChanges(changes, end.Feed, end.Feed < end.Store.Sequence, Now, end.Outbox);
                    break;
                case SyncOutputKind.Read:
                    core.OnRead(
                        output.Ticket,
                        [.. end.Store.All.Where(one => one.Soul == output.Soul
                            && (output.Field is null || one.Field == output.Field))],
                        end.Outbox);
                    break;
                case SyncOutputKind.Summarize:
                    core.OnSummary(
                        output.Ticket, end.Store.Sum(output.Prefix, output.From, output.To), Now, end.Outbox);
                    break;
                case SyncOutputKind.List:
                    core.OnItems(
                        output.Ticket, end.Store.List(output.Prefix, output.From, output.To, (int)output.Number), Now,
                        end.Outbox);
                    break;
                case SyncOutputKind.Split:
                    core.OnParts(
                        output.Ticket, end.Store.Split(output.Prefix, output.From, output.To, (int)output.Number), Now,
                        end.Outbox);
                    break;
                case SyncOutputKind.ReadRange:
                    (List<FieldWrite> writes, SyncKey? next) =
                        end.Store.Read(output.Prefix, output.From, output.To, output.Bytes);
                    core.OnRange(output.Ticket, writes, next, Now, end.Outbox);
                    break;
                case SyncOutputKind.ReadSequence:
                    core.OnSequence(output.Ticket, end.Store.Sequence, Now, end.Outbox);
                    break;
                default:
                    end.Seen.Add(output);
                    break;
            }
        }

        end.Outbox.Clear();
    }

    private void Merge(End end, in SyncOutput output)
    {
        int refused = 0;
        WeftError why = WeftError.None;
        foreach (FieldWrite write in output.Writes!)
        {
            WeftError error = Refuse?.Invoke(end, write) ?? WeftError.None;
            if (error != WeftError.None)
            {
                (refused, why) = (refused + 1, error);
            }
            else if (end.Store.Merge(write, origin: 7))
            {
                end.Core!.OnNews(end.Outbox);
            }
        }

        end.Core!.OnWritten(output.Ticket, WeftError.None, refused, why, end.Outbox);
    }

    internal sealed class End(SyncStore store)
    {
        public SyncStore Store { get; } = store;

        public SyncCore? Core { get; set; }

        public long Feed { get; set; }

        public Outbox<SyncOutput> Outbox { get; } = new();

        public Queue<byte[]> Inbox { get; } = new();

        public List<SyncOutput> Seen { get; } = [];
    }
}
