using System.Buffers;
using BenchmarkDotNet.Attributes;
using Weft.Graph;
using Weft.Primitives;

namespace Weft.Benchmarks;

/// <summary>Writes texts as JavaScript does, into a reused buffer. Budget: 0 bytes allocated.</summary>
[MemoryDiagnoser]
public class JsonTextBenchmarks
{
    private readonly ArrayBufferWriter<byte> _target = new(1 << 16);
    private string _text = "";

    /// <summary>Plain text takes the quick way; the others meet escapes and surrogate pairs.</summary>
    [Params("plain", "escapes", "pairs")]
    public string Text { get; set; } = "";

    [GlobalSetup]
    public void Setup() => _text = Text switch
    {
        "escapes" => string.Concat(Enumerable.Repeat("say \"hi\"\n", 12)),
        "pairs" => string.Concat(Enumerable.Repeat("tea \ud83c\udf75 at five ", 6)),
        _ => new string('x', 100),
    };

    [Benchmark]
    public int Quote()
    {
        _target.ResetWrittenCount();
        JsonText.WriteQuoted(_target, _text);
        return _target.WrittenCount;
    }
}

/// <summary>Writes 1,024 numbers as JavaScript does. Budget: 0 bytes allocated.</summary>
[MemoryDiagnoser]
public class JsonNumberBenchmarks
{
    private readonly double[] _numbers = new double[1_024];

    /// <summary>States are milliseconds with a fraction; any double is the hardest case.</summary>
    [Params("integer", "state", "any")]
    public string Numbers { get; set; } = "";

    [GlobalSetup]
    public void Setup()
    {
        var random = new WeftRandom(seed: 1);
        for (int i = 0; i < _numbers.Length; i++)
        {
            ulong bits = random.NextUInt64();
            double any = BitConverter.UInt64BitsToDouble(bits);
            _numbers[i] = Numbers switch
            {
                "integer" => bits % 1_000_000,
                "state" => 1_800_000_000_000 + (bits % 1_000_000_000 / 1_000d),
                _ => double.IsFinite(any) ? any : 0,
            };
        }
    }

    [Benchmark(OperationsPerInvoke = 1_024)]
    public int Format()
    {
        Span<byte> target = stackalloc byte[32];
        int length = 0;
        foreach (double number in _numbers)
        {
            length += JsonText.FormatNumber(number, target);
        }

        return length;
    }
}
