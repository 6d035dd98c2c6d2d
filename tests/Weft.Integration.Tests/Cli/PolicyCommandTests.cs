using System.CommandLine;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Primitives;

namespace Weft.Integration.Tests.Cli;

public sealed class PolicyCommandTests(CliNode node) : IClassFixture<CliNode>
{
    private const string Draft = """
        { "weft": 1, "class": "protected",
          "rules": { "v": 1, "fields": { "born": { "type": "number", "min": 1800 } } } }
        """;

    [Fact]
    public async Task A_policy_is_checked_set_shown_and_followed()
    {
        string prefix = await OwnPrefixAsync("people/");
        using var file = new TempFile(Draft);
        CliCall check = node.Call();
        Assert.Equal(0, await check.RunAsync("policy", "check", file.Path));
        string stored = check.Lines.Single();
        Assert.StartsWith("{\"class\":\"protected\",\"rules\":", stored, StringComparison.Ordinal);

        Assert.Equal(ExitCode.NothingThere, await node.Call().RunAsync("policy", "show", prefix));
        Assert.Equal(0, await node.Call().RunAsync("policy", "set", prefix, file.Path));
        CliCall show = node.Call();
        Assert.Equal(0, await show.RunAsync("policy", "show", prefix));
        Assert.Equal(stored, show.Lines.Single());

        CliCall broken = node.Call();
        Assert.NotEqual(0, await broken.RunAsync("put", prefix + "ada", "born:=1215"));
        Assert.Contains("W2311", broken.Error, StringComparison.Ordinal);
        Assert.Equal(0, await node.Call().RunAsync("put", prefix + "ada", "born:=1815"));

        Assert.Equal(0, await node.Call().RunAsync("policy", "set", prefix, file.Path));
        CliCall all = node.Call();
        Assert.Equal(0, await all.RunAsync("policy", "show", prefix, "--all", "--json"));
        Assert.Equal(
            [1L, 2L], all.Lines.Select(line => JsonDocument.Parse(line).RootElement.GetProperty("version").GetInt64()));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("nonsense")]
    [InlineData("""{"weft":1,"class":"protected","colour":"red"}""")]
    public async Task What_is_no_policy_is_refused_with_its_fault(string text)
    {
        using var file = new TempFile(text);
        CliCall call = node.Call();

        Assert.Equal(ExitCode.Usage, await call.RunAsync("policy", "check", file.Path));
        Assert.Contains("is no policy", call.Error, StringComparison.Ordinal);
        Assert.Equal("", call.Out);
    }

    [Fact]
    public async Task A_missing_file_is_wrong_usage()
    {
        CliCall call = node.Call();

        Assert.Equal(ExitCode.Usage, await call.RunAsync("policy", "check", "/no/such/file.json"));
        Assert.Contains("cannot read", call.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_command_that_an_error_names_exists()
    {
        RootCommand root = CommandTree.Build();

        Assert.All(
            ErrorCatalogue.All.SelectMany(entry => entry.Try)
                .Where(hint => hint.StartsWith("weft ", StringComparison.Ordinal)),
            hint =>
            {
                string[] words = hint.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                Command? command = root.Subcommands.FirstOrDefault(item => item.Name == words[1]);
                Assert.True(command is not null || words[1][0] == '-', hint);
                if (command is { Subcommands.Count: > 0 } && words.Length > 2)
                {
                    Assert.Contains(command.Subcommands, item => item.Name == words[2]);
                }
            });
    }

    private async Task<string> OwnPrefixAsync(string rest)
    {
        CliCall show = node.Call();
        Assert.Equal(0, await show.RunAsync("id", "show", "--json"));
        string key = JsonDocument.Parse(show.Lines.Single()).RootElement.GetProperty("key").GetString()!;
        return "$" + key + "/" + rest;
    }

    private sealed class TempFile : IDisposable
    {
        public TempFile(string text) => File.WriteAllText(Path, text);

        public string Path { get; } =
            System.IO.Path.Combine(System.IO.Path.GetTempPath(), Guid.NewGuid().ToString("N") + ".json");

        public void Dispose() => File.Delete(Path);
    }
}
