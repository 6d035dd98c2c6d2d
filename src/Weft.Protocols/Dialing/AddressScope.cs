using System.Buffers.Binary;
using Weft.Protocols.Peers;

namespace Weft.Protocols.Dialing;

/// <summary>From where an address can be reached. The order is that of the distance.</summary>
public enum AddressScope
{
    /// <summary>From nowhere: wildcards, multicast, ranges kept for documents, port 0, forms nobody dials.</summary>
    None = 0,

    /// <summary>Within one process.</summary>
    Process,

    /// <summary>Within one machine.</summary>
    Loopback,

    /// <summary>On one wire.</summary>
    Link,

    /// <summary>In one organisation's or household's network.</summary>
    Private,

    /// <summary>From everywhere; also a name, until it is resolved.</summary>
    Public,
}

/// <summary>Finds an address's scope.</summary>
/// <remarks>
/// IPv4 written within IPv6 (mapped, 6to4, NAT64) counts as what it stands for: another spelling opens no other door.
/// Source: IANA special-purpose address registries (RFC 6890); RFC 3056; RFC 6052.
/// </remarks>
public static class AddressScopes
{
    /// <summary>The scope of an address; of one through a relay, that of the way to the relay.</summary>
    public static AddressScope Of(Multiaddr address)
    {
        ArgumentNullException.ThrowIfNull(address);
        int at = address.Parts[0].Code == MultiaddrCode.Ip6Zone ? 1 : 0;
        if (at == address.Parts.Count)
        {
            return AddressScope.None;
        }

        MultiaddrPart first = address.Parts[at];
        switch (first.Code)
        {
            case MultiaddrCode.Memory:
                return AddressScope.Process;
            case MultiaddrCode.DnsAddr:
                return ScopeOfName(first.Value.Span);
            case MultiaddrCode.P2p: // A relay by its name alone.
                return address.TryFind(MultiaddrCode.Circuit, out _) ? AddressScope.Public : AddressScope.None;
            case MultiaddrCode.Ip4 or MultiaddrCode.Ip6 or MultiaddrCode.Dns or MultiaddrCode.Dns4 or MultiaddrCode.Dns6:
                bool hasPort = address.Parts.Count > at + 1
                    && address.Parts[at + 1] is { Code: MultiaddrCode.Tcp or MultiaddrCode.Udp } port
                    && BinaryPrimitives.ReadUInt16BigEndian(port.Value.Span) != 0;
                return !hasPort ? AddressScope.None
                    : first.Code is MultiaddrCode.Ip4 or MultiaddrCode.Ip6 ? OfIp(first.Value.Span)
                    : ScopeOfName(first.Value.Span);
            default:
                return AddressScope.None;
        }
    }

    /// <summary>The scope of an IP address.</summary>
    /// <param name="ip">4 or 16 bytes.</param>
    public static AddressScope OfIp(ReadOnlySpan<byte> ip) => ip.Length == 4 ? Of4(ip) : Of6(ip);

    private static AddressScope Of4(ReadOnlySpan<byte> ip) => (ip[0], ip[1], ip[2]) switch
    {
        (0, _, _) or ( >= 224, _, _) => AddressScope.None,
        (192, 0, 0) or (192, 0, 2) or (198, 51, 100) or (203, 0, 113) => AddressScope.None,
        (127, _, _) => AddressScope.Loopback,
        (169, 254, _) => AddressScope.Link,
        (10, _, _) or (192, 168, _) or (172, >= 16 and <= 31, _) => AddressScope.Private,
        (100, >= 64 and <= 127, _) or (198, 18 or 19, _) => AddressScope.Private,
        _ => AddressScope.Public,
    };

    private static AddressScope Of6(ReadOnlySpan<byte> ip)
    {
        ReadOnlySpan<byte> zeros = stackalloc byte[15];
        if (ip[..10].SequenceEqual(zeros[..10]) && ip[10] == 0xFF && ip[11] == 0xFF)
        {
            return Of4(ip[12..]);
        }

        if (ip[..15].SequenceEqual(zeros))
        {
            return ip[15] == 1 ? AddressScope.Loopback : AddressScope.None;
        }

        ushort head = BinaryPrimitives.ReadUInt16BigEndian(ip);
        ushort next = BinaryPrimitives.ReadUInt16BigEndian(ip[2..]);
        return (head, next) switch
        {
            (0x2002, _) => Of4(ip[2..6]),
            (0x0064, 0xFF9B) => Of4(ip[12..]),
            (0x2001, 0x0DB8) => AddressScope.None,
            ( >= 0xFE80 and <= 0xFEBF, _) => AddressScope.Link,
            ( >= 0xFC00 and <= 0xFDFF, _) => AddressScope.Private,
            ( >= 0x2000 and <= 0x3FFF, _) => AddressScope.Public,
            _ => AddressScope.None,
        };
    }

    private static AddressScope ScopeOfName(ReadOnlySpan<byte> name)
    {
        ReadOnlySpan<byte> bare = name.EndsWith("."u8) ? name[..^1] : name;
        return System.Text.Ascii.EqualsIgnoreCase(bare, "localhost"u8) || EndsWith(bare, ".localhost"u8)
            ? AddressScope.Loopback
            : EndsWith(bare, ".local"u8) ? AddressScope.Link : AddressScope.Public;
    }

    private static bool EndsWith(ReadOnlySpan<byte> name, ReadOnlySpan<byte> tail) =>
        name.Length > tail.Length && System.Text.Ascii.EqualsIgnoreCase(name[^tail.Length..], tail);
}
