using System.Text;
using Weft.Testing;

namespace Weft.Integration.Tests.Cli;

/// <summary>The command line on an encrypted store, with real processes.</summary>
public sealed class EncryptedUpTests : IDisposable
{
    private const string Canary = "canary-of-the-command-line";

    private readonly TempFolder _folder = new();

    public EncryptedUpTests()
    {
        File.WriteAllText(_folder["phrase"], "canary passphrase\n");
        File.WriteAllText(_folder["wrong"], "another passphrase\n");
        File.WriteAllBytes(_folder["key"], Enumerable.Range(0, 32).Select(i => (byte)(i * 7)).ToArray());
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_store_is_made_killed_opened_backed_up_restored_and_verified_with_its_passphrase()
    {
        string[] with = ["--passphrase-file", _folder["phrase"]];
        var lines = new List<string>();
        await using (WeftProcess node = await WeftProcess.StartAsync(_folder["data"], ["--encrypt", "-v", .. with]))
        {
            Assert.Equal(0, (await node.CallAsync("put", Canary, $"{Canary}-field={Canary}-value")).Exit);
            await node.KillAsync();
            lines.AddRange(node.Lines);
        }

        await using (WeftProcess node = await WeftProcess.StartAsync(_folder["data"], ["-v", .. with]))
        {
            Assert.Contains($"{Canary}-value", (await node.CallAsync("get", Canary)).Out, StringComparison.Ordinal);
            Assert.Equal(0, (await node.CallAsync("backup", _folder["friday.weftbak"])).Exit);
            await node.StopAsync(TimeSpan.FromSeconds(30));
            lines.AddRange(node.Lines);
        }

        WeftRun keyless = await WeftProcess.RunAsync("restore", _folder["friday.weftbak"], "--data", _folder["never"]);
        WeftRun restored = await WeftProcess.RunAsync(
            ["restore", _folder["friday.weftbak"], "--data", _folder["drill"], .. with]);
        WeftRun verified = await WeftProcess.RunAsync(["verify", "--offline", "--data", _folder["drill"], .. with]);
        WeftRun read = await WeftProcess.RunAsync(
            ["get", Canary, "--offline", "--data", _folder["drill"]],
            new Dictionary<string, string?> { ["WEFT_PASSPHRASE_FILE"] = _folder["phrase"] }, null);

        Assert.Equal((4, 0, 0, 0), (keyless.Exit, restored.Exit, verified.Exit, read.Exit));
        Assert.Contains("W3206", keyless.Error, StringComparison.Ordinal);
        Assert.Contains($"{Canary}-value", read.Out, StringComparison.Ordinal);
        Assert.DoesNotContain(lines, line => line.Contains("canary passphrase", StringComparison.Ordinal));
        File.Delete(_folder["phrase"]);
        foreach (string file in Directory.EnumerateFiles(_folder.Path, "*", SearchOption.AllDirectories))
        {
            byte[] bytes = await File.ReadAllBytesAsync(file);
            Assert.True(bytes.AsSpan().IndexOf(Encoding.UTF8.GetBytes("canary")) < 0, $"{file} holds a canary");
        }
    }

    [Fact]
    public async Task What_is_wrong_with_the_key_is_said_with_a_code_of_its_own()
    {
        string[] up = ["up", "--data", _folder["data"], "--http", "127.0.0.1:0"];
        await using (WeftProcess node = await WeftProcess.StartAsync(_folder["data"], "--key-file", _folder["key"]))
        {
            Assert.True(File.Exists(Path.Combine(_folder["data"], "keys")));
        }

        await using (WeftProcess plain = await WeftProcess.StartAsync(_folder["plain"]))
        {
            Assert.False(File.Exists(Path.Combine(_folder["plain"], "keys")));
        }

        WeftRun none = await WeftProcess.RunAsync(up);
        WeftRun wrong = await WeftProcess.RunAsync([.. up, "--passphrase-file", _folder["wrong"]]);
        WeftRun unread = await WeftProcess.RunAsync([.. up, "--key-file", _folder["missing"]]);
        WeftRun both = await WeftProcess.RunAsync(
            [.. up, "--key-file", _folder["key"], "--passphrase-file", _folder["wrong"]]);
        WeftRun unsealed = await WeftProcess.RunAsync(
            "up", "--data", _folder["plain"], "--http", "127.0.0.1:0", "--encrypt", "--key-file", _folder["key"]);
        WeftRun nobody = await WeftProcess.RunAsync(
            "up", "--data", _folder["new"], "--http", "127.0.0.1:0", "--encrypt");

        Assert.Equal(
            (4, 4, 2, 2, 4, 2), (none.Exit, wrong.Exit, unread.Exit, both.Exit, unsealed.Exit, nobody.Exit));
        Assert.Contains("W3206", none.Error, StringComparison.Ordinal);
        Assert.Contains("W3207", wrong.Error, StringComparison.Ordinal);
        Assert.Contains("W3209", unread.Error, StringComparison.Ordinal);
        Assert.Contains("W3208", unsealed.Error, StringComparison.Ordinal);
        Assert.Contains("--passphrase-file", nobody.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder["new"]));
        Assert.DoesNotContain("another", wrong.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_person_is_asked_for_the_passphrase_and_sees_nothing_of_it()
    {
        await using (WeftProcess node = await WeftProcess.StartAsync(
            _folder["data"], "--encrypt", "--passphrase-file", _folder["phrase"]))
        {
            Assert.Equal(0, (await node.CallAsync("put", Canary, "field=value")).Exit);
        }

        CliCall right = Asked("canary passX\bphrase\r");
        CliCall wrong = Asked("nonsense\r");
        CliCall nothing = Asked("\r");
        string[] verify = ["verify", "--offline", "--data", _folder["data"]];

        Assert.Equal(4, await wrong.RunAsync(verify));
        Assert.Equal(2, await nothing.RunAsync(verify));
        string[] both = ["--passphrase-file", _folder["key"], "--key-file", _folder["key"]];
        Assert.Equal(2, await Asked("nonsense\r").RunAsync([.. verify, "--no-input", .. both]));
        Assert.Equal(4, await Asked("nonsense\r").RunAsync([.. verify, "--no-input"]));
        Assert.Equal(0, await right.RunAsync(verify));
        Assert.Contains("Passphrase of the store: ", right.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("canary", right.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("nonsense", wrong.Error, StringComparison.Ordinal);
        CliCall slip = Asked("one\rother\r");
        Assert.Equal(2, await slip.RunAsync("up", "--encrypt", "--data", _folder["new"], "--http", "127.0.0.1:0"));
        Assert.False(Directory.Exists(_folder["new"]));
    }

    [Fact]
    public async Task Rekey_lets_the_new_key_in_and_the_old_one_out()
    {
        await using (WeftProcess node = await WeftProcess.StartAsync(
            _folder["data"], "--encrypt", "--passphrase-file", _folder["phrase"]))
        {
            Assert.Equal(0, (await node.CallAsync("put", Canary, "field=value")).Exit);
            Assert.NotEqual(0, (await node.CallAsync(
                "rekey", "--passphrase-file", _folder["phrase"], "--new-key-file", _folder["key"])).Exit);
        }

        string[] rekey = ["rekey", "--data", _folder["data"], "--new-key-file", _folder["key"]];
        string[] get = ["get", Canary, "--offline", "--data", _folder["data"]];

        Assert.Equal(2, await Asked("").RunAsync([.. rekey, "--no-input"]));
        Assert.Equal(4, await Asked("").RunAsync([.. rekey, "--passphrase-file", _folder["wrong"]]));
        Assert.Equal(0, await Asked("canary passphrase\r").RunAsync(rekey));
        CliCall old = Asked("").With("WEFT_PASSPHRASE_FILE", _folder["phrase"]);
        CliCall fresh = Asked("").With("WEFT_KEY_FILE", _folder["key"]);
        Assert.Equal((4, 0), (await old.RunAsync(get), await fresh.RunAsync(get)));
        Assert.Contains("value", fresh.Out, StringComparison.Ordinal);
    }

    private static CliCall Asked(string keys)
    {
        var call = new CliCall { IsTerminal = true };
        foreach (char key in keys)
        {
            call.Keys.Enqueue(key);
        }

        return call;
    }
}
