using Weft.Primitives;
using Weft.Protocols.Yamux;

namespace Weft.Tests.Protocols.Yamux;

/// <summary>Two sessions on the ends of one connection; what one sends waits until it is carried over.</summary>
internal sealed class YamuxPair
{
    private readonly Outbox<YamuxOutput> _outbox = new();
    private readonly Side[] _sides;

    public YamuxPair(YamuxOptions? dialler = null, YamuxOptions? listener = null)
    {
        _sides =
        [
            new Side(new YamuxCore(isDialler: true, dialler ?? new YamuxOptions())),
            new Side(new YamuxCore(isDialler: false, listener ?? new YamuxOptions())),
        ];
    }

    public WeftInstant Now { get; set; } = new(1_000_000);

    public Side Dialler => _sides[0];

    public Side Listener => _sides[1];

    public void Do(Side side, Action<YamuxCore, Outbox<YamuxOutput>> action)
    {
        action(side.Core, _outbox);
        Take(side, []);
    }

    public uint Open(Side side)
    {
        uint stream = side.Core.Open(Now, _outbox);
        Take(side, []);
        return stream;
    }

    public int Write(Side side, uint stream, ReadOnlySpan<byte> bytes)
    {
        int length = Math.Min(side.Core.Sendable(stream), bytes.Length);
        if (length > 0)
        {
            side.Core.SendData(stream, length, _outbox);
            Take(side, []);
            side.Wire.AddRange(bytes[..length]);
        }

        return length;
    }

    public void Read(Side side, uint stream)
    {
        int length = side.Unread.GetValueOrDefault(stream);
        side.Unread[stream] = 0;
        if (length > 0)
        {
            side.Core.OnConsumed(stream, length, Now, _outbox);
            Take(side, []);
        }
    }

    /// <summary>Carries up to so many bytes from one side to the other.</summary>
    public bool Carry(Side from, int bytesMax = int.MaxValue)
    {
        Side to = from == Dialler ? Listener : Dialler;
        byte[] piece = from.Wire[..Math.Min(bytesMax, from.Wire.Count)].ToArray();
        from.Wire.RemoveRange(0, piece.Length);
        Feed(to, piece);
        return piece.Length > 0;
    }

    public void Feed(Side to, byte[] bytes)
    {
        to.Core.OnBytes(bytes, Now, _outbox);
        Take(to, bytes);
    }

    public void CarryAll()
    {
        for (int turn = 0; turn < 1_000 && (Carry(Dialler) | Carry(Listener)); turn++)
        {
        }
    }

    private void Take(Side side, ReadOnlySpan<byte> input)
    {
        Span<byte> header = stackalloc byte[YamuxHeader.Size];
        foreach (ref readonly YamuxOutput output in _outbox.Items)
        {
            side.Seen.Add(output);
            switch (output.Kind)
            {
                case YamuxOutputKind.Send:
                    output.Header.Write(header);
                    side.Wire.AddRange(header);
                    break;
                case YamuxOutputKind.Data:
                    side.Received(output.Stream).AddRange(input.Slice(output.Offset, output.Length));
                    side.Unread[output.Stream] = side.Unread.GetValueOrDefault(output.Stream) + output.Length;
                    break;
            }
        }

        _outbox.Clear();
    }

    internal sealed class Side(YamuxCore core)
    {
        private readonly Dictionary<uint, List<byte>> _received = [];

        public YamuxCore Core { get; } = core;

        public List<byte> Wire { get; } = [];

        public List<YamuxOutput> Seen { get; } = [];

        public Dictionary<uint, int> Unread { get; } = [];

        public List<byte> Received(uint stream) =>
            _received.TryGetValue(stream, out List<byte>? bytes) ? bytes : _received[stream] = [];

        public bool Saw(YamuxOutputKind kind, uint stream = 0) =>
            Seen.Any(output => output.Kind == kind && (stream == 0 || output.Stream == stream));

        public YamuxCloseReason CloseReason =>
            Seen.FirstOrDefault(output => output.Kind == YamuxOutputKind.Close).Reason;
    }
}
