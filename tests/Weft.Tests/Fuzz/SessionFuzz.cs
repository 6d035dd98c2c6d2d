using System.Buffers;
using Weft.Crypto;
using Weft.Fuzz;
using Weft.Primitives;
using Weft.Protocols.Kad;
using Weft.Protocols.Noise;
using Weft.Protocols.Sync;
using Xunit.Abstractions;

namespace Weft.Tests.Fuzz;

/// <summary>Two seconds of fuzz for each decoder of the Noise handshake, the DHT and the synchronization.</summary>
public sealed class SessionFuzzTests(ITestOutputHelper output)
{
    [Fact]
    public void Handshakes_survive_any_bytes() => FuzzRun.Check(new NoiseFuzz(), output);

    [Fact]
    public void Messages_of_the_dht_and_of_synchronization_survive_any_bytes() => FuzzRun.Check(new SessionFuzz(), output);
}

/// <summary>What is read is written again, and reads as the same. The first byte says which protocol it is.</summary>
internal sealed class SessionFuzz : FuzzTarget
{
    private readonly SyncOptions _options = new();

    public override string Name => "session-protocols";

    public override IEnumerable<byte[]> Seeds =>
    [
        [0, .. Sync(new SyncHello("store", new byte[32], 7, 1 << 20))],
        [0, .. Sync(new SyncAsk(1, "soul", "field"))],
        [0, .. Sync(new SyncRanges("p", new SyncKey("a", "b"), [new(SyncKey.End, 5), new(SyncKey.End, Ids: [1, 2])]))],
        [0, .. Sync(new SyncWant("p", new SyncKey("a", ""), SyncKey.End, [1, 2, 3]))],
        [0, .. Sync(new SyncProbe(3, -1))],
        [1, .. Kad(new(KadMessageKind.GetValue, new byte[] { 1, 2, 3 })).AsSpan(1)],
        [1, .. Kad(new(KadMessageKind.GetProviders, new byte[34])).AsSpan(1)],
    ];

    public override int LengthMax => 2_048;

    public override ulong Run(ReadOnlyMemory<byte> input)
    {
        if (input.IsEmpty)
        {
            return 0;
        }

        ReadOnlySpan<byte> bytes = input.Span[1..];
        if ((input.Span[0] & 1) == 0)
        {
            if (SyncReader.Read(bytes, _options) is not { } message)
            {
                return 1;
            }

            byte[] written = Sync(message);
            Same(SyncReader.Read(written, _options) is { } again && written.AsSpan().SequenceEqual(Sync(again)));
            return 16 + (ulong)message.Kind;
        }

        if (!KadCodec.TryRead(bytes, out KadMessage kad))
        {
            return 2;
        }

        byte[] kadBytes = Kad(kad);
        Same(kadBytes.Length == 0 || (TryKad(kadBytes, out KadMessage kadAgain) && kadBytes.AsSpan().SequenceEqual(Kad(kadAgain))));
        return 64 + ((ulong)kad.Kind * 8) + (ulong)Math.Min(kad.Closer?.Count ?? 0, 3) + (kad.Key.IsEmpty ? 4ul : 0);
    }

    private static void Same(bool isSame) => FuzzFailure.Unless(isSame, "what is read is written again, and reads the same");

    /// <summary>Reads what was written, which has its length before it.</summary>
    private static bool TryKad(ReadOnlySpan<byte> bytes, out KadMessage message)
    {
        message = default;
        int length = 0;
        while (length < bytes.Length && (bytes[length++] & 0x80) != 0)
        {
            // The length is a varint.
        }

        return KadCodec.TryRead(bytes[length..], out message);
    }

    private static byte[] Sync(SyncMessage message)
    {
        var output = new ArrayBufferWriter<byte>();
        SyncCodec.Write(message, output);
        return output.WrittenSpan.ToArray();
    }

    private static byte[] Kad(in KadMessage message)
    {
        var output = new ArrayBufferWriter<byte>();
        KadCodec.Write(message, output);
        return output.WrittenSpan.ToArray();
    }
}

/// <summary>Whatever comes instead of a handshake: it fails, and never completes with a peer nobody proved to be.</summary>
internal sealed class NoiseFuzz : FuzzTarget
{
    private static readonly ICrypto Crypto = PlatformCrypto.Create();

    private readonly Ed25519KeyPair _key = new(Crypto, new byte[32]);
    private readonly NoiseIdentity _identity;

    public NoiseFuzz() => _identity = new(Crypto, _key, Enumerable.Repeat((byte)3, 32).ToArray(), ["/yamux/1.0.0"]);

    public override string Name => "noise-handshake";

    public override IEnumerable<byte[]> Seeds
    {
        get
        {
            yield return [0, 32, .. new byte[32]];
            yield return [0, 32, .. Enumerable.Repeat((byte)9, 32), 0, 100, .. new byte[100]];
            yield return [255, 255];
            yield return [16, 1, .. new byte[200]];
        }
    }

    public override int LengthMax => 5_000;

    public override long AllocationBase => 256 * 1_024;

    public override ulong Run(ReadOnlyMemory<byte> input)
    {
        ulong reached = 0;
        foreach (bool isDialler in (bool[])[false, true])
        {
            using var core = new NoiseSessionCore(
                Crypto, _identity, _key.PublicKey.ToPeerId(), isDialler, Enumerable.Repeat((byte)7, 32).ToArray());
            var output = new ArrayBufferWriter<byte>();
            core.Start(output);
            int taken = core.OnBytes(input.Span, output);
            FuzzFailure.Unless(taken >= 0 && taken <= input.Length, "no more is taken than came");
            FuzzFailure.Unless(core.State != NoiseSessionState.Complete, "nobody has proved anything");
            reached = (reached * 64) + ((ulong)core.State * 8) + (ulong)core.Failure;
        }

        return reached + 1;
    }
}
