using System.Buffers;
using System.Text;
using Weft.Log.Encoding;
using Weft.Primitives;

namespace Weft.Log.Wire;

/// <summary>What a multiplexer asks its caller to do; <paramref name="Kind"/> says which fields count.</summary>
/// <param name="Kind">What is to be done.</param>
/// <param name="Channel">The own number of the channel; for Asked, the peer's.</param>
/// <param name="Type">Message: its type.</param>
/// <param name="Bytes">Send: a frame. Opened: the peer's handshake. Message: the body. Valid until the next
/// input.</param>
/// <param name="Protocol">Asked: which protocol.</param>
/// <param name="Id">Asked: of what.</param>
/// <param name="Reason">Broken: why, for a report.</param>
internal readonly record struct MuxOutput(
    MuxOutputKind Kind, long Channel = 0, int Type = 0, ReadOnlyMemory<byte> Bytes = default, string Protocol = "",
    ReadOnlyMemory<byte> Id = default, string Reason = "");

/// <summary>The kinds of <see cref="MuxOutput"/>.</summary>
internal enum MuxOutputKind
{
    /// <summary>Send a frame.</summary>
    Send = 0,

    /// <summary>The peer opened what is not open here: answer with Open or Reject before the next input.</summary>
    Asked,

    /// <summary>Both sides have opened the channel.</summary>
    Opened,

    /// <summary>A message came on an open channel.</summary>
    Message,

    /// <summary>The channel is gone: closed or rejected by the peer.</summary>
    Closed,

    /// <summary>The peer broke the rules; the connection must end.</summary>
    Broken,
}

/// <summary>Many channels over one stream of messages: protomux. Pure.</summary>
/// <remarks>
/// A channel has a protocol and an id and is up when both sides have opened it; each side numbers its own. At most
/// <see cref="ChannelsMax"/> at once, and <see cref="BufferedBytesMax"/> of messages that come before the channel is
/// open
/// here. Source: docs/spec/log.md, section 8.
/// </remarks>
internal sealed class MuxCore(Outbox<MuxOutput> outbox)
{
    /// <summary>Channels per side.</summary>
    public const int ChannelsMax = 1_024;

    /// <summary>Bytes kept for channels that are not open here, 512 counted for each message.</summary>
    public const int BufferedBytesMax = 64 * 1_024;

    private const int BatchBytesMax = 256 * 1_024; // A frame is opened as a whole: smaller ones keep both ends busy.
    private const int ProtocolBytesMax = 256;
    private const int IdBytesMax = 256;
    private const int HandshakeBytesMax = 4_096;
    private const int MessageCost = 512;
    private const int TypeBatch = 0;
    private const int TypeOpen = 1;
    private const int TypeReject = 2;
    private const int TypeClose = 3;

    private readonly Dictionary<string, Channel> _byName = [];
    private readonly List<Channel?> _locals = [];
    private readonly List<Channel?> _remotes = [];
    private readonly List<(long Channel, byte[] Item)> _unsent = [];
    private int _unsentBytes;
    private int _buffered;
    private bool _isBroken;

    /// <summary>Opens a channel from this side.</summary>
    /// <returns>Its number; 0 when it is open already or there are too many.</returns>
    public long Open(string protocol, ReadOnlySpan<byte> id, ReadOnlySpan<byte> handshake)
    {
        string name = Name(protocol, id);
        if (!_byName.TryGetValue(name, out Channel? channel))
        {
            channel = new Channel(name);
        }
        else if (channel.Local != 0)
        {
            return 0;
        }

        long number = Take(_locals, channel);
        if (number == 0)
        {
            return 0;
        }

        channel.Local = number;
        _byName[name] = channel;
        var frame = new ArrayBufferWriter<byte>();
        frame.WriteUint(TypeOpen);
        frame.WriteUint(number);
        frame.WriteBuffer(System.Text.Encoding.UTF8.GetBytes(protocol));
        frame.WriteBuffer(id);
        frame.Write(handshake);
        Queue(0, frame.WrittenSpan.ToArray());
        if (channel.Remote != 0)
        {
            Raise(channel);
        }

        return number;
    }

    /// <summary>Refuses what the peer asked for.</summary>
    /// <param name="remote">The number of <see cref="MuxOutputKind.Asked"/>.</param>
    public void Reject(long remote)
    {
        if (remote > 0 && remote <= _remotes.Count && _remotes[(int)remote - 1] is { Local: 0 } channel)
        {
            Forget(channel);
            WriteControl(TypeReject, remote);
        }
    }

