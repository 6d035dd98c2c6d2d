using System.Text.Json;
using Weft.Cli.App;
using Weft.Crypto;
using Weft.Crypto.Keys;
using Weft.Testing;

namespace Weft.Integration.Tests.Cli;

public sealed class IdCommandTests : IDisposable
{
    private static readonly ICrypto Crypto = PlatformCrypto.Create();

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Show_tells_the_same_with_a_node_and_without_one()
    {
        Assert.Equal(ExitCode.NothingThere, (await RunAsync("id", "show")).Exit);
        string with;
        await using (WeftProcess node = await WeftProcess.StartAsync(_folder["data"]))
        {
            WeftRun running = await node.CallAsync("id", "show", "--json");
            Assert.Equal(0, running.Exit);
            with = running.Out;
            Assert.Equal(ExitCode.Failed, (await RunAsync("id", "new", "--replace")).Exit);
            await node.KillAsync(); // Leaves its running.json behind.
        }

        (int exit, string output, _) = await RunAsync("id", "show", "--json");
        JsonElement here = JsonDocument.Parse(output).RootElement;
        JsonElement there = JsonDocument.Parse(with).RootElement;

        Assert.Equal(0, exit);
        Assert.Equal(there.GetProperty("peerId").GetString(), here.GetProperty("peerId").GetString());
        Assert.Equal(there.GetProperty("key").GetString(), here.GetProperty("key").GetString());
        Assert.Equal(43, here.GetProperty("key").GetString()!.Length);
        Assert.Equal(1, there.GetProperty("addresses").GetArrayLength());
        Assert.Equal(0, here.GetProperty("addresses").GetArrayLength());
    }

