using Weft.Libp2p.Connections;
using Weft.Primitives;
using Weft.Protocols.Peers;

namespace Weft.Libp2p.Dialing;

/// <summary>Connects to peers by name: one dial for each at a time, which everyone who asks for the peer waits for.</summary>
internal sealed class Dialer(Libp2pHost host, Libp2pOptions options)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<PeerId, DialJob> _jobs = [];

    /// <summary>Joins the dial of a peer, or begins one.</summary>
    /// <param name="peer">The peer; empty for whoever is at <paramref name="extra"/>, and then nothing is joined.</param>
    /// <param name="extra">An address to try first, beside those of the book.</param>
    /// <param name="ignoresBackoff">Try also what failed a short while ago.</param>
    /// <param name="cancellationToken">This caller gives up; the dial ends with its last caller.</param>
    internal async Task<PeerConnection> ConnectAsync(
        PeerId peer, Multiaddr? extra, bool ignoresBackoff, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        DialJob job = Join(peer, extra, ignoresBackoff, out bool isNew);
        if (isNew)
        {
            _ = RunAsync(job);
        }

        try
        {
            return await job.Done.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (!isNew && error is Libp2pException or OperationCanceledException
            && !cancellationToken.IsCancellationRequested && job.IsLess(extra, ignoresBackoff))
        {
            // The dial that was joined did not try as much as this caller wants, or was given up by its own.
            return await ConnectAsync(peer, extra, ignoresBackoff, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            Leave(job);
        }
    }

    private DialJob Join(PeerId peer, Multiaddr? extra, bool ignoresBackoff, out bool isNew)
    {
        lock (_gate)
        {
            DialJob? job = null;
            isNew = peer.IsEmpty || !_jobs.TryGetValue(peer, out job);
            if (job is null)
            {
                job = new(host, options, peer, extra, ignoresBackoff, new());
                if (!peer.IsEmpty)
                {
                    _jobs.Add(peer, job);
                }
            }

            job.Waiters++;
            return job;
        }
    }

    private void Leave(DialJob job)
    {
        lock (_gate)
        {
            if (--job.Waiters > 0)
            {
                return;
            }

            Remove(job);
        }

        job.Cancel();
    }

    private void Remove(DialJob job)
    {
        if (_jobs.TryGetValue(job.Peer, out DialJob? current) && current == job)
        {
            _jobs.Remove(job.Peer);
        }
    }

    private async Task RunAsync(DialJob job)
    {
        try
        {
            // A dial may have ended between the look for a connection and this job: its connection serves, too.
            PeerConnection connection = (job.Peer.IsEmpty ? null : host.Find(job.Peer))
                ?? await job.RunAsync().ConfigureAwait(false);
            job.Done.TrySetResult(connection);
        }
        catch (Exception error)
        {
            job.Done.TrySetException(error);
            _ = job.Done.Task.Exception; // Looked at, also when every caller has given up.
        }
        finally
        {
            lock (_gate)
            {
                Remove(job);
            }
        }
    }
}