    /// <summary>Queues a message; <see cref="Flush"/> sends.</summary>
    public void Send(long channel, int type, ReadOnlySpan<byte> body)
    {
        if (channel <= 0 || channel > _locals.Count || _locals[(int)channel - 1] is null)
        {
            return;
        }

        int head = CompactWriter.UintLength(type);
        byte[] item = new byte[head + body.Length];
        CompactWriter.PutUint(item, type);
        body.CopyTo(item.AsSpan(head));
        Queue(channel, item);
    }

    /// <summary>Closes a channel from this side.</summary>
    public void Close(long channel)
    {
        if (channel > 0 && channel <= _locals.Count && _locals[(int)channel - 1] is Channel open)
        {
            Forget(open);
            WriteControl(TypeClose, channel);
        }
    }

    /// <summary>Puts everything that was queued into frames: one message as it is, several as a batch.</summary>
    public void Flush()
    {
        for (int at = 0; at < _unsent.Count;)
        {
            int end = at;
            int bytes = 0;
            while (end < _unsent.Count && (end == at || bytes + _unsent[end].Item.Length < BatchBytesMax))
            {
                bytes += _unsent[end++].Item.Length;
            }

            WriteFrame(at, end);
            at = end;
        }

        _unsent.Clear();
        _unsentBytes = 0;
    }

    /// <summary>Takes a message of the stream.</summary>
    public void OnFrame(ReadOnlyMemory<byte> frame)
    {
        if (_isBroken || frame.IsEmpty)
        {
            return;
        }

        var reader = new CompactReader(frame.Span);
        long channel = reader.Uint();
        if (reader.IsBroken)
        {
            Break("a frame without a channel");
            return;
        }

        OnItem(channel, frame[^reader.Left..], isInBatch: false);
    }

    private static string Name(string protocol, ReadOnlySpan<byte> id) =>
        $"{(protocol == "hypercore" ? "hypercore/alpha" : protocol)}##{Convert.ToHexString(id)}";

    private static long Take(List<Channel?> slots, Channel channel)
    {
        int free = slots.IndexOf(null);
        if (free < 0)
        {
            if (slots.Count == ChannelsMax)
            {
                return 0;
            }

            free = slots.Count;
            slots.Add(null);
        }

        slots[free] = channel;
        return free + 1;
    }

    private void OnItem(long number, ReadOnlyMemory<byte> item, bool isInBatch)
    {
        var reader = new CompactReader(item.Span);
        long type = reader.Uint(int.MaxValue);
        if (reader.IsBroken)
        {
            Break("a message without a type");
            return;
        }

        ReadOnlyMemory<byte> body = item[^reader.Left..];
        if (number == 0)
        {
            OnControl(type, body, isInBatch);
            return;
        }

        if (number > _remotes.Count || _remotes[(int)number - 1] is not Channel channel)
        {
            return; // Of a channel that was closed meanwhile.
        }

        if (channel.Local != 0)
        {
            outbox.Add(new MuxOutput(MuxOutputKind.Message, channel.Local, (int)type, body));
            return;
        }

        _buffered += body.Length + MessageCost;
        channel.Buffered += body.Length + MessageCost;
        channel.Waiting.Add(((int)type, body.ToArray()));
        if (_buffered > BufferedBytesMax)
        {
            Break("too much for channels that are not open");
        }
    }

    private void OnControl(long type, ReadOnlyMemory<byte> body, bool isInBatch)
    {
        var reader = new CompactReader(body.Span);
        switch (type)
        {
            case TypeBatch when !isInBatch:
                OnBatch(body);
                break;
            case TypeBatch:
                Break("a batch inside a batch");
                break;
            case TypeOpen:
                OnOpen(body);
                break;
            case TypeReject:
                long rejected = reader.Uint();
                if (rejected > 0 && rejected <= _locals.Count && _locals[(int)rejected - 1] is { Remote: 0 } refused)
                {
                    Forget(refused);
                    outbox.Add(new MuxOutput(MuxOutputKind.Closed, rejected));
                }

                break;
            case TypeClose:
                long closed = reader.Uint();
                if (closed > 0 && closed <= _remotes.Count && _remotes[(int)closed - 1] is Channel gone)
                {
                    long local = gone.Local;
                    Forget(gone);
                    if (local != 0)
                    {
                        outbox.Add(new MuxOutput(MuxOutputKind.Closed, local));
                    }
                }

                break;
        }

        if (reader.IsBroken)
        {
            Break("a control message that cannot be read");
        }
    }

