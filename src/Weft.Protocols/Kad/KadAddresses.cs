using System.Buffers.Binary;
using Weft.Protocols.Peers;

namespace Weft.Protocols.Kad;

/// <summary>Which addresses are handed on, and to which network they belong.</summary>
internal static class KadAddresses
{
    /// <summary>
    /// The public network of the first public address: 16 bits of IPv4, 32 of IPv6; null when none is public.
    /// </summary>
    internal static ulong? SubnetOf(IReadOnlyList<Multiaddr> addresses)
    {
        for (int i = 0; i < addresses.Count; i++)
        {
            MultiaddrPart part = addresses[i].Parts[0];
            ReadOnlySpan<byte> ip = part.Value.Span;
            if (part.Code == MultiaddrCode.Ip4 && !IsPrivate4(ip))
            {
                return BinaryPrimitives.ReadUInt16BigEndian(ip);
            }

            if (part.Code == MultiaddrCode.Ip6 && !IsPrivate6(ip))
            {
                return (1UL << 32) | BinaryPrimitives.ReadUInt32BigEndian(ip);
            }
        }

        return null;
    }

    /// <summary>The addresses that may be handed on; the same list when all may.</summary>
    internal static IReadOnlyList<Multiaddr> Shareable(IReadOnlyList<Multiaddr> addresses, bool keepsLoopback)
    {
        if (keepsLoopback || !addresses.Any(IsLoopback))
        {
            return addresses;
        }

        return [.. addresses.Where(address => !IsLoopback(address))];
    }

    private static bool IsLoopback(Multiaddr address)
    {
        MultiaddrPart part = address.Parts[0];
        ReadOnlySpan<byte> ip = part.Value.Span;
        return part.Code switch
        {
            MultiaddrCode.Ip4 => ip[0] is 127 or 0,
            MultiaddrCode.Ip6 => !ip[..15].ContainsAnyExcept((byte)0) && ip[15] <= 1,
            _ => false,
        };
    }

    private static bool IsPrivate4(ReadOnlySpan<byte> ip) =>
        ip[0] is 10 or 127 or 0 || (ip[0] == 172 && (ip[1] & 0xF0) == 16) || (ip[0] == 192 && ip[1] == 168)
        || (ip[0] == 169 && ip[1] == 254) || (ip[0] == 100 && (ip[1] & 0xC0) == 64);

    private static bool IsPrivate6(ReadOnlySpan<byte> ip) =>
        (ip[0] & 0xFE) == 0xFC || (ip[0] == 0xFE && (ip[1] & 0xC0) == 0x80) || !ip[..8].ContainsAnyExcept((byte)0);
}
