using System.Text.Json;
using Weft.Cli.App;

namespace Weft.Integration.Tests.Cli;

public sealed class TokenCommandTests(CliNode node) : IClassFixture<CliNode>
{
    [Fact]
    public async Task A_token_is_made_listed_used_and_revoked()
    {
        CliCall make = node.Call();
        Assert.Equal(0, await make.RunAsync(
            "token", "new", "phone", "--scope", "read", "--scope", "write", "--prefix", "phone/", "--expires", "12h"));
        string token = make.Lines.Single();
        CliCall list = node.Call();
        Assert.Equal(0, await list.RunAsync("token", "ls", "--json"));
        JsonElement listed = list.Lines.Select(line => JsonDocument.Parse(line).RootElement)
            .Single(item => item.GetProperty("name").GetString() == "phone");
        CliCall inside = node.Call().With("WEFT_TOKEN", token);
        CliCall outside = node.Call().With("WEFT_TOKEN", token);
        CliCall admin = node.Call().With("WEFT_TOKEN", token);

        Assert.Equal(0, await inside.RunAsync("put", "phone/1", "name=Ada"));
        Assert.Equal(ExitCode.Refused, await outside.RunAsync("put", "tablet/1", "name=Ada"));
        Assert.Equal(ExitCode.Refused, await admin.RunAsync("token", "ls"));
        Assert.Contains("W4401", outside.Error, StringComparison.Ordinal);
        Assert.Contains("\"phone/\"", outside.Error, StringComparison.Ordinal);
        Assert.Contains("\"admin\"", admin.Error, StringComparison.Ordinal);
        Assert.Equal(43, token.Length);
        Assert.DoesNotContain(token, list.Out + make.Error, StringComparison.Ordinal);

        string id = listed.GetProperty("id").GetString()!;
        Assert.Equal(0, await node.Call().RunAsync("token", "revoke", id));
        Assert.Equal(ExitCode.NothingThere, await node.Call().RunAsync("token", "revoke", id));
        Assert.Equal(
            ExitCode.Refused, await node.Call().With("WEFT_TOKEN", token).RunAsync("put", "phone/1", "name=Eve"));
    }

    [Theory]
    [InlineData("token", "new", "a", "--scope", "root")]
    [InlineData("token", "new", "a", "--scope", "admin", "--prefix", "a/")]
    public async Task A_mistake_is_told(params string[] words)
    {
        CliCall call = node.Call();

        Assert.NotEqual(0, await call.RunAsync(words));
        Assert.Contains("W1004", call.Error, StringComparison.Ordinal);
        Assert.Equal("", call.Out);
    }

    [Fact]
    public async Task A_duration_that_is_none_is_wrong_usage()
    {
        CliCall call = node.Call();

        Assert.Equal(ExitCode.Usage, await call.RunAsync("token", "new", "a", "--expires", "soon"));
        Assert.Contains("soon", call.Error, StringComparison.Ordinal);
    }
}