    [Fact]
    public async Task Keys_of_users_are_made_exported_and_imported()
    {
        foreach (string[] kind in (string[][])[[], ["--sea"]])
        {
            string name = kind.Length == 0 ? "alice" : "sea-user";
            (int exit, string made, _) = await RunAsync(["id", "new", name, "--json", .. kind]);
            Assert.Equal(0, exit);
            Assert.Equal(ExitCode.Conflict, (await RunAsync(["id", "new", name, .. kind])).Exit);
            Assert.Equal(0, (await RunAsync("id", "export", name, "-o", _folder[name])).Exit);
            Assert.Equal(ExitCode.Conflict, (await RunAsync("id", "export", name, "-o", _folder[name])).Exit);
            Assert.Equal(ExitCode.Conflict, (await RunAsync("id", "import", _folder[name])).Exit);
            Assert.Equal(0, (await RunAsync("id", "import", _folder[name], "--as", name + "-2")).Exit);

            Assert.Equal(made, (await RunAsync("id", "show", name + "-2", "--json")).Out);
            Assert.Equal(
                await File.ReadAllBytesAsync(Path.Combine(_folder["data"], "users", name + ".key")),
                await File.ReadAllBytesAsync(_folder[name]));
            if (!OperatingSystem.IsWindows())
            {
                Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_folder[name]));
                Assert.Equal(
                    UnixFileMode.UserRead | UnixFileMode.UserWrite,
                    File.GetUnixFileMode(Path.Combine(_folder["data"], "users", name + ".key")));
            }
        }
    }

    [Fact]
    public async Task A_passphrase_seals_a_key_and_opens_it()
    {
        await File.WriteAllTextAsync(_folder["pass"], "tell nobody\n");
        (int exit, string made, _) = await RunAsync(
            "id", "new", "bob", "--json", "--passphrase-file", _folder["pass"]);

        Assert.Equal(0, exit);
        (int locked, _, string error) = await RunAsync("id", "show", "bob");
        Assert.Equal(ExitCode.Refused, locked);
        Assert.Contains("W2105", error, StringComparison.Ordinal);
        Assert.Equal(made, (await RunAsync("id", "show", "bob", "--json", "--passphrase-file", _folder["pass"])).Out);
    }

    [Fact]
    public async Task A_pair_of_gun_is_imported_under_a_name()
    {
        using Weft.Crypto.Sea.SeaPair pair = KeyGenerator.NewSeaPair(Crypto);
        var json = new System.Buffers.ArrayBufferWriter<byte>();
        pair.WriteSecrets(json);
        await File.WriteAllBytesAsync(_folder["pair.json"], json.WrittenMemory);

        Assert.Equal(ExitCode.Usage, (await RunAsync("id", "import", _folder["pair.json"])).Exit);
        Assert.Equal(0, (await RunAsync("id", "import", _folder["pair.json"], "--as", "gunner")).Exit);
        (_, string shown, _) = await RunAsync("id", "show", "gunner", "--json");

        Assert.Equal(pair.Pub.ToString(), JsonDocument.Parse(shown).RootElement.GetProperty("pub").GetString());
    }

    [Fact]
    public async Task The_nodes_own_key_moves_to_another_folder_and_is_replaced_on_purpose_only()
    {
        await (await WeftPeer.StartAsync(new() { Path = _folder["data"] })).DisposeAsync();
        (_, string first, _) = await RunAsync("id", "show", "--json");
        Assert.Equal(0, (await RunAsync("id", "export", "node", "-o", _folder["moved"])).Exit);
        Assert.Equal(ExitCode.Usage, (await RunAsync("id", "new")).Exit);
        Assert.Equal(0, (await RunAsync("id", "new", "--replace")).Exit);
        (_, string second, _) = await RunAsync("id", "show", "--json");
        var elsewhere = new CliCall();
        Assert.Equal(0, await elsewhere.RunAsync("id", "import", _folder["moved"], "--data", _folder["other"]));
        var shown = new CliCall();
        await shown.RunAsync("id", "show", "--json", "--data", _folder["other"]);

        Assert.NotEqual(first, second);
        Assert.Equal(first, shown.Out);
        Assert.Single(Directory.GetFiles(_folder["data"], "identity-*.old"));
    }

    [Fact]
    public async Task What_is_no_key_is_told_so()
    {
        await File.WriteAllTextAsync(_folder["junk"], "junk");
        Directory.CreateDirectory(_folder["data"]);
        await File.WriteAllTextAsync(Path.Combine(_folder["data"], "identity.json"), "{\"weft\":\"keys\"");

        (int exit, _, string error) = await RunAsync("id", "show");
        Assert.Equal(ExitCode.Failed, exit);
        Assert.Contains("error W2104", error, StringComparison.Ordinal);
        Assert.Contains("weft id import FILE", error, StringComparison.Ordinal);
        Assert.Contains("weft id new --replace", error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Failed, (await RunAsync("id", "import", _folder["junk"], "--as", "x")).Exit);
        Assert.Equal(ExitCode.NothingThere, (await RunAsync("id", "show", "nobody")).Exit);
        Assert.Equal(ExitCode.NothingThere, (await RunAsync("id", "export", "nobody")).Exit);
        Assert.Equal(ExitCode.Usage, (await RunAsync("id", "show", "../up")).Exit);
        Assert.Equal(ExitCode.Usage, (await RunAsync("id", "new", "Not A Name")).Exit);
    }

    [Fact]
    public async Task A_key_is_not_shown_on_a_terminal()
    {
        await RunAsync("id", "new", "alice");
        var call = new CliCall { IsTerminal = true };

        Assert.Equal(ExitCode.Usage, await call.RunAsync("id", "export", "alice", "--data", _folder["data"]));
        Assert.DoesNotContain("seed", call.Out + call.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rotate_stops_the_node_and_the_next_start_has_the_new_key()
    {
        string next;
        await using (WeftProcess node = await WeftProcess.StartAsync(_folder["data"]))
        {
            WeftRun asked = await node.CallAsync("id", "rotate");
            Assert.Equal(ExitCode.Usage, asked.Exit);
            WeftRun rotated = await node.CallAsync("id", "rotate", "--yes", "--json");
            Assert.Equal(0, rotated.Exit);
            next = JsonDocument.Parse(rotated.Out).RootElement.GetProperty("key").GetString()!;
            Assert.Equal(0, await node.StopAsync(TimeSpan.FromSeconds(30)));
        }

        await using WeftProcess again = await WeftProcess.StartAsync(_folder["data"]);
        WeftRun shown = await again.CallAsync("id", "show", "--json");

        Assert.Equal(next, JsonDocument.Parse(shown.Out).RootElement.GetProperty("key").GetString());
    }

    private async Task<(int Exit, string Out, string Error)> RunAsync(params string[] words)
    {
        var call = new CliCall();
        int exit = await call.RunAsync([.. words, "--data", _folder["data"]]);
        return (exit, call.Out, call.Error);
    }
}
