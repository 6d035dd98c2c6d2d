using Weft.Fuzz;

namespace Weft.Tests.Fuzz;

/// <summary>The fuzzer itself: it finds planted faults of each kind, and a sound decoder passes.</summary>
public sealed class FuzzerTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private static byte[]? s_kept;

    [Fact]
    public void An_exception_is_found()
    {
        FuzzReport report = Fuzz(input => input.Length > 3 && input.Span[2] == 0xFF ? throw new FormatException() : 0UL);

        Assert.Contains(nameof(FormatException), report.Failure);
        Assert.Contains("input (base64)", report.Failure);
    }

    [Fact]
    public void A_length_that_is_trusted_is_found()
    {
        FuzzReport report = Fuzz(input =>
        {
            s_kept = input.Length > 2 ? new byte[BitConverter.ToUInt16(input.Span) * 16] : null;
            return 0;
        });

        Assert.Contains("allocated", report.Failure);
    }

    [Fact]
    public void A_broken_promise_is_found()
    {
        FuzzReport report = Fuzz(input =>
        {
            FuzzFailure.Unless(!input.Span.StartsWith("weft"u8) || input.Span[^1] != '}', "never both");
            return input.Length == 0 ? 0UL : input.Span[0];
        });

        Assert.Contains("never both", report.Failure);
    }

    [Fact]
    public void A_sound_decoder_passes()
    {
        FuzzReport report = new Fuzzer(new Target(_ => 0), seed: 1).Run(TimeSpan.FromMilliseconds(100));

        Assert.Null(report.Failure);
        Assert.True(report.Runs > 10);
    }

    private static FuzzReport Fuzz(Func<ReadOnlyMemory<byte>, ulong> run) => new Fuzzer(new Target(run), 1).Run(Patience);

    private sealed class Target(Func<ReadOnlyMemory<byte>, ulong> run) : FuzzTarget
    {
        public override string Name => "planted";

        public override IEnumerable<byte[]> Seeds => ["seed of a format"u8.ToArray()];

        public override IReadOnlyList<byte[]> Words => ["weft"u8.ToArray(), "}"u8.ToArray()];

        public override ulong Run(ReadOnlyMemory<byte> input) => run(input);
    }
}
