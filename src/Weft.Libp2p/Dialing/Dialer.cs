using Weft.Libp2p.Connections;
using Weft.Primitives;
using Weft.Protocols.Peers;

namespace Weft.Libp2p.Dialing;

/// <summary>Connects to peers by name: one dial for each at a time, which everyone who asks for the peer waits for.</summary>
internal sealed class Dialer(Libp2pHost host)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<PeerId, Job> _jobs = [];

    /// <summary>Joins the dial of a peer, or begins one.</summary>
    /// <param name="peer">The peer.</param>
    /// <param name="extra">An address to try first, beside those of the book.</param>
    /// <param name="cancellationToken">This caller gives up; the dial ends with its last caller.</param>
    internal async Task<PeerConnection> ConnectAsync(PeerId peer, Multiaddr? extra, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Job job = Join(peer, extra, out bool isNew);
        if (isNew)
        {
            _ = RunAsync(job);
        }

        try
        {
            return await job.Done.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Libp2pException) when (!isNew && extra is not null && !job.Addresses.Contains(extra))
        {
            // The dial that was joined did not know of this address.
            return await ConnectAsync(peer, extra, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            Leave(job);
        }
    }

    private Job Join(PeerId peer, Multiaddr? extra, out bool isNew)
    {
        lock (_gate)
        {
            isNew = !_jobs.TryGetValue(peer, out Job? job);
            if (job is null)
            {
                Multiaddr[] known = [.. host.Book.Addresses(peer).Select(address => address.WithPeer(peer))];
                job = new(
                    peer, extra is null ? known : [extra, .. known.Where(address => !address.Equals(extra))], new());
                _jobs.Add(peer, job);
            }

            job.Waiters++;
            return job;
        }
    }

    private void Leave(Job job)
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

    private void Remove(Job job)
    {
        if (_jobs.TryGetValue(job.Peer, out Job? current) && current == job)
        {
            _jobs.Remove(job.Peer);
        }
    }

    private async Task RunAsync(Job job)
    {
        try
        {
            job.Done.TrySetResult(await TryAllAsync(job).ConfigureAwait(false));
        }
        catch (Exception error)
        {
            job.Done.TrySetException(error);
        }
        finally
        {
            lock (_gate)
            {
                Remove(job);
            }
        }
    }

    private async Task<PeerConnection> TryAllAsync(Job job)
    {
        Exception last = new Libp2pException(
            WeftError.PeerUnreachable, $"No address of {job.Peer} is known. Give one: connect by address first.");
        foreach (Multiaddr address in job.Addresses)
        {
            try
            {
                return await host.DialAsync(address, job.Token).ConfigureAwait(false);
            }
            catch (Libp2pException error)
            {
                host.Book.OnFailed(job.Peer, address);
                last = error;
            }
        }

        host.Book.OnUnreachable(job.Peer);
        throw last;
    }

    // The source of the token has no timer and no link, so nothing is lost when it is never disposed.
    private sealed class Job(PeerId peer, IReadOnlyList<Multiaddr> addresses, CancellationTokenSource stop)
    {
        internal PeerId Peer => peer;

        internal IReadOnlyList<Multiaddr> Addresses => addresses;

        internal TaskCompletionSource<PeerConnection> Done { get; } =
            new(TaskCreationOptions.RunContinuationsAsynchronously);

        internal CancellationToken Token => stop.Token;

        internal int Waiters { get; set; }

        internal void Cancel() => stop.Cancel();
    }
}
