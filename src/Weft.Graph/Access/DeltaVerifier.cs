using Weft.Crypto;
using Weft.Primitives;

namespace Weft.Graph.Access;

/// <summary>
/// Verifies native proofs one by one: for tools and tests. The write path goes through AdmissionCore.
/// </summary>
public sealed class DeltaVerifier(ICrypto crypto, ReadOnlyMemory<byte> network)
{
    /// <summary>True when the write's author signed exactly this write for this network.</summary>
    /// <returns>None, ProofMalformed or SignatureRefused.</returns>
    public WeftError Verify(in FieldWrite write)
    {
        WeftError error = BatchSignature.Read(crypto, network.Span, write, out BatchSignature? batch);
        return error != WeftError.None ? error
            : batch!.Verify(crypto) ? WeftError.None
            : WeftError.SignatureRefused;
    }
}
