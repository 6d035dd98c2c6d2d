using System.Text;
using Weft.Crypto;
using Weft.Crypto.Sea;
using Weft.Fuzz;

namespace Weft.Tests.Fuzz;

/// <summary>SEA{…} as signed text, as ciphertext and as a pair: nothing opens but what was made.</summary>
internal sealed class SeaTextFuzz : FuzzTarget
{
    private static readonly ICrypto Crypto = PlatformCrypto.Create();
    private static readonly SeaPair Pair = SeaPair.TryCreate(
        Crypto, [.. Enumerable.Repeat((byte)1, 32)], [.. Enumerable.Repeat((byte)2, 32)])!;

    private static readonly byte[] Signed = Encoding.UTF8.GetBytes(SeaSigned.Sign(Crypto, Pair, "{\"a\":1}"u8));
    private static readonly byte[] Encrypted =
        Encoding.UTF8.GetBytes(SeaCipher.Encrypt(Crypto, "plain"u8, "word"u8, new byte[9], new byte[15]));

    public override string Name => "sea-text";

    public override IEnumerable<byte[]> Seeds => [Signed, Encrypted, "{\"pub\":\"\",\"priv\":\"\",\"epub\":\"\",\"epriv\":\"\"}"u8.ToArray()];

    public override IReadOnlyList<byte[]> Words =>
        [.. new[] { "SEA{", "\"m\":", "\"s\":", "\"ct\":", "\"iv\":", "\\ud800", "==" }.Select(Encoding.UTF8.GetBytes)];

    public override int LengthMax => 2_048;

    // Three decoders look at each input, and an exception of the JSON reader quotes what it could not read.
    public override long AllocationBase => 192 * 1_024;

    public override int AllocationFactor => 128;

    public override ulong Run(ReadOnlyMemory<byte> input)
    {
        string text = Encoding.UTF8.GetString(input.Span);
        byte[]? opened = SeaSigned.Verify(Crypto, Pair.Pub, text);
        byte[]? plain = SeaCipher.Decrypt(Crypto, text, "word"u8);
        FuzzFailure.Unless(opened is null || opened.AsSpan().SequenceEqual("{\"a\":1}"u8), "what was not signed does not open");
        FuzzFailure.Unless(plain is null || plain.AsSpan().SequenceEqual("plain"u8), "what was not encrypted does not open");
        FuzzFailure.Unless(SeaPair.TryParse(Crypto, input.Span) is null, "there is no pair in it");
        return (opened is null ? 0ul : 1) + (plain is null ? 0ul : 2);
    }
}
