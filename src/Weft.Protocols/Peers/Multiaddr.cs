using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using Weft.Primitives;

namespace Weft.Protocols.Peers;

/// <summary>One part of a multiaddr.</summary>
/// <param name="Code">Which.</param>
/// <param name="Value">Its value, without a length; empty when it has none.</param>
public readonly record struct MultiaddrPart(MultiaddrCode Code, ReadOnlyMemory<byte> Value);

/// <summary>
/// An address of a peer, from the outside in: "/ip4/192.0.2.1/tcp/4001/p2p/12D3…". Immutable, compared by its bytes,
/// which are canonical: one address has one encoding and one text.
/// </summary>
/// <remarks>
/// Parts that Weft does not know cannot be stepped over (their length is unknown), so such an address is refused whole.
/// Source: libp2p specs, addressing/README.md; multiformats, multiaddr.
/// </remarks>
public sealed class Multiaddr : IEquatable<Multiaddr>
{
    /// <summary>Bytes of the longest address that is taken.</summary>
    public const int BytesMax = 1_024;

    /// <summary>Characters of the longest text that is taken.</summary>
    public const int TextMax = 2_048;

    /// <summary>Parts an address may have.</summary>
    public const int PartsMax = 20;

    private readonly byte[] _bytes;
    private readonly MultiaddrPart[] _parts;
    private string? _text;

    private Multiaddr(byte[] bytes, MultiaddrPart[] parts) => (_bytes, _parts) = (bytes, parts);

    /// <summary>The binary form.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes;

    /// <summary>The parts, the outermost first; at least one.</summary>
    public IReadOnlyList<MultiaddrPart> Parts => _parts;

    /// <summary>The peer the address leads to: its last part, where that is a peer id. Empty otherwise.</summary>
    public PeerId Peer =>
        _parts[^1].Code == MultiaddrCode.P2p && PeerId.TryRead(_parts[^1].Value.Span, out PeerId peer) ? peer : default;

    /// <summary>Reads the binary form.</summary>
    /// <returns>False when it is empty, too long, malformed, or has a part Weft does not know.</returns>
    public static bool TryRead(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out Multiaddr? address)
    {
        address = null;
        if (bytes.IsEmpty || bytes.Length > BytesMax)
        {
            return false;
        }

        byte[] kept = bytes.ToArray();
        var parts = new List<MultiaddrPart>(4);
        for (int at = 0; at < kept.Length;)
        {
            if (parts.Count == PartsMax || !TryReadPart(kept, ref at, out MultiaddrPart part))
            {
                return false;
            }

            parts.Add(part);
        }

        address = new(kept, [.. parts]);
        return true;
    }

    /// <summary>Reads the text; one slash at the end, and "/ipfs/" for "/p2p/", are forgiven.</summary>
    /// <returns>False when it is no address, or has a part Weft does not know.</returns>
    public static bool TryParse(ReadOnlySpan<char> text, [NotNullWhen(true)] out Multiaddr? address)
    {
        address = null;
        if (text.Length is < 2 or > TextMax || text[0] != '/' || text.EndsWith("//"))
        {
            return false;
        }

        ReadOnlySpan<char> rest = text[^1] == '/' ? text[1..^1] : text[1..];
        var target = new ArrayBufferWriter<byte>(64);
        while (!rest.IsEmpty)
        {
            if (!MultiaddrProtocol.TryFind(NextWord(ref rest, out _), out MultiaddrProtocol protocol))
            {
                return false;
            }

            bool hasValue = true;
            ReadOnlySpan<char> value = protocol.Size == 0 ? [] : NextWord(ref rest, out hasValue);
            if (!hasValue || !MultiaddrText.TryWrite(protocol, value, target) || target.WrittenCount > BytesMax)
            {
                return false;
            }
        }

        return TryRead(target.WrittenSpan, out address);
    }

