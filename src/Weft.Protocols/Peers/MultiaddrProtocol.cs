namespace Weft.Protocols.Peers;

/// <summary>The parts a multiaddr may be made of, by their numbers in the table of multicodecs.</summary>
public enum MultiaddrCode
{
    /// <summary>No part.</summary>
    None = 0,

    /// <summary>An IPv4 address: 4 bytes.</summary>
    Ip4 = 4,

    /// <summary>A TCP port: 2 bytes.</summary>
    Tcp = 6,

    /// <summary>An IPv6 address: 16 bytes.</summary>
    Ip6 = 41,

    /// <summary>The zone of the IPv6 address that follows.</summary>
    Ip6Zone = 42,

    /// <summary>A name with addresses of either kind.</summary>
    Dns = 53,

    /// <summary>A name with IPv4 addresses.</summary>
    Dns4 = 54,

    /// <summary>A name with IPv6 addresses.</summary>
    Dns6 = 55,

    /// <summary>A name whose TXT records are multiaddrs.</summary>
    DnsAddr = 56,

    /// <summary>A UDP port: 2 bytes.</summary>
    Udp = 273,

    /// <summary>WebRTC without a signalling server.</summary>
    WebRtcDirect = 280,

    /// <summary>WebRTC between browsers.</summary>
    WebRtc = 281,

    /// <summary>Through the relay named before it.</summary>
    Circuit = 290,

    /// <summary>A peer id.</summary>
    P2p = 421,

    /// <summary>HTTPS.</summary>
    Https = 443,

    /// <summary>TLS.</summary>
    Tls = 448,

    /// <summary>The name asked for in TLS.</summary>
    Sni = 449,

    /// <summary>Noise.</summary>
    Noise = 454,

    /// <summary>QUIC before version 1.</summary>
    Quic = 460,

    /// <summary>QUIC, version 1.</summary>
    QuicV1 = 461,

    /// <summary>WebTransport.</summary>
    WebTransport = 465,

    /// <summary>The multihash of a certificate.</summary>
    CertHash = 466,

    /// <summary>WebSocket.</summary>
    Ws = 477,

    /// <summary>WebSocket over TLS.</summary>
    Wss = 478,

    /// <summary>HTTP.</summary>
    Http = 480,

    /// <summary>Within one process: 8 bytes.</summary>
    Memory = 777,
}

/// <summary>How the value of a part is written.</summary>
internal enum MultiaddrValue
{
    None = 0,
    Ip4,
    Ip6,
    Port,
    Number,
    Name,
    Peer,
    Multibase,
}

/// <summary>One row of the table.</summary>
internal readonly record struct MultiaddrProtocol(MultiaddrCode Code, string Name, MultiaddrValue Value)
{
    private static readonly MultiaddrProtocol[] Table =
    [
        new(MultiaddrCode.Ip4, "ip4", MultiaddrValue.Ip4),
        new(MultiaddrCode.Tcp, "tcp", MultiaddrValue.Port),
        new(MultiaddrCode.Ip6, "ip6", MultiaddrValue.Ip6),
        new(MultiaddrCode.Ip6Zone, "ip6zone", MultiaddrValue.Name),
        new(MultiaddrCode.Dns, "dns", MultiaddrValue.Name),
        new(MultiaddrCode.Dns4, "dns4", MultiaddrValue.Name),
        new(MultiaddrCode.Dns6, "dns6", MultiaddrValue.Name),
        new(MultiaddrCode.DnsAddr, "dnsaddr", MultiaddrValue.Name),
        new(MultiaddrCode.Udp, "udp", MultiaddrValue.Port),
        new(MultiaddrCode.WebRtcDirect, "webrtc-direct", MultiaddrValue.None),
        new(MultiaddrCode.WebRtc, "webrtc", MultiaddrValue.None),
        new(MultiaddrCode.Circuit, "p2p-circuit", MultiaddrValue.None),
        new(MultiaddrCode.P2p, "p2p", MultiaddrValue.Peer),
        new(MultiaddrCode.Https, "https", MultiaddrValue.None),
        new(MultiaddrCode.Tls, "tls", MultiaddrValue.None),
        new(MultiaddrCode.Sni, "sni", MultiaddrValue.Name),
        new(MultiaddrCode.Noise, "noise", MultiaddrValue.None),
        new(MultiaddrCode.Quic, "quic", MultiaddrValue.None),
        new(MultiaddrCode.QuicV1, "quic-v1", MultiaddrValue.None),
        new(MultiaddrCode.WebTransport, "webtransport", MultiaddrValue.None),
        new(MultiaddrCode.CertHash, "certhash", MultiaddrValue.Multibase),
        new(MultiaddrCode.Ws, "ws", MultiaddrValue.None),
        new(MultiaddrCode.Wss, "wss", MultiaddrValue.None),
        new(MultiaddrCode.Http, "http", MultiaddrValue.None),
        new(MultiaddrCode.Memory, "memory", MultiaddrValue.Number),
    ];

    /// <summary>Bytes of a value of fixed size; -1 where a length stands before it.</summary>
    internal int Size => Value switch
    {
        MultiaddrValue.None => 0,
        MultiaddrValue.Ip4 => 4,
        MultiaddrValue.Ip6 => 16,
        MultiaddrValue.Port => 2,
        MultiaddrValue.Number => 8,
        _ => -1,
    };

    internal static bool TryFind(ulong code, out MultiaddrProtocol found)
    {
        foreach (MultiaddrProtocol one in Table)
        {
            if ((ulong)one.Code == code)
            {
                found = one;
                return true;
            }
        }

        found = default;
        return false;
    }

    internal static bool TryFind(ReadOnlySpan<char> name, out MultiaddrProtocol found)
    {
        foreach (MultiaddrProtocol one in Table)
        {
            if (name.SequenceEqual(one.Name))
            {
                found = one;
                return true;
            }
        }

        found = default;
        return name is "ipfs" && TryFind((ulong)MultiaddrCode.P2p, out found); // The old name of /p2p.
    }
}
