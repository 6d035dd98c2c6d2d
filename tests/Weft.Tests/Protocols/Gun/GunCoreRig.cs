using System.Buffers;
using System.Text;
using Weft.Graph;
using Weft.Primitives;
using Weft.Protocols.Gun;

namespace Weft.Tests.Protocols.Gun;

/// <summary>
/// A GUN core with a small graph behind it and hand-made connections: what it sends is gathered as JSON text, what it
/// reads
/// and writes happens when the test says so. Time is a number.
/// </summary>
internal sealed class GunCoreRig
{
    private readonly GunCodec _codec = new(new GunLimits());
    private readonly Outbox<GunOutput> _outbox = new();
    private readonly SortedDictionary<string, SortedDictionary<string, StoredField>> _graph = new(
        StringComparer.Ordinal);
    private readonly List<(long Sequence, GunChange Change)> _log = [];
    private readonly Dictionary<long, long> _feeds = [];
    private readonly Queue<Action> _held = new();
    private readonly GraphCore _merge = new(new GraphOptions());
    private readonly GraphView _view = new();
    private readonly Outbox<GraphOutput> _merged = new();
    private long _sequence;

    public GunCoreRig(GunPeerOptions? options = null, ulong seed = 1, string storeId = "0000000000000001") =>
        Core = new GunPeerCore(options ?? new(), new GunIdentity(storeId, true), new WeftRandom(seed), 0);

    public GunPeerCore Core { get; }

    public WeftInstant Now { get; set; } = new(1_000_000);

    /// <summary>True to hold writes back until <see cref="Release"/>.</summary>
    public bool HoldsWrites { get; set; }

    public List<(long Peer, string Json)> Sent { get; } = [];

    public List<(long Peer, GunCloseReason Reason)> Closed { get; } = [];

    public List<(long Ticket, int Count, bool Late)> Ended { get; } = [];

    public SortedSet<long> Timers { get; } = [];

    public int Writes { get; private set; }

    public int Reads { get; private set; }

    public long Sequence => _sequence;

    /// <summary>Opens a connection and forgets the hello.</summary>
    public void Connect(long peer, GunRole role = GunRole.Accepted, string address = "ws://x/gun", string? pid = null)
    {
        Core.OnConnected(peer, role, address, Now, _outbox);
        Turn();
        if (pid is not null)
        {
            Receive(peer, $$"""{"dam":"?","pid":"{{pid}}","@":"x"}""");
        }

        Sent.Clear();
    }

    public void Receive(long peer, string frame)
    {
        var messages = new List<GunMessage>();
        WeftError error = _codec.Read(Encoding.UTF8.GetBytes(frame), messages);
        if (error != WeftError.None)
        {
            Core.OnMalformed(peer, error, Now, _outbox);
        }

        foreach (GunMessage message in messages)
        {
            Core.OnMessage(peer, message, Now, _outbox);
            Apply();
        }

        Turn();
    }

    public void Put(long peer, string id, string soul, string field, string json, double state = 1) => Receive(peer,
        """{"#":"ID","put":{"SOUL":{"_":{"#":"SOUL",">":{"FIELD":STATE}},"FIELD":VALUE}}}""".Replace("ID", id)
            .Replace("SOUL", soul).Replace("FIELD", field).Replace("VALUE", json)
            .Replace("STATE", state.ToString(System.Globalization.CultureInfo.InvariantCulture)));

    public void Get(
        long peer, string id, string soul) => Receive(peer, $$$"""{"#":"{{{id}}}","get":{"#":"{{{soul}}}"}}""");

    public void Close(long peer) => Do(() => Core.OnClosed(peer, Now, _outbox));

    public void Block(long peer) => Core.OnBlocked(peer);

    public void Unblock(long peer) => Do(() => Core.OnWritable(peer, Now, _outbox));

    public long Ask(string soul)
    {
        long ticket = 0;
        Do(() => ticket = Core.Ask(soul, null, TimeSpan.FromMilliseconds(200), Now, _outbox));
        return ticket;
    }

    public void Advance(double milliseconds)
    {
        Now += TimeSpan.FromMilliseconds(milliseconds);
        Do(() => Core.OnTimer(Now, _outbox));
    }

    public void Release()
    {
        while (_held.TryDequeue(out Action? write))
        {
            write();
            Turn();
        }
    }

    /// <summary>What was sent to one peer, without the random ids, and forgets it.</summary>
    public string[] TakeSent(long peer)
    {
        string[] sent = [.. Sent.Where(item => item.Peer == peer).Select(item => Plain(item.Json))];
        Sent.RemoveAll(item => item.Peer == peer);
        return sent;
    }

    public static string Plain(string json) =>
        System.Text.RegularExpressions.Regex.Replace(json, "^\\{\"#\":\"[^\"]*\",?", "{");