    /// <summary>Reads a text that a person wrote.</summary>
    /// <exception cref="FormatException">It is no address, or has a part Weft does not know.</exception>
    public static Multiaddr Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return TryParse(text, out Multiaddr? address) ? address : throw new FormatException("The text is no multiaddr.");
    }

    /// <summary>The address of a TCP port.</summary>
    /// <param name="ip">4 or 16 bytes.</param>
    /// <param name="port">0 to 65,535.</param>
    /// <exception cref="ArgumentException">Another number of bytes.</exception>
    public static Multiaddr OfTcp(ReadOnlySpan<byte> ip, int port)
    {
        if (ip.Length is not (4 or 16))
        {
            throw new ArgumentException("An IP address has 4 or 16 bytes.", nameof(ip));
        }

        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)port, ushort.MaxValue, nameof(port));
        byte[] bytes =
        [
            (byte)(ip.Length == 4 ? MultiaddrCode.Ip4 : MultiaddrCode.Ip6), .. ip,
            (byte)MultiaddrCode.Tcp, (byte)(port >> 8), (byte)port,
        ];
        return TryRead(bytes, out Multiaddr? address)
            ? address
            : throw new InvalidOperationException("Unreachable: it is an address.");
    }

    /// <summary>The first part of this kind.</summary>
    /// <returns>False when there is none.</returns>
    public bool TryFind(MultiaddrCode code, out MultiaddrPart part)
    {
        foreach (MultiaddrPart one in _parts)
        {
            if (one.Code == code)
            {
                part = one;
                return true;
            }
        }

        part = default;
        return false;
    }

    /// <summary>The port of the first part of this kind, or -1.</summary>
    public int PortOf(MultiaddrCode code) =>
        TryFind(code, out MultiaddrPart part) && part.Value.Length == 2
            ? BinaryPrimitives.ReadUInt16BigEndian(part.Value.Span)
            : -1;

    /// <summary>True when the parts are exactly of these kinds, a peer id at the end not counted.</summary>
    public bool IsOf(params ReadOnlySpan<MultiaddrCode> codes)
    {
        int count = Peer.IsEmpty ? _parts.Length : _parts.Length - 1;
        if (count != codes.Length)
        {
            return false;
        }

        for (int i = 0; i < count; i++)
        {
            if (_parts[i].Code != codes[i])
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The address with this peer at its end, in place of any other that stood there.</summary>
    public Multiaddr WithPeer(PeerId peer)
    {
        ArgumentOutOfRangeException.ThrowIfEqual(peer.IsEmpty, true, nameof(peer));
        Span<byte> head = stackalloc byte[Uvarint.BytesMax + 1];
        int length = Uvarint.Write(head, (ulong)MultiaddrCode.P2p);
        length += Uvarint.Write(head[length..], (ulong)peer.Span.Length);
        byte[] bytes = [.. WithoutPeerBytes(), .. head[..length], .. peer.Span];
        return TryRead(bytes, out Multiaddr? address)
            ? address
            : throw new InvalidOperationException("The address has no room for a peer id.");
    }

    /// <summary>The address without the peer at its end; null when nothing else is in it.</summary>
    public Multiaddr? WithoutPeer() =>
        Peer.IsEmpty ? this : TryRead(WithoutPeerBytes(), out Multiaddr? address) ? address : null;

    /// <summary>The text.</summary>
    public override string ToString()
    {
        if (_text is null)
        {
            var text = new StringBuilder();
            foreach (MultiaddrPart part in _parts)
            {
                MultiaddrText.Append(part, text);
            }

            _text = text.ToString();
        }

        return _text;
    }

    /// <inheritdoc/>
    public bool Equals(Multiaddr? other) => other is not null && Bytes.SequenceEqual(other.Bytes);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Multiaddr);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.AddBytes(_bytes);
        return hash.ToHashCode();
    }

    private ReadOnlySpan<byte> WithoutPeerBytes()
    {
        if (Peer.IsEmpty)
        {
            return _bytes;
        }

        // Code, length (both varints: 421 takes two bytes, a peer id is shorter than 128), value.
        int tail = Uvarint.Length((ulong)MultiaddrCode.P2p) + 1 + _parts[^1].Value.Length;
        return _bytes.AsSpan(0, _bytes.Length - tail);
    }

    private static ReadOnlySpan<char> NextWord(ref ReadOnlySpan<char> rest, out bool hasOne)
    {
        hasOne = !rest.IsEmpty;
        int end = rest.IndexOf('/');
        ReadOnlySpan<char> word = end < 0 ? rest : rest[..end];
        rest = end < 0 ? [] : rest[(end + 1)..];
        return word;
    }

    private static bool TryReadPart(byte[] bytes, ref int at, out MultiaddrPart part)
    {
        part = default;
        if (Uvarint.Read(bytes.AsSpan(at), out ulong code, out int used) != OperationStatus.Done
            || !MultiaddrProtocol.TryFind(code, out MultiaddrProtocol protocol))
        {
            return false;
        }

        at += used;
        ulong length = (ulong)Math.Max(0, protocol.Size);
        if (protocol.Size < 0)
        {
            if (Uvarint.Read(bytes.AsSpan(at), out length, out used) != OperationStatus.Done)
            {
                return false;
            }

            at += used;
        }

        if (length > (ulong)(bytes.Length - at)
            || !MultiaddrText.IsValue(protocol, bytes.AsSpan(at, (int)length)))
        {
            return false;
        }

        part = new(protocol.Code, bytes.AsMemory(at, (int)length));
        at += (int)length;
        return true;
    }
}
