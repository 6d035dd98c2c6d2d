using System.Buffers;

namespace Weft.Node.Gun;

/// <summary>Outgoing messages, joined into frames: one message stands bare, several stand in an array.</summary>
/// <remarks>One caller at a time. The memory is kept while it is small, so a busy connection allocates
/// nothing.</remarks>
internal sealed class FrameBuffer : IBufferWriter<byte>
{
    private const int KeepBytesMax = 256 << 10;

    private readonly List<(int Start, int End)> _frames = [];
    private byte[] _data = new byte[512];
    private int _end;
    private int _frameStart;
    private int _messages;   // In the frame being filled.

    /// <summary>Bytes of all frames.</summary>
    public int Length => _end;

    public bool IsEmpty => _end == 0;

    public int MessageCount { get; private set; }

    /// <summary>Begins a message; its bytes follow through the writer.</summary>
    public void Begin()
    {
        // One byte stays free before the first message, for the bracket that a second one calls for.
        GetSpan(1)[0] = _messages == 0 ? (byte)'[' : (byte)',';
        _end++;
        _messages++;
        MessageCount++;
    }

    /// <summary>Ends a message, and the frame with it once that is long enough.</summary>
    public void End(int frameBytes)
    {
        if (_end - _frameStart >= frameBytes)
        {
            EndFrame();
        }
    }

    /// <summary>The frames, the last one closed.</summary>
    public List<(int Start, int End)> Frames
    {
        get
        {
            EndFrame();
            return _frames;
        }
    }

    public ReadOnlyMemory<byte> Bytes((int Start, int End) frame) =>
        _data.AsMemory(frame.Start, frame.End - frame.Start);

    public void Clear()
    {
        _frames.Clear();
        _end = 0;
        _frameStart = 0;
        _messages = 0;
        MessageCount = 0;
        if (_data.Length > KeepBytesMax)
        {
            _data = new byte[512];
        }
    }

    public void Advance(int count) => _end += count;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Grow(sizeHint);
        return _data.AsMemory(_end);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Grow(sizeHint);
        return _data.AsSpan(_end);
    }

    private void EndFrame()
    {
        if (_messages == 0)
        {
            return;
        }

        if (_messages == 1)
        {
            _frames.Add((_frameStart + 1, _end));
        }
        else
        {
            GetSpan(1)[0] = (byte)']';
            _end++;
            _frames.Add((_frameStart, _end));
        }

        _frameStart = _end;
        _messages = 0;
    }

    private void Grow(int sizeHint)
    {
        int needed = _end + Math.Max(sizeHint, 1);
        if (needed > _data.Length)
        {
            Array.Resize(ref _data, Math.Max(needed, _data.Length * 2));
        }
    }
}
