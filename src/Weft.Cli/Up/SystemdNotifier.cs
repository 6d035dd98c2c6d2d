using System.Net.Sockets;
using System.Text;

namespace Weft.Cli.Up;

/// <summary>Tells systemd how the service does: one datagram to the socket it names. Source: sd_notify(3).</summary>
internal static class SystemdNotifier
{
    /// <summary>Sends a state such as <c>READY=1</c>; does nothing without systemd.</summary>
    /// <param name="socketName">The value of NOTIFY_SOCKET, or null.</param>
    /// <param name="state">What to tell.</param>
    /// <returns>True when it was sent.</returns>
    public static bool Send(string? socketName, string state)
    {
        if (string.IsNullOrEmpty(socketName) || !(socketName[0] is '/' or '@'))
        {
            return false;
        }

        try
        {
            string path = socketName[0] == '@' ? "\0" + socketName[1..] : socketName; // '@' marks an abstract socket.
            using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
            socket.Connect(new UnixDomainSocketEndPoint(path));
            socket.Send(Encoding.UTF8.GetBytes(state));
            return true;
        }
        catch (Exception error) when (error is SocketException or ArgumentException)
        {
            return false; // A supervisor that does not listen must not keep the node from serving.
        }
    }
}
