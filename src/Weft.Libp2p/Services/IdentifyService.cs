using System.Buffers;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using Weft.Crypto;
using Weft.Libp2p.Connections;
using Weft.Libp2p.Streams;
using Weft.Protocols.Dialing;
using Weft.Protocols.Identify;
using Weft.Protocols.Peers;

namespace Weft.Libp2p.Services;

/// <summary>Says who this peer is, asks others, and tells of changes.</summary>
internal sealed class IdentifyService(Libp2pHost host, Ed25519KeyPair key, Libp2pOptions options)
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);
    private static readonly StreamRules EvenLimited = new() { AllowsLimited = true };

    private readonly ILogger _log = options.Loggers.CreateLogger<IdentifyService>();
    private bool _isRegistered;
    private readonly Lock _gate = new();
    private Multiaddr[] _recorded = []; // Signed once for each change of the addresses.
    private byte[]? _record;
    private ulong _sequence;

    internal void Register()
    {
        host.Handle(IdentifyMessage.Protocol, AnswerAsync, EvenLimited);
        host.Handle(IdentifyMessage.PushProtocol, TakePushAsync, EvenLimited);
        _isRegistered = true;
    }

    internal ReadOnlyMemory<byte> SignedRecord => Record(Own());

    internal void OnConnected(PeerConnection connection) => _ = AskAsync(connection);

    /// <summary>Protocols or addresses have changed: connected peers are told.</summary>
    internal void OnChanged()
    {
        if (!_isRegistered)
        {
            return;
        }

        foreach (PeerConnection connection in host.Connections)
        {
            if (connection.Identity?.Protocols.Contains(IdentifyMessage.PushProtocol) == true)
            {
                _ = PushAsync(connection);
            }
        }
    }

    private async Task AnswerAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        await stream.WriteAsync(Describe(stream.Connection), cancellationToken).ConfigureAwait(false);
    }

    private async Task TakePushAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        using CancellationTokenSource deadline = host.Deadline(Timeout, cancellationToken);
        if (await ReadAsync(stream, deadline.Token).ConfigureAwait(false) is { } message)
        {
            Take(stream.Connection, message);
        }
    }

    private async Task AskAsync(PeerConnection connection)
    {
        connection.Enter(ConnectionPhase.Sync);
        try
        {
            using CancellationTokenSource deadline = host.Deadline(Timeout, connection.Closing);
            (PeerStream? stream, Exception? failure) = await host
                .TryOpenStreamAsync(connection, [IdentifyMessage.Protocol], EvenLimited, deadline.Token).ConfigureAwait(false);
            if (stream is null)
            {
                Libp2pLog.IdentifyFailed(_log, connection.Remote, failure!.Message);
                return;
            }

            await using ConfiguredAsyncDisposable closing = stream.ConfigureAwait(false);
            if (await ReadAsync(stream, deadline.Token).ConfigureAwait(false) is { } message)
            {
                Take(connection, message);
            }
        }
        catch (Exception error) when (
            error is IOException or OperationCanceledException or Libp2pException or ObjectDisposedException)
        {
            Libp2pLog.IdentifyFailed(_log, connection.Remote, error.Message);
        }
        finally
        {
            connection.OnLife(isIdentified: true); // A peer that does not tell is used as it is.
        }
    }

    private async Task PushAsync(PeerConnection connection)
    {
        try
        {
            using CancellationTokenSource deadline = host.Deadline(Timeout, connection.Closing);
            PeerStream stream = await host
                .OpenStreamAsync(connection, [IdentifyMessage.PushProtocol], EvenLimited, deadline.Token).ConfigureAwait(false);
            await using ConfiguredAsyncDisposable closing = stream.ConfigureAwait(false);
            await stream.WriteAsync(Describe(connection), deadline.Token).ConfigureAwait(false);
        }
        catch (Exception error) when (
            error is IOException or OperationCanceledException or Libp2pException or ObjectDisposedException)
        {
            Libp2pLog.IdentifyFailed(_log, connection.Remote, error.Message);
        }
    }

    /// <summary>A key that is not the one of the handshake is a lie: the whole message is dropped.</summary>
    private void Take(PeerConnection connection, IdentifyMessage message)
    {
        if (message.Key is { } claimed && !claimed.Equals(connection.RemoteKey))
        {
            Libp2pLog.IdentifyFailed(_log, connection.Remote, "it names another key than it has");
            return;
        }

        connection.SetIdentity(message);
        Keep(connection, message);
        host.Post(new(PeerEventKind.Identified, connection.Remote, connection, Identity: message));
    }

    /// <summary>A signed record counts for more than the same addresses without a signature.</summary>
    private void Keep(PeerConnection connection, IdentifyMessage message)
    {
        if (!message.SignedRecord.IsEmpty && PeerRecord.TryOpen(message.SignedRecord.Span, options.Crypto, out PeerRecord? record)
            && record.Peer == connection.Remote)
        {
            host.Book.AddSigned(record, connection);
        }
        else
        {
            host.Book.Add(connection.Remote, message.ListenAddresses, PeerSource.Identify, connection);
        }
    }

    private ReadOnlyMemory<byte> Describe(PeerConnection connection)
    {
        Multiaddr[] addresses = Own();
        byte[] record = Record(addresses);
        var output = new ArrayBufferWriter<byte>(512);
        IdentifyCodec.Write(
            new()
            {
                AgentVersion = options.AgentVersion,
                ProtocolVersion = options.ProtocolVersion,
                Key = PeerPublicKey.FromEd25519(key.PublicKey),
                ListenAddresses = addresses,
                Protocols = host.Protocols,
                ObservedAddress = connection.RemoteAddress,
                SignedRecord = record,
            },
            output);
        return output.WrittenMemory;
    }

    private Multiaddr[] Own() => [.. host.Addresses.Select(address => address.WithoutPeer()!)];

    private byte[] Record(Multiaddr[] addresses)
    {
        lock (_gate)
        {
            if (_record is null || !_recorded.AsSpan().SequenceEqual(addresses))
            {
                _sequence = Math.Max(_sequence + 1, (ulong)options.Time.GetUtcNow().ToUnixTimeMilliseconds());
                _record = new PeerRecord(host.Id, _sequence, addresses).Seal(key, options.Crypto);
                _recorded = addresses;
            }

            return _record;
        }
    }

    private static async Task<IdentifyMessage?> ReadAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        var reader = new IdentifyReader();
        byte[] buffer = ArrayPool<byte>.Shared.Rent(IdentifyReader.MessageBytesMax + 16);
        int held = 0;
        try
        {
            while (true)
            {
                int read = await stream.ReadAsync(buffer.AsMemory(held), cancellationToken).ConfigureAwait(false);
                if (read == 0)
                {
                    return held == 0 ? reader.Build() : null; // A message that breaks off counts for nothing.
                }

                held += read;
                if (!reader.TryRead(buffer.AsSpan(0, held), out int taken))
                {
                    stream.Abort();
                    return null;
                }

                buffer.AsSpan(taken, held - taken).CopyTo(buffer);
                held -= taken;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
