using System.Threading.Channels;
using Weft.Libp2p.Connections;
using Weft.Libp2p.Streams;
using Weft.Primitives;
using Weft.Protocols.Gossip;
using Weft.Protocols.Identify;
using Weft.Protocols.Peers;

namespace Weft.Libp2p.Gossip;

/// <content>Links with peers, and what the core wishes.</content>
public sealed partial class GossipService
{
    private const int OpenTriesMax = 5;
    private const int ExchangesMax = 32;
    private static readonly TimeSpan LinkHeld = TimeSpan.FromSeconds(30);

    /// <summary>Takes an RPC.</summary>
    /// <param name="link">From whom.</param>
    /// <param name="rpc">Without the length in front.</param>
    /// <param name="here">Takes the messages that the caller will judge; null when others do.</param>
    internal bool OnRpc(GossipLink link, ReadOnlySpan<byte> rpc, List<GossipMessage>? here)
    {
        lock (Gate)
        {
            bool isWhole = link.Peer is null || _core.OnRpc(link.Peer, rpc, Now, _outbox);
            _here = here;
            Apply();
            _here = null;
            return isWhole;
        }
    }

    private async Task WatchAsync(IAsyncEnumerable<PeerEvent> events)
    {
        try
        {
            await foreach (PeerEvent happened in events.ConfigureAwait(false))
            {
                switch (happened.Kind)
                {
                    case PeerEventKind.Identified:
                        OnIdentified(happened.Connection, happened.Identity);
                        break;
                    case PeerEventKind.Disconnected when _host.Find(happened.Peer) is null:
                        Unlink(happened.Peer);
                        break;
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The service stops.
        }
    }

    private void OnIdentified(PeerConnection connection, IdentifyMessage? identity)
    {
        if (identity is null)
        {
            return;
        }

        if (!identity.Protocols.Any(Protocols.Contains))
        {
            Unlink(connection.Remote); // It gossips no more.
            return;
        }

        GossipLink link = LinkWith(connection);
        if (identity.SignedRecord.Length > 0
            && PeerRecord.TryOpen(identity.SignedRecord.Span, _crypto, out PeerRecord? record)
            && record.Peer == connection.Remote)
        {
            lock (Gate)
            {
                link.Record = identity.SignedRecord;
                if (link.Peer is not null)
                {
                    GossipCore.SetRecord(link.Peer, link.Record);
                }
            }
        }
    }

    private GossipLink LinkWith(PeerConnection connection)
    {
        GossipLink? link;
        lock (Gate)
        {
            if (_links.TryGetValue(connection.Remote, out link))
            {
                return link;
            }

            _links[connection.Remote] = link = new(this, connection.Remote);
            link.Loop = Task.Run(() => RunAsync(link));
        }

        return link;
    }

    private void Unlink(PeerId peer)
    {
        GossipLink? link;
        lock (Gate)
        {
            _links.Remove(peer, out link);
        }

        link?.Stop();
    }

    /// <summary>Keeps the outbound stream open while the peer is connected.</summary>
    private async Task RunAsync(GossipLink link)
    {
        string reason = "the peer is gone";
        try
        {
            for (int tries = 0; tries < OpenTriesMax && !link.Stopping.IsCancellationRequested; tries++)
            {
                long started = _time.GetTimestamp();
                try
                {
                    if (_host.Find(link.Id) is not { } connection)
                    {
                        break;
                    }

                    await RunAsync(link, connection).ConfigureAwait(false);
                }
                catch (Libp2pException refused) when (refused.Error == WeftError.ProtocolUnsupported)
                {
                    reason = refused.Message;
                    break;
                }
                catch (Exception error) when (error is IOException or Libp2pException or ObjectDisposedException)
                {
                    reason = error.Message;
                }
                catch (OperationCanceledException) when (!link.Stopping.IsCancellationRequested)
                {
                    reason = "the peer ended the stream";
                }

                tries = _time.GetElapsedTime(started) > LinkHeld ? 0 : tries;
                await Task.Delay(TimeSpan.FromSeconds(1 << tries), _time, link.Stopping).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // The peer is gone, or the service stops.
        }
        finally
        {
            link.Opened.TrySetResult();
            lock (Gate)
            {
                if (link.Peer is { } peer)
                {
                    link.Peer = null;
                    link.OnJudged();
                    _core.Disconnect(peer, Now, _outbox);
                    Apply();
                }

                if (_links.TryGetValue(link.Id, out GossipLink? current) && current == link)
                {
                    _links.Remove(link.Id);
                }
            }

            GossipLog.Unlinked(_log, link.Id, reason);
            link.Dispose();
        }
    }

    private async Task RunAsync(GossipLink link, PeerConnection connection)
    {
        PeerStream stream = await _host
            .OpenStreamAsync(connection, Protocols, StreamRules.Default, link.Stopping).ConfigureAwait(false);
        GossipPeer? peer;
        lock (Gate)
        {
            peer = link.Peer;
            if (peer is not null)
            {
                _core.Greet(peer, _outbox); // The stream is new, the peer is not.
            }
            else
            {
                peer = _core.Connect(link.Id, Describe(stream), Now, _outbox);
                Adopt(link, peer);
            }

            Apply();
        }

        link.Opened.TrySetResult();
        if (peer is null)
        {
            stream.Abort();
            throw new IOException("there are as many gossip peers as are allowed");
        }

        GossipLog.Linked(_log, link.Id, stream.Protocol);
        await link.WriteAsync(stream).ConfigureAwait(false);
    }

    private static void Adopt(GossipLink link, GossipPeer? peer)
    {
        if (peer is not null)
        {
            peer.Tag = link;
            link.Peer = peer;
            GossipCore.SetRecord(peer, link.Record);
        }
    }

    private static GossipPeerInfo Describe(PeerStream stream) => new(
        VersionOf(stream.Protocol), !stream.Connection.IsInbound, PlaceOf(stream.Connection),
        stream.Connection.Identity?.AgentVersion?.StartsWith("js-libp2p", StringComparison.Ordinal) == true);

    private async Task ServeAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        if (_isStopped == 0)
        {
            await LinkWith(stream.Connection).ReadAsync(stream, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Carries out what the core wishes; the gate is held.</summary>
    /// <returns>Of the peers that were sent messages, the one with the shortest line.</returns>
    private GossipLink? Apply()
    {
        GossipLink? quickest = null;
        for (int i = 0; i < _outbox.Count; i++)
        {
            ref readonly GossipOutput output = ref _outbox[i];
            switch (output.Kind)
            {
                case GossipOutputKind.Send:
                    var link = (GossipLink)output.Peer!.Tag!;
                    Send(link, output);
                    bool isQuicker = output.Message is not null
                        && (quickest is null || link.Queue.DataBytes < quickest.Queue.DataBytes);
                    quickest = isQuicker ? link : quickest;
                    break;
                case GossipOutputKind.Judge:
                    Judge(output.Message!);
                    break;
                case GossipOutputKind.Deliver:
                    Deliver(output.Message!);
                    break;
                case GossipOutputKind.Grafted:
                    _host.Protect(output.Peer!.Id, "gossip " + output.Topic);
                    break;
                case GossipOutputKind.Pruned:
                    _host.Unprotect(output.Peer!.Id, "gossip " + output.Topic);
                    break;
                case GossipOutputKind.Exchange:
                    Exchange(output.Peer!, output.Candidate, output.Frame);
                    break;
                case GossipOutputKind.Refused:
                    Interlocked.Increment(ref _refused[(int)output.Reason]);
                    GossipLog.Refused(_log, output.Peer!.Id, output.Reason);
                    break;
                case GossipOutputKind.StartTimer:
                    _due = output.Due;
                    SetTimer();
                    break;
            }
        }

        _outbox.Clear();
        return quickest;
    }

    private void Send(GossipLink link, in GossipOutput output)
    {
        bool isControl = output.Message is null;
        switch (link.Queue.Add(output.Frame, isControl))
        {
            case GossipQueued.Full:
                link.Stop(); // It does not read even what keeps the mesh.
                return;
            case GossipQueued.DroppedOlder:
                _dropped++;
                break;
        }

        _sent += isControl ? 0 : 1;
        link.Wake();
    }

    private void Deliver(GossipMessage message)
    {
        if (_subscriptions.TryGetValue(message.Topic, out List<GossipSubscription>? list))
        {
            _delivered++;
            foreach (GossipSubscription subscription in list)
            {
                subscription.Post(message);
            }
        }
    }

    private void Exchange(GossipPeer teller, PeerId candidate, ReadOnlyMemory<byte> record)
    {
        if (Options.FollowsExchange && _exchangesWaiting < ExchangesMax)
        {
            _exchangesWaiting++;
            _ = Task.Run(() => FollowAsync(teller.Id, candidate, record));
        }
    }

    private async Task FollowAsync(PeerId teller, PeerId candidate, ReadOnlyMemory<byte> record)
    {
        try
        {
            await _exchanges.WaitAsync(Stopping).ConfigureAwait(false);
            try
            {
                if (PeerRecord.TryOpen(record.Span, _crypto, out PeerRecord? opened) && opened.Peer == candidate)
                {
                    _host.Book.AddSigned(opened, _host.Find(teller));
                    await _host.ConnectAsync(candidate, Stopping).ConfigureAwait(false);
                }
            }
            finally
            {
                _exchanges.Release();
            }
        }
        catch (Exception error) when (error is OperationCanceledException or Libp2pException or ObjectDisposedException)
        {
            GossipLog.ExchangeFailed(_log, candidate, teller, error.Message);
        }
        finally
        {
            lock (Gate)
            {
                _exchangesWaiting--;
            }
        }
    }

    private void OnTimer()
    {
        lock (Gate)
        {
            if (_isStopped != 0)
            {
                return;
            }

            if (Now < _due)
            {
                SetTimer(); // Timers may ring early.
                return;
            }

            _core.OnTimer(Now, _outbox);
            Apply();
        }
    }

    private void SetTimer()
    {
        TimeSpan wait = _due - Now;
        TimeSpan least = TimeSpan.FromMilliseconds(1); // Less is nothing to a timer, and it would ring for ever.
        _timer.Change(wait > least ? wait : least, Timeout.InfiniteTimeSpan);
    }

    private static GossipVersion VersionOf(string protocol) => protocol switch
    {
        "/meshsub/1.2.0" => GossipVersion.V12,
        "/meshsub/1.1.0" => GossipVersion.V11,
        "/meshsub/1.0.0" => GossipVersion.V10,
        _ => GossipVersion.Flood,
    };

    /// <summary>
    /// Where a peer is, for the count of peers at one place: an IPv4 address, or the network of an IPv6 one.
    /// </summary>
    private static string? PlaceOf(PeerConnection connection)
    {
        if (connection.IsLimited)
        {
            return null; // The relay's address says nothing of the peer.
        }

        Multiaddr address = connection.RemoteAddress;
        return address.TryFind(MultiaddrCode.Ip4, out MultiaddrPart four) ? Convert.ToHexString(four.Value.Span)
            : address.TryFind(MultiaddrCode.Ip6, out MultiaddrPart six) ? Convert.ToHexString(six.Value.Span[..8])
            : null;
    }
}