    private void OnBatch(ReadOnlyMemory<byte> body)
    {
        var reader = new CompactReader(body.Span);
        long channel = reader.Uint();
        while (reader.Left > 0 && !_isBroken)
        {
            long length = reader.Uint();
            if (length == 0)
            {
                channel = reader.Uint();
                continue;
            }

            if (length > reader.Left)
            {
                reader.Fail();
                break;
            }

            ReadOnlyMemory<byte> item = body.Slice(body.Length - reader.Left, (int)length);
            reader.Bytes((int)length);
            OnItem(channel, item, isInBatch: true);
        }

        if (reader.IsBroken)
        {
            Break("a batch that cannot be read");
        }
    }

    private void OnOpen(ReadOnlyMemory<byte> body)
    {
        var reader = new CompactReader(body.Span);
        long number = reader.Uint();
        string protocol = System.Text.Encoding.UTF8.GetString(reader.Buffer(ProtocolBytesMax));
        ReadOnlySpan<byte> id = reader.Buffer(IdBytesMax);
        bool isNext = number >= 1 && number <= ChannelsMax && number <= _remotes.Count + 1
            && (number > _remotes.Count || _remotes[(int)number - 1] is null);
        if (reader.IsBroken || !isNext || reader.Left > HandshakeBytesMax)
        {
            Break("an open message that cannot be read");
            return;
        }

        string name = Name(protocol, id);
        bool isKnown = _byName.TryGetValue(name, out Channel? channel);
        if (isKnown && channel!.Remote != 0)
        {
            WriteControl(TypeReject, number);
            return;
        }

        if (number > _remotes.Count)
        {
            _remotes.Add(null);
        }

        channel ??= new Channel(name);
        _byName[name] = channel;
        _remotes[(int)number - 1] = channel;
        channel.Remote = number;
        channel.Handshake = reader.Rest().ToArray();
        if (isKnown)
        {
            Raise(channel);
            return;
        }

        outbox.Add(new MuxOutput(MuxOutputKind.Asked, number, Protocol: protocol, Id: id.ToArray()));
    }

    /// <summary>Both sides have opened: tells so, and hands out what came before.</summary>
    private void Raise(Channel channel)
    {
        outbox.Add(new MuxOutput(MuxOutputKind.Opened, channel.Local, Bytes: channel.Handshake));
        foreach ((int type, byte[] body) in channel.Waiting)
        {
            outbox.Add(new MuxOutput(MuxOutputKind.Message, channel.Local, type, body));
        }

        channel.Waiting.Clear();
        _buffered -= channel.Buffered;
        channel.Buffered = 0;
    }

    private void Forget(Channel channel)
    {
        if (channel.Local != 0)
        {
            _locals[(int)channel.Local - 1] = null;
        }

        if (channel.Remote != 0)
        {
            _remotes[(int)channel.Remote - 1] = null;
        }

        _buffered -= channel.Buffered;
        _byName.Remove(channel.Name);
    }

    private void WriteControl(int type, long number)
    {
        var frame = new ArrayBufferWriter<byte>(8);
        frame.WriteUint(type);
        frame.WriteUint(number);
        Queue(0, frame.WrittenSpan.ToArray());
    }

    private void Queue(long channel, byte[] item)
    {
        _unsent.Add((channel, item));
        _unsentBytes += item.Length;
        if (_unsentBytes >= BatchBytesMax)
        {
            Flush();
        }
    }

    private void WriteFrame(int start, int end)
    {
        const int CostMax = 20; // Of an item in a batch: its length, and a change of the channel before it.
        int bytes = CostMax;
        for (int i = start; i < end; i++)
        {
            bytes += CostMax + _unsent[i].Item.Length;
        }

        var frame = new ArrayBufferWriter<byte>(bytes);
        if (end - start == 1)
        {
            frame.WriteUint(_unsent[start].Channel);
            frame.Write(_unsent[start].Item);
        }
        else
        {
            long channel = _unsent[start].Channel;
            frame.WriteUint(0);
            frame.WriteUint(TypeBatch);
            frame.WriteUint(channel);
            for (int i = start; i < end; i++)
            {
                (long next, byte[] item) = _unsent[i];
                if (next != channel)
                {
                    channel = next;
                    frame.WriteUint(0);
                    frame.WriteUint(channel);
                }

                frame.WriteBuffer(item);
            }
        }

        outbox.Add(new MuxOutput(MuxOutputKind.Send, Bytes: frame.WrittenMemory));
    }

    private void Break(string reason)
    {
        if (!_isBroken)
        {
            _isBroken = true;
            outbox.Add(new MuxOutput(MuxOutputKind.Broken, Reason: reason));
        }
    }

    private sealed class Channel(string name)
    {
        public string Name { get; } = name;

        public long Local { get; set; }

        public long Remote { get; set; }

        public byte[] Handshake { get; set; } = [];

        public int Buffered { get; set; }

        public List<(int Type, byte[] Body)> Waiting { get; } = [];
    }
}
