using System.Buffers;
using Weft.Fuzz;
using Weft.Primitives;
using Weft.Protocols.Multistream;
using Weft.Protocols.Yamux;

namespace Weft.Tests.Fuzz;

/// <summary>A whole muxed connection: any bytes leave a session within its ceilings, open or closed.</summary>
internal sealed class YamuxFuzz : FuzzTarget
{
    private static readonly YamuxOptions Options = new() { InboundStreamsMax = 8, ControlFramesPerSecond = 64 };

    private readonly Outbox<YamuxOutput> _outbox = new();

    public override string Name => "yamux";

    public override IEnumerable<byte[]> Seeds =>
    [
        Convert.FromHexString("000100010000000100000000" + "000000000000000100000003616263" + "000100040000000100000000"),
        Convert.FromHexString("000200010000000000000007" + "000300000000000000000000"),
        Convert.FromHexString("000000010000000100040000"),
        Convert.FromHexString("0001000100000001ffffffff" + "0001000000000001ffffffff"),
        Convert.FromHexString("000000010000000100040001"), // DATA with SYN and a body of 262,145: CVE-2026-32314.
    ];

    public override IReadOnlyList<byte[]> Words =>
        [Convert.FromHexString("000100010000000300000000"), Convert.FromHexString("000000000000000100000001")];

    public override int LengthMax => 1_024;

    public override ulong Run(ReadOnlyMemory<byte> input)
    {
        _outbox.Clear();
        var core = new YamuxCore(isDialler: false, Options);
        var now = new WeftInstant(1_000_000);
        core.OnBytes(input.Span, now, _outbox);
        FuzzFailure.Unless(core.InboundCount <= Options.InboundStreamsMax, "streams stay within their ceiling");
        ulong kind = core.IsClosed ? 1ul : 0;
        foreach (ref readonly YamuxOutput output in _outbox.Items)
        {
            FuzzFailure.Unless(
                output.Kind != YamuxOutputKind.Data || output.Offset + output.Length <= input.Length, "data lies in the input");
            kind |= 2ul << (int)output.Kind;
            kind |= (ulong)output.Reason << 20;
        }

        return kind;
    }
}

/// <summary>The agreement on a protocol.</summary>
internal sealed class MultistreamFuzz : FuzzTarget
{
    public override string Name => "multistream";

    public override IEnumerable<byte[]> Seeds =>
        ["\x13/multistream/1.0.0\n\x07/noise\n"u8.ToArray(), "\x13/multistream/1.0.0\n\x03na\n\x03ls\n"u8.ToArray()];

    public override IReadOnlyList<byte[]> Words => ["\x13/multistream/1.0.0\n"u8.ToArray(), "\x03na\n"u8.ToArray()];

    public override int LengthMax => 2_048;

    public override ulong Run(ReadOnlyMemory<byte> input)
    {
        var output = new ArrayBufferWriter<byte>(256);
        MultistreamCore core = MultistreamCore.Listen(name => name == "/noise");
        int taken = core.OnBytes(input.Span, output);
        FuzzFailure.Unless(taken >= 0 && taken <= input.Length, "no more is taken than there is");
        FuzzFailure.Unless(core.State != MultistreamState.Agreed || core.Protocol == "/noise", "only what is served is agreed on");
        return ((ulong)core.State * 256) + (ulong)Math.Min(255, output.WrittenCount / 4);
    }
}
