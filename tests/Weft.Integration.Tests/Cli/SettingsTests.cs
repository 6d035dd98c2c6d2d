using Weft.Cli.App;
using Weft.Testing;

namespace Weft.Integration.Tests.Cli;

public sealed class SettingsTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Flag_beats_variable_beats_file_beats_default()
    {
        await File.WriteAllTextAsync(_folder["config.json"], "{ \"url\": \"http://127.0.0.1:3\" }");
        var flag = new CliCall();
        var variable = new CliCall();
        var file = new CliCall();
        var none = new CliCall();

        await flag.With("WEFT_URL", "http://127.0.0.1:2")
            .RunAsync("status", "--url", "http://127.0.0.1:1", "--config", _folder["config.json"]);
        await variable.With("WEFT_URL", "http://127.0.0.1:2").RunAsync("status", "--config", _folder["config.json"]);
        await file.With("WEFT_CONFIG", _folder["config.json"]).RunAsync("status");
        await none.RunAsync("status", "--timeout", "1ms");

        Assert.Contains("http://127.0.0.1:1", flag.Error, StringComparison.Ordinal);
        Assert.Contains("http://127.0.0.1:2", variable.Error, StringComparison.Ordinal);
        Assert.Contains("http://127.0.0.1:3", file.Error, StringComparison.Ordinal);
        Assert.Contains("http://127.0.0.1:8765", none.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Running_node_is_found_through_its_folder()
    {
        await File.WriteAllTextAsync(
            _folder["running.json"], "{\"pid\":1,\"url\":\"http://127.0.0.1:4/\",\"name\":\"x\"}");
        var call = new CliCall();

        Assert.Equal(ExitCode.Unreachable, await call.RunAsync("status", "--data", _folder.Path));

        Assert.Contains("http://127.0.0.1:4", call.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("{\"ulr\":\"x\"}")]
    public async Task Broken_configuration_is_wrong_usage(string text)
    {
        await File.WriteAllTextAsync(_folder["config.json"], text);
        var call = new CliCall();

        Assert.Equal(ExitCode.Usage, await call.RunAsync("status", "--config", _folder["config.json"]));

        Assert.Contains("config.json", call.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Unknown_key_gets_a_suggestion()
    {
        await File.WriteAllTextAsync(_folder["config.json"], "{\"memroy\":64}");
        var call = new CliCall();

        Assert.Equal(ExitCode.Usage, await call.RunAsync("status", "--config", _folder["config.json"]));

        Assert.Contains("did you mean \"memory\"?", call.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("garbage")]
    [InlineData("{\"url\":7}")]
    [InlineData("[1]")]
    public async Task Run_info_that_makes_no_sense_is_ignored(string text)
    {
        await File.WriteAllTextAsync(_folder["running.json"], text);
        var call = new CliCall();

        int exit = await call.RunAsync("status", "--data", _folder.Path, "--url", "127.0.0.1:1");

        Assert.Equal(ExitCode.Unreachable, exit);
    }

    [Fact]
    public async Task Token_of_the_folder_is_never_sent_to_another_host()
    {
        await File.WriteAllTextAsync(_folder["token"], "secret-token-of-this-folder");
        var call = new CliCall();

        await call.RunAsync(
            "status", "--data", _folder.Path, "--url", "http://weft.invalid:1", "-v", "--timeout", "5s");

        Assert.Contains("token none", call.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("secret-token", call.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Missing_token_file_is_a_refusal()
    {
        var call = new CliCall();

        int exit = await call.RunAsync("status", "--url", "http://127.0.0.1:1", "--token-file", _folder["none"]);

        Assert.Equal(ExitCode.Refused, exit);
    }
}
