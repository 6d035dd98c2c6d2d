using System.Text;
using Microsoft.Extensions.Configuration;
using Weft.Fuzz;
using Weft.Graph;
using Weft.Primitives;
using Weft.Server;
using Weft.Server.Http;

namespace Weft.Integration.Tests.Fuzz;

/// <summary>
/// Bodies of the HTTP API: records (documents, lists, lines) and bare values. What is refused is refused by an error of
/// the catalogue and leaves nothing behind; what is taken keeps every bound.
/// </summary>
internal sealed class HttpBodyFuzz : FuzzTarget
{
    private readonly RecordReader _reader = new();
    private readonly List<FieldWrite> _writes = [];

    public override string Name => "http-body";

    public override IEnumerable<byte[]> Seeds =>
    [
        """{"soul":"s","fields":{"a":1,"b":"text","c":{"#":"t"},"d":null},"states":{"a":1767225600000.001,"b":2}}"""u8.ToArray(),
        """[{"soul":"s","fields":{"a":true}},{"soul":"t","fields":{"\u00e9":-0.5}}]"""u8.ToArray(),
        """{"fields":{"__proto__":"x"},"other":[1,{"deep":[]}]}"""u8.ToArray(),
        "\"just a value\""u8.ToArray(), "12.5e3"u8.ToArray(), "{\"#\":\"link\"}"u8.ToArray(),
    ];

    public override IReadOnlyList<byte[]> Words => new[]
    {
        "\"soul\":", "\"fields\":{", "\"states\":{", "{\"#\":\"", "\\ud800", "\\u0000", "1e999", "null", "[[[[", "}", "\"_\":1",
    }.Select(Encoding.UTF8.GetBytes).ToArray();

    public override int AllocationFactor => 512; // Names and values are objects of their own; an exception has a stack.

    public override long AllocationBase => 256 * 1_024;

    public override ulong Run(ReadOnlyMemory<byte> input) =>
        (Try(() => _reader.ReadDocument(input.Span, _writes)) * 10_000)
        + (Try(() => _reader.ReadList(input.Span, _writes, fieldsMax: 1_000)) * 100)
        + Try(() => _writes.Add(new FieldWrite("s", "f", JsonBody.ReadValue(input.Span), double.NaN)));

    private ulong Try(Action read)
    {
        _writes.Clear();
        try
        {
            read();
        }
        catch (ApiException refused)
        {
            FuzzFailure.Unless(ErrorCatalogue.Find(refused.Error).Error == refused.Error, "a refusal is in the catalogue");
            FuzzFailure.Unless(refused.Error != WeftError.Bug, "a client's bytes are no bug of ours");
            return (ulong)refused.Error % 100;
        }

        foreach (FieldWrite write in _writes)
        {
            WeftError error = FieldRules.Check(write with { State = double.IsNaN(write.State) ? 0 : write.State });
            FuzzFailure.Unless(error == WeftError.None, $"what is taken keeps every bound, but {error}");
        }

        return (ulong)Math.Min(_writes.Count, 5);
    }
}

/// <summary>
/// Values of the configuration: an unusable one is a usage error that names it, never another exception.
/// </summary>
internal sealed class ConfigurationFuzz : FuzzTarget
{
    private static readonly string[] Keys =
    [
        "Http", "Name", "Path", "Store", "Durability", "MemoryMiB", "TombstoneHorizon", "MaintenanceInterval", "Peers", "Lanes",
        "LaneQueueMax", "RecentChangesBytesMax", "Graph:FutureMax", "Graph:DeferredMax", "Graph:JournalBytesMax",
    ];

    public override string Name => "configuration";

    public override int LengthMax => 200;

    public override long AllocationBase => 512 * 1_024;

    public override IEnumerable<byte[]> Seeds => new[]
    {
        "\0127.0.0.1:8765", "\u0001name", "\u0003engine", "\u0004disk", "\u0005128", "\u000600:10:00", "\u0006600", "\u0008ws://a/gun ws://b/gun",
        "\u0009-1", "\u000c1.00:00:00", "\u000d99999999999999999999", "\0[::1]:0", "\0*:80", "\0localhost:0",
    }.Select(Encoding.UTF8.GetBytes);

    public override IReadOnlyList<byte[]> Words => new[]
    {
        "00:00:01", "1e9", "-1", "0x10", " ", "\u0660", "NaN", "9223372036854775808", "::", "%", ",", ";", "\u2028",
    }.Select(Encoding.UTF8.GetBytes).ToArray();

    public override ulong Run(ReadOnlyMemory<byte> input)
    {
        string text = Encoding.UTF8.GetString(input.Span);
        string key = Keys[text.Length == 0 ? 0 : text[0] % Keys.Length];
        string value = text.Length == 0 ? "" : text[1..];
        IConfiguration section = new ConfigurationBuilder()
            .AddInMemoryCollection(new Dictionary<string, string?> { ["Weft:" + key] = value })
            .Build()
            .GetSection("Weft");
        try
        {
            var options = new ServerOptions();
            ServerOptionsReader.Read(section, options);
            ListenAddress.Parse(options.Http);
            return (ulong)Array.IndexOf(Keys, key);
        }
        catch (WeftException refused)
        {
            FuzzFailure.Unless(
                refused.Error is WeftError.Usage or WeftError.AddressInvalid, $"a bad value is a usage error, not {refused.Error}");
            return 100 + (ulong)Array.IndexOf(Keys, key);
        }
    }
}
