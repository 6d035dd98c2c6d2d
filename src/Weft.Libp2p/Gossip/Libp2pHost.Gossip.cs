using Weft.Crypto;

namespace Weft.Libp2p;

/// <content>What signing services need of their host.</content>
public sealed partial class Libp2pHost
{
    internal Ed25519KeyPair IdentityKey => _key;

    internal Libp2pOptions Settings => _options;
}
