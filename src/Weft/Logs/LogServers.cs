using Weft.Node.Logs;
using Weft.Primitives;
using Weft.Transports;

namespace Weft;

/// <summary>
/// Where a peer takes connections for its signed logs, in Hypercore's wire protocol: any hypercore peer that knows the
/// key of a log here can read it there. Safe to use from many threads.
/// </summary>
public sealed class LogServers : IAsyncDisposable
{
    private const int ServersMax = 16;

    private readonly LogSpace _logs;
    private readonly Lock _gate = new();
    private readonly List<LogTcp> _servers = [];
    private bool _isStopped;

    internal LogServers(LogSpace logs)
    {
        _logs = logs;
        logs.Dialler = LogTcp.DialAsync;
    }

    /// <summary>Where it listens now.</summary>
    public IReadOnlyList<string> Addresses
    {
        get
        {
            lock (_gate)
            {
                return [.. _servers.Select(server => server.EndPoint.ToString())];
            }
        }
    }

    /// <summary>Begins to listen.</summary>
    /// <param name="address">An IP address and a port, such as "127.0.0.1:8767"; port 0 takes a free one.</param>
    /// <returns>The address with the real port.</returns>
    /// <exception cref="WeftException">AddressInvalid, PortTaken, TooManyRequests beyond 16 addresses.</exception>
    public string Listen(string address)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isStopped, this);
            if (_servers.Count >= ServersMax)
            {
                throw new WeftException(
                    WeftError.TooManyRequests, $"Logs are served at {ServersMax} addresses already.");
            }

            try
            {
                LogTcp server = LogTcp.Listen(
                    address, (stream, name, stop) => _logs.ReplicateAsync(stream, name, isInitiator: false, stop));
                _servers.Add(server);
                return server.EndPoint.ToString();
            }
            catch (FormatException wrong)
            {
                throw new WeftException(WeftError.AddressInvalid, wrong.Message, wrong);
            }
            catch (IOException taken)
            {
                throw new WeftException(
                    WeftError.PortTaken, $"'{address}' cannot be listened on: {taken.Message}", taken);
            }
        }
    }

    /// <summary>Stops to listen at an address, and hangs up there.</summary>
    /// <returns>False when it is none of <see cref="Addresses"/>.</returns>
    public async ValueTask<bool> StopAsync(string address)
    {
        LogTcp? server;
        lock (_gate)
        {
            server = _servers.Find(one => one.EndPoint.ToString() == address);
            if (server is null)
            {
                return false;
            }

            _servers.Remove(server);
        }

        await server.DisposeAsync().ConfigureAwait(false);
        return true;
    }

    /// <summary>Stops everywhere.</summary>
    public async ValueTask DisposeAsync()
    {
        LogTcp[] servers;
        lock (_gate)
        {
            _isStopped = true;
            servers = [.. _servers];
            _servers.Clear();
        }

        foreach (LogTcp server in servers)
        {
            await server.DisposeAsync().ConfigureAwait(false);
        }
    }
}
