using System.Buffers;
using System.Text;
using BenchmarkDotNet.Attributes;
using Weft.Graph;
using Weft.Primitives;
using Weft.Protocols.Gun;

namespace Weft.Benchmarks;

/// <summary>Reads a frame of 32 messages of one kind, as gun.js joins them.</summary>
[MemoryDiagnoser]
public class GunCodecBenchmarks
{
    private const int Messages = 32;

    private readonly GunCodec _codec = new(new GunLimits());
    private readonly List<GunMessage> _messages = [];
    private byte[] _frame = [];

    /// <summary>A put of two fields, a get of a node, an acknowledgement: what a busy connection sees.</summary>
    [Params("put", "get", "ack")]
    public string Kind { get; set; } = "";

    [GlobalSetup]
    public void Setup()
    {
        var random = new WeftRandom(seed: 1);
        IEnumerable<string> messages = Enumerable.Range(0, Messages).Select(_ =>
        {
            string id = $"{random.NextUInt64() % 1_000_000_000:000000000}";
            string soul = $"bench/{random.NextUInt64():x16}";
            return Kind switch
            {
                "put" => $$$"""{"#":"{{{id}}}","put":{"{{{soul}}}":{"_":{"#":"{{{soul}}}",">":{"n":1800000000000""" +
                    """.001,"name":1800000000000.001}},"n":41,"name":"a text of some length"}},"ok":{"@":9,"/":1}}""",
                "get" => $$$"""{"#":"{{{id}}}","get":{"#":"{{{soul}}}"}}""",
                _ => $$"""{"#":"{{id}}","@":"{{id}}","ok":true}""",
            };
        });
        _frame = Encoding.UTF8.GetBytes($"[{string.Join(',', messages)}]");
    }

    [Benchmark(OperationsPerInvoke = Messages)]
    public int Read()
    {
        _messages.Clear();
        _codec.Read(_frame, _messages);
        return _messages.Count;
    }
}

/// <summary>Writes an answer with a node of five fields. Budget: 0 bytes allocated.</summary>
[MemoryDiagnoser]
public class GunWriterBenchmarks
{
    private readonly ArrayBufferWriter<byte> _target = new(4_096);
    private readonly GunIdentity _identity = new("0123456789abcdef", IsRelay: false);
    private GunOutput _answer;

    [GlobalSetup]
    public void Setup() => _answer = new GunOutput
    {
        Kind = GunOutputKind.SendReply,
        Id = "abcdefghi",
        ReplyTo = "ihgfedcba",
        Soul = "bench/0123456789abcdef",
        Fields =
        [
            .. Enumerable.Range(0, 5).Select(i =>
                new StoredField($"field{i}", $"a text of some length {i}", 1_800_000_000_000.001, 1)),
        ],
    };

    [Benchmark]
    public int Write()
    {
        _target.ResetWrittenCount();
        GunWriter.Write(_target, _answer, "abcdefghi", _identity);
        return _target.WrittenCount;
    }
}
