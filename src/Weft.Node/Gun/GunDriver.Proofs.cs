using System.Buffers.Text;
using Weft.Crypto;
using Weft.Protocols.Gun;

namespace Weft.Node.Gun;

/// <content>
/// Challenge and response between Weft peers: each signs both nonces and both keys. Source: docs/spec/gun.md, section 1.
/// </content>
public sealed partial class GunDriver
{
    private const string ProofPurpose = "gun";

    private void Prove(in GunOutput output)
    {
        if (!_connections.TryGetValue(output.Peer, out GunConnection? connection) || connection.IsClosed
            || !TryReadClaim(output.Peer, out Ed25519PublicKey key, out byte[] nonce))
        {
            return;
        }

        var proof = new KeyProof(
            _node.NetworkId, ProofPurpose, key, _node.Identity.PublicKey, nonce, connection.NonceBytes);
        byte[] signature = new byte[KeyProof.SignatureLength];
        proof.Sign(_node.Crypto, _node.Identity, signature);
        connection.Filling.Begin();
        GunWriter.WriteProof(connection.Filling, output.Id!, Base64Url.EncodeToString(signature));
        connection.Filling.End(_options.WeftFrameBytes);
        Touch(connection);
    }

    private void CheckProof(in GunOutput output)
    {
        if (!_connections.TryGetValue(output.Peer, out GunConnection? connection)
            || !TryReadClaim(output.Peer, out Ed25519PublicKey key, out byte[] nonce))
        {
            return;
        }

        var proof = new KeyProof(
            _node.NetworkId, ProofPurpose, _node.Identity.PublicKey, key, connection.NonceBytes, nonce);
        byte[] signature = new byte[KeyProof.SignatureLength];
        if (Base64UrlText.TryDecode(output.Text, signature) && proof.Verify(_node.Crypto, signature))
        {
            connection.ProvenKey = key.ToString();
            GunLog.KeyProven(_logger, connection.Number, connection.Info.Address, connection.ProvenKey);
        }
        else
        {
            // Somebody else's key, or another network's id. It stays a peer without a name: nothing hangs on it.
            GunLog.KeyNotProven(_logger, connection.Number, connection.Info.Address, key.ToString());
        }
    }

    private bool TryReadClaim(long peer, out Ed25519PublicKey key, out byte[] nonce)
    {
        GunIdentity? claim = _core.IdentityOf(peer);
        nonce = new byte[KeyProof.NonceLength];
        key = default;
        return claim is { Key: not null, Nonce: not null }
            && Ed25519PublicKey.TryParse(claim.Key, out key)
            && Base64UrlText.TryDecode(claim.Nonce, nonce);
    }
}
