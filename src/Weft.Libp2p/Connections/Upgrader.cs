using System.Buffers;
using System.Buffers.Binary;
using Weft.Crypto;
using Weft.Libp2p.Transport;
using Weft.Primitives;
using Weft.Protocols.Multistream;
using Weft.Protocols.Noise;

namespace Weft.Libp2p.Connections;

/// <summary>
/// Makes a peer's connection of a transport's: agrees on Noise or another protection, does the handshake, agrees on Yamux.
/// </summary>
internal sealed class Upgrader(
    ICrypto crypto, NoiseIdentity identity, PeerId self, bool usesNoise, IReadOnlyList<ISecurity> others)
{
    internal const string Noise = "/noise";
    internal const string Yamux = "/yamux/1.0.0";

    private const int BufferLength = 8_192; // Two messages of a handshake.

    private readonly string[] _protections = [.. usesNoise ? [Noise] : Array.Empty<string>(), .. others.Select(one => one.Protocol)];

    /// <summary>Upgrades.</summary>
    /// <param name="transport">The connection; the caller aborts it when this fails.</param>
    /// <param name="isInbound">Who opened it.</param>
    /// <param name="expected">The peer that was dialled; empty takes anyone.</param>
    /// <param name="cancellationToken">Gives up: the deadline of the handshake.</param>
    /// <exception cref="Libp2pException">The other side is another peer, or speaks something else.</exception>
    /// <exception cref="IOException">The connection broke.</exception>
    internal async Task<UpgradedConnection> UpgradeAsync(
        ITransportConnection transport, bool isInbound, PeerId expected, CancellationToken cancellationToken)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferLength);
        try
        {
            var pump = new Pump(transport, buffer, cancellationToken);
            if (others.Count == 0)
            {
                using NoiseSessionCore session = NewSession(isInbound, expected);
                await AgreeAsync(pump, isInbound, session).ConfigureAwait(false);
                return await SecureByNoiseAsync(pump, session, isInbound).ConfigureAwait(false);
            }

            string protection = await AgreeAsync(pump, isInbound, early: null).ConfigureAwait(false);
            if (protection == Noise)
            {
                using NoiseSessionCore session = NewSession(isInbound, expected);
                session.Start(pump.Output);
                await pump.FlushAsync().ConfigureAwait(false);
                return await SecureByNoiseAsync(pump, session, isInbound).ConfigureAwait(false);
            }

            return await SecureByOtherAsync(pump, protection, isInbound, expected, cancellationToken)
                .ConfigureAwait(false);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static async Task<UpgradedConnection> SecureByNoiseAsync(Pump pump, NoiseSessionCore session, bool isInbound)
    {
        while (session.State == NoiseSessionState.Running)
        {
            pump.Take(session.OnBytes(pump.Held.Span, pump.Output));
            await pump.FlushAsync().ConfigureAwait(false);
            if (session.State == NoiseSessionState.Running)
            {
                await pump.FillAsync().ConfigureAwait(false);
            }
        }

        if (session.State == NoiseSessionState.Failed)
        {
            throw Failed(session.Failure, pump.Transport);
        }

        (NoiseCipher send, NoiseCipher receive) = session.Split();
        byte[] plain = session.Muxer is not null
            ? []
            : await AgreeOnMuxerAsync(pump, send, receive, isInbound).ConfigureAwait(false);
        return new(
            pump.Transport, send, receive, session.RemotePeer, session.RemoteKey!, isInbound, pump.Held.ToArray(), plain);
    }

    private async Task<UpgradedConnection> SecureByOtherAsync(
        Pump pump, string protection, bool isInbound, PeerId expected, CancellationToken cancellationToken)
    {
        ITransportConnection raw = pump.Held.IsEmpty
            ? pump.Transport
            : new PrefixedConnection(pump.Transport, pump.Held.ToArray());
        pump.Take(pump.Held.Length);
        SecuredConnection secured = await others.First(one => one.Protocol == protection)
            .SecureAsync(raw, isInbound, expected, cancellationToken).ConfigureAwait(false);
        PeerId remote = secured.RemoteKey.ToPeerId(crypto);
        if (remote == self || (!expected.IsEmpty && remote != expected))
        {
            secured.Connection.Abort();
            throw Failed(remote == self ? NoiseFailure.Self : NoiseFailure.WrongPeer, pump.Transport);
        }

        Pump plain = pump.Over(secured.Connection);
        if (secured.Muxer != Yamux)
        {
            MultistreamCore negotiation = isInbound
                ? MultistreamCore.Listen(static name => name == Yamux)
                : MultistreamCore.Dial([Yamux], plain.Output);
            await plain.FlushAsync().ConfigureAwait(false);
            await NegotiateAsync(plain, negotiation).ConfigureAwait(false);
            Check(negotiation, Yamux, pump.Transport);
        }

        return new(
            secured.Connection, null, null, remote, secured.RemoteKey, isInbound, plain.Held.ToArray(),
            ReadOnlyMemory<byte>.Empty);
    }

    private NoiseSessionCore NewSession(bool isInbound, PeerId expected)
    {
        Span<byte> ephemeral = stackalloc byte[32];
        KeyGenerator.Fill(ephemeral);
        var session = new NoiseSessionCore(crypto, identity, self, !isInbound, ephemeral, expected);
        ephemeral.Clear();
        return session;
    }

    /// <summary>
    /// Where Noise is all there is, the dialler sends header, proposal and its first message at once, which saves a
    /// round trip.
    /// </summary>
    private async Task<string> AgreeAsync(Pump pump, bool isInbound, NoiseSessionCore? early)
    {
        MultistreamCore negotiation = isInbound
            ? MultistreamCore.Listen(_protections.Contains)
            : MultistreamCore.Dial(_protections, pump.Output);
        early?.Start(pump.Output);
        await pump.FlushAsync().ConfigureAwait(false);
        await NegotiateAsync(pump, negotiation).ConfigureAwait(false);
        Check(negotiation, string.Join(" or ", _protections), pump.Transport);
        return negotiation.Protocol!;
    }

    private static async Task NegotiateAsync(Pump pump, MultistreamCore negotiation)
    {
        while (negotiation.State == MultistreamState.Running)
        {
            await pump.FillAsync().ConfigureAwait(false);
            pump.Take(negotiation.OnBytes(pump.Held.Span, pump.Output));
            await pump.FlushAsync().ConfigureAwait(false);
        }
    }

    /// <summary>The old way, for peers that do not name their muxers in the handshake.</summary>
    /// <returns>Opened bytes that already belong to the muxer.</returns>
    private static async Task<byte[]> AgreeOnMuxerAsync(
        Pump pump, NoiseCipher send, NoiseCipher receive, bool isInbound)
    {
        var output = new ArrayBufferWriter<byte>();
        var plain = new List<byte>();
        MultistreamCore negotiation = isInbound
            ? MultistreamCore.Listen(static name => name == Yamux)
            : MultistreamCore.Dial([Yamux], output);
        while (true)
        {
            if (output.WrittenCount > 0)
            {
                Seal(output.WrittenSpan, send, pump.Output);
                output.ResetWrittenCount();
                await pump.FlushAsync().ConfigureAwait(false);
            }

            if (negotiation.State != MultistreamState.Running)
            {
                Check(negotiation, Yamux, pump.Transport);
                return [.. plain];
            }

            if (!TryOpen(pump, receive, plain))
            {
                await pump.FillAsync().ConfigureAwait(false);
                continue;
            }

            plain.RemoveRange(0, negotiation.OnBytes([.. plain], output));
        }
    }

    private static void Seal(ReadOnlySpan<byte> plain, NoiseCipher send, IBufferWriter<byte> target)
    {
        int length = plain.Length + NoiseCipher.TagLength;
        Span<byte> frame = target.GetSpan(NoiseSessionCore.PrefixLength + length);
        BinaryPrimitives.WriteUInt16BigEndian(frame, (ushort)length);
        send.Seal(plain, [], frame.Slice(NoiseSessionCore.PrefixLength, length));
        target.Advance(NoiseSessionCore.PrefixLength + length);
    }

    private static bool TryOpen(Pump pump, NoiseCipher receive, List<byte> plain)
    {
        ReadOnlySpan<byte> held = pump.Held.Span;
        int length = held.Length < NoiseSessionCore.PrefixLength ? 0 : BinaryPrimitives.ReadUInt16BigEndian(held);
        if (length == 0 || held.Length < NoiseSessionCore.PrefixLength + length)
        {
            return false;
        }

        byte[] opened = new byte[Math.Max(0, length - NoiseCipher.TagLength)];
        if (!receive.TryOpen(held.Slice(NoiseSessionCore.PrefixLength, length), [], opened))
        {
            throw new Libp2pException(
                WeftError.HandshakeFailed, $"The first message of {pump.Transport.RemoteAddress} does not open.");
        }

        plain.AddRange(opened);
        pump.Take(NoiseSessionCore.PrefixLength + length);
        return true;
    }

    private static void Check(MultistreamCore negotiation, string protocol, ITransportConnection transport)
    {
        if (negotiation.State != MultistreamState.Agreed)
        {
            throw new Libp2pException(
                WeftError.ProtocolUnsupported,
                $"{transport.RemoteAddress} does not speak {protocol}. The connection was closed.");
        }
    }

    private static Libp2pException Failed(NoiseFailure failure, ITransportConnection transport) =>
        failure is NoiseFailure.WrongPeer or NoiseFailure.Self
            ? new(WeftError.PeerWrong, failure == NoiseFailure.Self
                ? $"{transport.RemoteAddress} leads to this node itself. The connection was closed."
                : $"Another peer answers at {transport.RemoteAddress} than was dialled. The connection was closed.")
            : new(
                WeftError.HandshakeFailed,
                $"The handshake with {transport.RemoteAddress} failed: {failure}. The connection was closed.");

    /// <summary>Bytes that came and were not taken, and bytes to be sent.</summary>
    private sealed class Pump(ITransportConnection transport, byte[] buffer, CancellationToken cancellationToken)
    {
        private int _end;

        internal ITransportConnection Transport => transport;

        /// <summary>Goes on over what protects the connection now; the buffer is the same.</summary>
        internal Pump Over(ITransportConnection secured) => new(secured, buffer, cancellationToken);

        internal ArrayBufferWriter<byte> Output { get; } = new();

        internal ReadOnlyMemory<byte> Held => buffer.AsMemory(0, _end);

        internal void Take(int count)
        {
            buffer.AsSpan(count, _end - count).CopyTo(buffer);
            _end -= count;
        }

        internal async ValueTask FillAsync()
        {
            int room = BufferLength - _end;
            int read = room == 0
                ? 0
                : await transport.ReadAsync(buffer.AsMemory(_end, room), cancellationToken).ConfigureAwait(false);
            if (read == 0)
            {
                throw new IOException("The other side closed the connection, or sent too much, during the handshake.");
            }

            _end += read;
        }

        internal async ValueTask FlushAsync()
        {
            if (Output.WrittenCount > 0)
            {
                await transport.WriteAsync(Output.WrittenMemory, cancellationToken).ConfigureAwait(false);
                Output.ResetWrittenCount();
            }
        }
    }
}
