using Weft.Crypto;
using Weft.Crypto.Keys;
using Weft.Fuzz;

namespace Weft.Tests.Fuzz;

/// <summary>A key file, open or sealed: what is taken gives the very keys that were written, or none.</summary>
internal sealed class KeyFileFuzz : FuzzTarget
{
    private static readonly ICrypto Crypto = PlatformCrypto.Create();
    private static readonly byte[] Open = Make(seals: false);
    private static readonly byte[] Sealed = Make(seals: true);

    public override string Name => "key-file";

    public override IEnumerable<byte[]> Seeds => [Open, Sealed];

    public override IReadOnlyList<byte[]> Words =>
        [.. new[] { "\"keys\"", "\"sealed\"", "\"rounds\":1", "\"sum\"", "\"seed\"", "\"pair\"", "null", "[]", "{}" }
            .Select(System.Text.Encoding.UTF8.GetBytes)];

    // An exception of the JSON reader quotes what it could not read, in many more bytes.
    public override int AllocationFactor => 128;

    public override ulong Run(ReadOnlyMemory<byte> input)
    {
        KeyFileRead read = KeyFileCodec.Read(Crypto, input.Span, "correct horse"u8);
        FuzzFailure.Unless(read.Status == KeyFileStatus.Ok == read.Keys is not null, "keys come when all is well, and only then");
        FuzzFailure.Unless(read.Keys is null == read.Problem.Length > 0, "what is wrong is said");
        if (read.Keys is { } keys)
        {
            FuzzFailure.Unless(
                keys.FindEd25519("node")?.PublicKey == new Ed25519KeyPair(Crypto, new byte[32]).PublicKey,
                "damaged bytes give no other keys");
            keys.Dispose();
        }

        return (ulong)read.Status;
    }

    private static byte[] Make(bool seals)
    {
        using var keys = new KeyFile();
        keys.Add("node", new Ed25519KeyPair(Crypto, new byte[32]));
        return seals
            ? KeyFileCodec.Seal(Crypto, keys, "correct horse"u8, new byte[KeyFileCodec.RandomLength], rounds: 1)
            : KeyFileCodec.Write(Crypto, keys);
    }
}
