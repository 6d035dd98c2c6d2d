using Weft.Crypto;
using Weft.Fuzz;
using Weft.Protocols.Peers;

namespace Weft.Tests.Fuzz;

/// <summary>Signed envelopes: nothing but the one that was signed opens.</summary>
internal sealed class EnvelopeFuzz : FuzzTarget
{
    private static readonly ICrypto Crypto = PlatformCrypto.Create();
    private static readonly byte[] Good = Make();

    public override string Name => "signed-envelope";

    public override IEnumerable<byte[]> Seeds => [Good];

    public override int LengthMax => 1_024;

    public override ulong Run(ReadOnlyMemory<byte> input)
    {
        bool isOpen = SignedEnvelope.TryOpen(input.Span, "weft-fuzz", [1], Crypto, out SignedEnvelope? envelope);
        FuzzFailure.Unless(!isOpen || envelope!.Payload.SequenceEqual("payload"u8), "what was not signed does not open");
        return isOpen ? 1ul : 0;
    }

    private static byte[] Make()
    {
        using var key = new Ed25519KeyPair(Crypto, new byte[32]);
        return SignedEnvelope.Seal(key, Crypto, "weft-fuzz", [1], "payload"u8);
    }
}
