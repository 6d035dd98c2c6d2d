using Weft.Libp2p;
using Weft.Libp2p.Connections;
using Weft.Primitives;
using Weft.Protocols.Gun;
using Weft.Protocols.Peers;

namespace Weft.Node.Network;

/// <summary>One peer to keep: dials it, waits while it is connected, and dials again with growing pauses.</summary>
internal sealed class KeptPeer(NodeNetwork network, Multiaddr address, WeftRandom random) : IAsyncDisposable
{
    private const string Tag = "kept";

    private static readonly TimeSpan HeldMin = TimeSpan.FromSeconds(10);

    private readonly CancellationTokenSource _stopping = new();
    private readonly LinkBackoff _backoff = new(network.Options.RedialMin, network.Options.RedialMax, random);
    private Task _loop = Task.CompletedTask;

    internal Multiaddr Address { get; } = address;

    /// <summary>Who answered last there, or who the address names.</summary>
    internal PeerId Peer { get; private set; } = address.Peer;

    internal NetworkPeerState State { get; private set; } = NetworkPeerState.Dialling;

    internal string? LastError { get; private set; }

    internal void Start() => _loop = Task.Run(RunAsync);

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        if (!Peer.IsEmpty)
        {
            network.Host.Unprotect(Peer, Tag);
        }

        _stopping.Dispose();
    }

    private async Task RunAsync()
    {
        CancellationToken stopping = _stopping.Token;
        TimeProvider time = network.Node.Time;
        while (!stopping.IsCancellationRequested)
        {
            long started = time.GetTimestamp();
            await RunOnceAsync(stopping).ConfigureAwait(false);
            if (time.GetElapsedTime(started) > HeldMin)
            {
                _backoff.Reset();
            }

            TimeSpan wait = _backoff.Next();
            State = NetworkPeerState.Waiting;
            if (stopping.IsCancellationRequested)
            {
                return;
            }

            NetworkLog.LinkDown(network.Log, Address, LastError ?? "closed", (long)wait.TotalMilliseconds);
            try
            {
                await Task.Delay(wait, time, stopping).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private async Task RunOnceAsync(CancellationToken stopping)
    {
        State = NetworkPeerState.Dialling;
        try
        {
            if (network.IsBanned(Peer))
            {
                LastError = "it is banned";
                return;
            }

            PeerConnection connection = await network.Host.ConnectAsync(Address, stopping).ConfigureAwait(false);
            Peer = connection.Remote;
            network.Host.Protect(Peer, Tag); // Whoever tidies up connections leaves those alone that were asked for.
            State = NetworkPeerState.Connected;
            LastError = null;
            NetworkLog.LinkUp(network.Log, Address);
            ConnectionEnd end = await connection.Closed.WaitAsync(stopping).ConfigureAwait(false);
            LastError = NodeNetwork.TextOf(end);
        }
        catch (OperationCanceledException)
        {
            // The node stops, or this peer is kept no more.
        }
        catch (Exception failure) when (failure is Libp2pException or IOException or ObjectDisposedException
            or ArgumentException)
        {
            LastError = failure.Message;
        }
    }
}