    /// <summary>The id of the last message sent to a peer.</summary>
    public string LastId(long peer)
    {
        string json = Sent.Last(item => item.Peer == peer).Json;
        return System.Text.Json.JsonDocument.Parse(json).RootElement.GetProperty("#").GetString()!;
    }

    public string Value(string soul, string field) =>
        _graph.TryGetValue(soul, out var node) && node.TryGetValue(field, out StoredField known)
            ? known.Value.ToString()
            : "absent";

    private void Do(Action action)
    {
        action();
        Turn();
    }

    private void Turn()
    {
        Apply();
        Core.OnTurnEnd(Now, _outbox);
        Apply();
    }

    private void Apply()
    {
        for (int i = 0; i < _outbox.Count; i++)
        {
            GunOutput output = _outbox[i];
            if (output.IsSend)
            {
                var writer = new ArrayBufferWriter<byte>();
                GunWriter.Write(writer, output, Core.Pid, Core.Identity);
                Sent.Add((output.Peer, Encoding.UTF8.GetString(writer.WrittenSpan)));
                continue;
            }

            Carry(output);
        }

        _outbox.Clear();
    }

    private void Carry(GunOutput output)
    {
        switch (output.Kind)
        {
            case GunOutputKind.Write when HoldsWrites:
                _held.Enqueue(() => Write(output));
                break;
            case GunOutputKind.Write:
                Write(output);
                break;
            case GunOutputKind.Read when output.Read!.Soul is null:
                Core.OnSouls(
                    output.Ticket, [.. _graph.Keys.Where(output.Read.Range.Contains).Take(output.Read.CountMax)],
                    Now, _outbox);
                break;
            case GunOutputKind.Read:
                Read(output);
                break;
            case GunOutputKind.StartTimer:
                Timers.Add(output.Due.Microseconds);
                break;
            case GunOutputKind.Close:
                Closed.Add((output.Peer, output.Reason));
                break;
            case GunOutputKind.AskEnded:
                Ended.Add((output.Ticket, output.Count, output.More));
                break;
            case GunOutputKind.Follow:
                _feeds[output.Peer] = output.Sequence;
                break;
            case GunOutputKind.ReadChanges:
                GunChange[] changes = [.. _log.Where(
                    entry => entry.Sequence > _feeds[output.Peer]).Select(entry => entry.Change)];
                _feeds[output.Peer] = _sequence;
                Core.OnChanges(output.Peer, changes, _sequence, false, Now, _outbox);
                break;
        }
    }

    private void Read(GunOutput output)
    {
        Reads++;
        GunRead read = output.Read!;
        IEnumerable<StoredField> fields = _graph.TryGetValue(read.Soul!, out var node) ? node.Values : [];
        fields = read.Range.Reverse ? fields.Reverse() : fields;
        StoredField[] all = [.. fields.Where(field => read.Range.Contains(field.Field))];
        int bytes = 0;
        StoredField[] page = [.. all.Take(read.CountMax).TakeWhile(field =>
        {
            bool fits = bytes < read.BytesMax;
            bytes += field.Field.Length + field.Value.Json.Length;
            return fits;
        })];
        Core.OnRead(output.Ticket, page, page.Length < all.Length, Now, _outbox);
    }

    private void Write(GunOutput output)
    {
        Writes++;
        FieldWrite[] delta = output.Writes!;
        _view.Begin(delta);
        for (int slot = 0; slot < _view.Count; slot++)
        {
            FieldKey key = _view.Key(slot);
            if (_graph.TryGetValue(key.Soul, out var node) && node.TryGetValue(key.Field, out StoredField known))
            {
                _view.Set(slot, known);
            }
        }

        _merged.Clear();
        _merge.Apply(delta, _view, wallMs: 1_000_000, _merged);
        foreach (GraphOutput decision in _merged.Items)
        {
            if (decision.Kind == GraphOutputKind.Refuse)
            {
                Core.OnWritten(output.Ticket, decision.Error, null, Now, _outbox);
                return;
            }
        }

        _sequence++;
        foreach (GraphOutput decision in _merged.Items)
        {
            if (decision is { Kind: GraphOutputKind.Keep, Verdict: not HamVerdict.Equal })
            {
                Core.OnOutdone(output.Peer, delta[decision.Write].Soul, decision.Displaced, _outbox);
            }
        }

        Core.OnWritten(output.Ticket, WeftError.None, null, Now, _outbox);
        foreach (GraphOutput decision in _merged.Items)
        {
            if (decision.Kind == GraphOutputKind.Persist)
            {
                FieldWrite write = delta[decision.Write];
                var field = new StoredField(write.Field, write.Value, write.State, _sequence);
                if (!_graph.TryGetValue(write.Soul, out var node))
                {
                    _graph.Add(write.Soul, node = new(StringComparer.Ordinal));
                }

                node[write.Field] = field;
                _log.Add((_sequence, new GunChange(write.Soul, field, output.Peer)));
                Core.OnChange(write.Soul, field, output.Peer, _outbox);
            }
        }
    }
}
