using System.Text.Json;
using Weft.Primitives;
using Weft.Server.Api;

namespace Weft.Integration.Tests.Server;

public sealed class OpenApiTests
{
    private static readonly string[] Methods = ["get", "put", "post", "delete", "patch"];

    /// <summary>Every method of every path in the document.</summary>
    public static IEnumerable<(string Method, string Path)> Documented()
    {
        using Stream resource = typeof(ApiRoutes).Assembly.GetManifestResourceStream("openapi.json")!;
        using JsonDocument document = JsonDocument.Parse(resource);
        JsonElement paths = document.RootElement.GetProperty("paths");
        return [.. paths.EnumerateObject().SelectMany(path => path.Value.EnumerateObject()
            .Where(operation => Methods.Contains(operation.Name))
            .Select(operation => (operation.Name.ToUpperInvariant(), path.Name)))];
    }

    [Fact]
    public void Document_and_routes_are_the_same_list()
    {
        IEnumerable<(string, string)> mapped = ApiRoutes.All.Select(route => (route.Method, route.Pattern));

        Assert.Equal(mapped.Append(("GET", "/gun")).Order(), Documented().Order());
    }

    [Fact]
    public async Task Document_is_served_and_its_references_exist()
    {
        await using ApiHost host = await ApiHost.StartAsync();
        string text = await host.TextAsync("/openapi.json");
        using JsonDocument document = JsonDocument.Parse(text);

        Assert.StartsWith("3.1", document.RootElement.GetProperty("openapi").GetString(), StringComparison.Ordinal);
        foreach (string reference in References(document.RootElement))
        {
            JsonElement at = document.RootElement;
            foreach (string part in reference.TrimStart('#', '/').Split('/'))
            {
                Assert.True(at.TryGetProperty(part, out at), reference);
            }
        }

        foreach (JsonProperty path in document.RootElement.GetProperty("paths").EnumerateObject())
        {
            foreach (JsonProperty operation in path.Value.EnumerateObject().Where(item => Methods.Contains(item.Name)))
            {
                Assert.True(operation.Value.TryGetProperty("summary", out _), $"{operation.Name} {path.Name}");
                Assert.True(operation.Value.TryGetProperty("responses", out _), $"{operation.Name} {path.Name}");
            }
        }
    }

    [Fact]
    public void Written_description_names_every_path()
    {
        string text = File.ReadAllText(Path.Combine(Root(), "docs", "spec", "http.md"));

        Assert.All(Documented(), route => Assert.Contains(
            route.Path.Replace("{code}", "W3307"), text, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Every_error_has_a_page()
    {
        await using ApiHost host = await ApiHost.StartAsync();
        string list = await host.TextAsync("/errors");
        foreach (ErrorEntry entry in ErrorCatalogue.All)
        {
            string code = ErrorCatalogue.Code(entry.Error);
            Assert.Contains($"/errors/{code}", list, StringComparison.Ordinal);
            Assert.Contains(code, await host.TextAsync($"/errors/{code}"), StringComparison.Ordinal);
        }

        using JsonDocument page = JsonDocument.Parse(await host.TextAsync("/errors/W3307", "application/json"));
        Assert.Equal(507, page.RootElement.GetProperty("status").GetInt32());
        using HttpResponseMessage none = await host.SendAsync("GET", "/errors/W0001");
        await ApiHost.ProblemAsync(none, 404, "W1005");
    }

    private static IEnumerable<string> References(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject().SelectMany(property =>
            property.Name == "$ref" ? [property.Value.GetString()!] : References(property.Value)),
        JsonValueKind.Array => element.EnumerateArray().SelectMany(References),
        _ => [],
    };

    private static string Root()
    {
        string folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Weft.slnx")))
        {
            folder = Path.GetDirectoryName(folder)!;
        }

        return folder;
    }
}
