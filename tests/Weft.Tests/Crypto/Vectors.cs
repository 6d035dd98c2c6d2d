using System.Text.Json;

namespace Weft.Tests.Crypto;

/// <summary>Reads the vector files beside the tests, and counts what became of each case.</summary>
internal static class Vectors
{
    internal static JsonElement Read(string file)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "vectors", file)));
        return document.RootElement.Clone();
    }

    /// <summary>Every case of a Wycheproof file with the group it stands in.</summary>
    internal static IEnumerable<(JsonElement Group, JsonElement Case)> Wycheproof(string name)
    {
        JsonElement root = Read($"wycheproof_{name}_test.json");
        var cases = root.GetProperty("testGroups").EnumerateArray()
            .SelectMany(group => group.GetProperty("tests").EnumerateArray().Select(one => (group, one)))
            .ToList();
        Assert.Equal(root.GetProperty("numberOfTests").GetInt32(), cases.Count);
        return cases;
    }

    internal static byte[] Hex(this JsonElement element, string property) =>
        Convert.FromHexString(element.GetProperty(property).GetString()!);

    internal static string Text(this JsonElement element, string property) => element.GetProperty(property).GetString()!;

    internal static string[] Flags(this JsonElement element) =>
        element.GetProperty("flags").ValueKind == JsonValueKind.Null
            ? []
            : [.. element.GetProperty("flags").EnumerateArray().Select(flag => flag.GetString()!)];

    /// <summary>True when the call is a misuse that the contract answers with ArgumentException.</summary>
    internal static bool IsArgumentError(Action call)
    {
        try
        {
            call();
            return false;
        }
        catch (ArgumentException)
        {
            return true;
        }
    }
}
