using System.Buffers.Binary;
using Weft.Protocols.Peers;

namespace Weft.Protocols.Relay;

/// <summary>
/// The part of an address that costs something to have many of: an IPv4 address, or the first 64 bits of an IPv6 one.
/// The
/// default value is none: the address of another kind.
/// </summary>
public readonly record struct NetworkRange
{
    private readonly byte _family;
    private readonly ulong _bits;

    private NetworkRange(byte family, ulong bits) => (_family, _bits) = (family, bits);

    /// <summary>True when nothing is known.</summary>
    public bool IsNone => _family == 0;

    /// <summary>The range of an address, by its first part.</summary>
    public static NetworkRange Of(Multiaddr address)
    {
        ArgumentNullException.ThrowIfNull(address);
        ReadOnlySpan<byte> ip = address.Parts[0].Value.Span;
        return address.Parts[0].Code switch
        {
            MultiaddrCode.Ip4 => new(4, BinaryPrimitives.ReadUInt32BigEndian(ip)),
            MultiaddrCode.Ip6 => new(6, BinaryPrimitives.ReadUInt64BigEndian(ip)),
            _ => default,
        };
    }
}
