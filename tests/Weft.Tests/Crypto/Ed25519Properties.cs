using Weft.Crypto;
using Weft.Primitives;

namespace Weft.Tests.Crypto;

public sealed class Ed25519Properties
{
    private const int Records = 10_000;

    public static TheoryData<string> Providers => CryptoProviders.Names;

    // The bit is one of the key, of the message or of the signature.
    [Theory]
    [MemberData(nameof(Providers))]
    public void No_record_with_one_bit_flipped_is_accepted(string provider)
    {
        ICrypto crypto = CryptoProviders.Get(provider);
        ICrypto signer = PlatformCrypto.Create();
        var random = new WeftRandom(13);
        byte[] seed = new byte[32];
        byte[] record = new byte[32 + 64 + 100];
        int accepted = 0;
        int valid = 0;
        for (int i = 0; i < Records; i++)
        {
            int length = 32 + 64 + 1 + random.Next(100);
            Span<byte> bytes = record.AsSpan(0, length);
            random.Fill(bytes[96..]);
            random.Fill(seed);
            signer.PublicKeyEd25519(seed, bytes[..32]);
            signer.SignEd25519(seed, bytes[96..], bytes[32..96]);
            if (i % 100 == 0)
            {
                valid += Verify(crypto, bytes) ? 1 : 0;
            }

            int bit = random.Next(length * 8);
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            accepted += Verify(crypto, bytes) ? 1 : 0;
        }

        Assert.Equal(0, accepted);
        Assert.Equal(Records / 100, valid); // Every hundredth was looked at before, so that "0 accepted" means something.
    }

    private static bool Verify(ICrypto crypto, ReadOnlySpan<byte> record) =>
        crypto.VerifyEd25519(record[..32], record[96..], record[32..96]);
}
