using System.Globalization;
using System.Net;
using Weft.Primitives;

namespace Weft.Server;

/// <summary>Where to listen for HTTP.</summary>
/// <param name="Address">The IP address; null for "localhost", which is both loopback addresses.</param>
/// <param name="Port">0 to 65,535; 0 takes a free one.</param>
public readonly record struct ListenAddress(IPAddress? Address, int Port)
{
    /// <summary>Reads ADDRESS:PORT; "*" is every address.</summary>
    /// <exception cref="WeftException"><see cref="WeftError.AddressInvalid"/>.</exception>
    public static ListenAddress Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        int colon = text.LastIndexOf(':');
        string host = colon < 0 ? "" : text[..colon];
        string portText = text[(colon + 1)..];
        if (!int.TryParse(portText, NumberStyles.None, CultureInfo.InvariantCulture, out int port) || port > 65_535)
        {
            throw new WeftException(
                WeftError.AddressInvalid, $"\"{LogText.Clean(portText)}\" is not a port; allowed: 0 to 65535.");
        }

        if (host == "localhost")
        {
            // No dynamic port is the same on both loopback addresses, so port 0 means the IPv4 one.
            return new(port == 0 ? IPAddress.Loopback : null, port);
        }

        if (host is "*" or "+")
        {
            return new(IPAddress.IPv6Any, port);
        }

        return IPAddress.TryParse(host.Trim('[', ']'), out IPAddress? address)
            ? new(address, port)
            : throw new WeftException(
                WeftError.AddressInvalid,
                $"\"{LogText.Clean(text)}\" is not an address to listen on; "
                + "allowed: IP:PORT, localhost:PORT or *:PORT.");
    }
}
