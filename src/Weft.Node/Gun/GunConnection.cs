using System.Buffers.Text;
using System.Net.WebSockets;
using Weft.Crypto;
using Weft.Protocols.Gun;

namespace Weft.Node.Gun;

/// <summary>One open WebSocket: what waits to go out, and how much of what came in is still in progress.</summary>
internal sealed class GunConnection(
    long number, WebSocket socket, GunConnectionInfo info, GunOptions options, GunBudget budget)
{
    private long _queued;
    private long _queuedBytes;
    private long _outbound;
    private TaskCompletionSource? _waiter;
    private string? _closeText;

    public long Number { get; } = number;

    public WebSocket Socket { get; } = socket;

    public GunConnectionInfo Info { get; } = info;

    public WriteSource Source { get; set; } = new(
        $"gun {info.Address}", number, info.Role == GunRole.Dialled ? WriteDoor.Link : WriteDoor.Client);

    /// <summary>Set when the loop has let go of the connection and no send is in flight.</summary>
    public TaskCompletionSource Released { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public CancellationTokenSource Stopping { get; } = new();

    // Owned by the loop.
    public FrameBuffer Filling { get; private set; } = new();

    public FrameBuffer Leaving { get; private set; } = new();

    public bool IsSending { get; set; }

    public bool IsTouched { get; set; }

    public bool IsClosed { get; set; }

    public bool WasBlocked { get; set; }

    public LinkFeed? Feed { get; set; }

    // Written by the loop, read by anybody who lists peers.
    public volatile GunPeerIdentity Identity = GunPeerIdentity.Unknown;

    /// <summary>The text of the key the peer has proven to hold; null for none.</summary>
    public volatile string? ProvenKey;

    /// <summary>What the peer is to sign.</summary>
    public byte[] NonceBytes { get; } = NewNonce();

    /// <summary>The same as text.</summary>
    public string Nonce => Base64Url.EncodeToString(NonceBytes);

    public GunCloseReason? CloseReason { get; set; }

    public string? LastError { get; set; }

    public int Pending { get; set; }

    public long Cursor { get; set; }

    public long MessagesIn;
    public long MessagesOut;
    public long BytesIn;
    public long BytesOut;

    public DateTimeOffset Since { get; init; }

    /// <summary>Why this side closes the connection; null while it does not.</summary>
    public string? CloseText => Volatile.Read(ref _closeText);

    /// <summary>True for the first caller only.</summary>
    public bool TryBeginClose(string text) => Interlocked.CompareExchange(ref _closeText, text, null) is null;

    public bool IsOverloaded => Interlocked.Read(ref _queued) > options.InFlightMax
        || Interlocked.Read(ref _queuedBytes) > options.InFlightBytesMax
        || Interlocked.Read(ref _outbound) > options.OutboundBytesHigh
        || budget.IsOver;

    /// <summary>Counts work in (or, negative, out).</summary>
    public void Queue(int messages, long bytes)
    {
        Interlocked.Add(ref _queued, messages);
        Interlocked.Add(ref _queuedBytes, bytes);
        budget.Add(bytes);
        if (messages < 0)
        {
            LetRead();
        }
    }

    /// <summary>Notes how many bytes wait to be sent.</summary>
    public void NoteOutbound()
    {
        Interlocked.Exchange(ref _outbound, Filling.Length + (IsSending ? Leaving.Length : 0));
        LetRead();
    }

    /// <summary>Completes when the connection may be read again.</summary>
    public Task WaitForRoomAsync()
    {
        var waiter = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Volatile.Write(ref _waiter, waiter);
        budget.NoteWaiter();
        if (!IsOverloaded)
        {
            waiter.TrySetResult();
        }

        return waiter.Task;
    }

    private static byte[] NewNonce()
    {
        byte[] nonce = new byte[KeyProof.NonceLength];
        KeyGenerator.Fill(nonce);
        return nonce;
    }

    public void Swap() => (Filling, Leaving) = (Leaving, Filling);

    /// <summary>Lets the reader go on, if it waits and nothing is too full any more.</summary>
    public void LetRead()
    {
        if (Volatile.Read(ref _waiter) is not null && !IsOverloaded)
        {
            Interlocked.Exchange(ref _waiter, null)?.TrySetResult();
        }
    }
}

/// <summary>Who the peer said it is.</summary>
internal sealed record GunPeerIdentity(string? Pid, GunIdentity? Weft, TimeSpan? RoundTrip)
{
    public static GunPeerIdentity Unknown { get; } = new(null, null, null);
}
