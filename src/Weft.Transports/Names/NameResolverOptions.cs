using System.Net;

namespace Weft.Transports.Names;

/// <summary>Whom to ask for names, and how long.</summary>
public sealed class NameResolverOptions
{
    /// <summary>
    /// The DNS servers that are asked for TXT records, in order: at most 4. Empty, the default: those of the system.
    /// </summary>
    public IList<IPEndPoint> Servers { get; } = [];

    /// <summary>How long one server has to answer one question. Default: 2 s.</summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>How often every server is asked before it is given up: 1 to 8. Default: 2.</summary>
    public int Tries { get; set; } = 2;

    /// <summary>Addresses taken of one name: 1 to 128. Default: 64.</summary>
    public int AddressesMax { get; set; } = 64;
}
