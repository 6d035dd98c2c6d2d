using System.Buffers;
using System.Text.Json;
using Weft.Crypto;
using Weft.Log;
using Weft.Log.Tree;
using Weft.Log.Wire;

namespace Weft.Tests.Log;

/// <summary>What npm's hypercore computed: <c>tests/vectors/hypercore.json</c>.</summary>
internal static class LogVectors
{
    private static readonly Lazy<JsonDocument> Document = new(() => JsonDocument.Parse(
        File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "vectors", "hypercore.json"))));

    public static JsonElement Root => Document.Value.RootElement;

    public static ICrypto Crypto { get; } = new BouncyCastleCrypto();

    public static LogHasher Hasher { get; } = new(Crypto);

    public static JsonElement.ArrayEnumerator List(params ReadOnlySpan<string> path) => At(path).EnumerateArray();

    public static JsonElement At(params ReadOnlySpan<string> path)
    {
        JsonElement at = Root;
        foreach (string name in path)
        {
            at = at.GetProperty(name);
        }

        return at;
    }

    public static byte[] Bytes(this JsonElement element, string name) =>
        Convert.FromHexString(element.GetProperty(name).GetString()!);

    public static Hash32 Hash(this JsonElement element, string name) => new(element.Bytes(name));

    public static long Number(this JsonElement element, string name) => element.GetProperty(name).GetInt64();

    public static string Text(this JsonElement element, string name) => element.GetProperty(name).GetString()!;

    public static bool Has(this JsonElement element, string name, out JsonElement value) =>
        element.TryGetProperty(name, out value) && value.ValueKind is not JsonValueKind.Null;

    public static TreeNode Node(JsonElement element) =>
        new(element.Number("index"), element.Number("size"), element.Hash("hash"));

    public static TreeNode[] Nodes(JsonElement element) => [.. element.EnumerateArray().Select(Node)];

    public static byte[] Block(long index) => System.Text.Encoding.UTF8.GetBytes($"block-{index}");

    /// <summary>The manifest of that name among the vectors.</summary>
    public static LogManifest Manifest(string name)
    {
        JsonElement found = List("manifests").Single(item => item.Text("name") == name);
        Assert.True(LogManifest.TryDecode(found.Bytes("encoded"), out LogManifest? manifest));
        return manifest!;
    }

    public static LogKeyPair Keys(int number) => new(Crypto, List("keyPairs").ElementAt(number).Bytes("seed"));

    /// <summary>A log like the reference's: blocks "block-0" and so on, appended one by one, all durable.</summary>
    public static LogCore Log(int length, MemoryLogStore? store = null)
    {
        LogCore log = LogCore.OpenOwn(Crypto, store ?? new MemoryLogStore(), Keys(0));
        for (int i = 0; i < length; i++)
        {
            Assert.Equal(LogVerdict.Accepted, log.Append(Block(i)));
        }

        log.OnDurable(log.LastCommit);
        return log;
    }

    /// <summary>The request of a vector.</summary>
    public static LogRequest Request(JsonElement json, long id) => new()
    {
        Id = id,
        Fork = json.Has("fork", out JsonElement fork) ? fork.GetInt64() : 0,
        Block = json.Has("block", out JsonElement block) ? new(block.Number("index"), block.Number("nodes")) : null,
        Hash = json.Has("hash", out JsonElement hash) ? new(hash.Number("index"), hash.Number("nodes")) : null,
        Seek = json.Has("seek", out JsonElement seek) ? new(seek.Number("bytes"), seek.Number("padding")) : null,
        Upgrade = json.Has("upgrade", out JsonElement upgrade)
            ? new(upgrade.Number("start"), upgrade.Number("length"))
            : null,
        Manifest = json.Has("manifest", out JsonElement manifest) && manifest.GetBoolean(),
        Priority = json.Has("priority", out JsonElement priority) ? priority.GetInt64() : 0,
    };

    public static byte[] Encode(LogProof proof)
    {
        var target = new ArrayBufferWriter<byte>();
        LogCodec.Write(target, proof);
        return target.WrittenSpan.ToArray();
    }

    public static string Hex(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(bytes);
}
