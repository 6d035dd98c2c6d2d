using Weft.Crypto;

namespace Weft.Libp2p;

/// <content>What the services over the host need of it.</content>
public sealed partial class Libp2pHost
{
    internal Libp2pOptions Options => _options;

    /// <summary>The identity; the host's to dispose.</summary>
    internal Ed25519KeyPair Key => _key;
}
