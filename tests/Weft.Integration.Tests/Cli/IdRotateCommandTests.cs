using System.Text.Json;
using Weft.Cli.App;
using Weft.Crypto;
using Weft.Crypto.Keys;
using Weft.Graph;
using Weft.Node;
using Weft.Primitives;
using Weft.Server;
using Weft.Testing;

namespace Weft.Integration.Tests.Cli;

/// <summary>A user's key is rotated by the command line, and two linked peers follow it.</summary>
public sealed class IdRotateCommandTests : IAsyncLifetime
{
    private const string Token = "test-token-0123456789abcdef";

    private static readonly ICrypto Crypto = PlatformCrypto.Create();

    private readonly TempFolder _folder = new();
    private WeftServer? _home;
    private WeftServer? _away;

    private IdentityFolder Folder => new(_folder["data"], Crypto);

    public async Task InitializeAsync()
    {
        _away = await StartAsync();
        _home = await StartAsync($"ws://127.0.0.1:{_away.Url.Port}/gun");
        Assert.Equal(0, (await RunAsync("id", "new", "alice")).Exit);
    }

    public async Task DisposeAsync()
    {
        await _home!.DisposeAsync();
        await _away!.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_users_new_key_takes_over_at_every_peer()
    {
        using KeyFile before = Folder.Read("alice", []);
        Ed25519KeyPair old = before.FindEd25519("alice")!;
        string soul = $"${old.PublicKey}/note";
        Assert.True((await WriteAsync(_home!, soul, "before", old)).IsAccepted);

        (int asked, _, _) = await RunAsync("id", "rotate", "alice");
        (int exit, string output, string error) = await RunAsync("id", "rotate", "alice", "--yes", "--json");
        Assert.Equal(ExitCode.Usage, asked);
        Assert.True(exit == 0, error);
        JsonElement told = JsonDocument.Parse(output).RootElement;
        using KeyFile after = Folder.Read("alice", []);
        Ed25519KeyPair next = after.FindEd25519("alice")!;
        Assert.Equal(old.PublicKey.ToString(), told.GetProperty("old").GetString());
        Assert.Equal(next.PublicKey.ToString(), told.GetProperty("key").GetString());
        Assert.NotEqual(old.PublicKey, next.PublicKey);

        await UntilAsync(() => _away!.Peer.Node.Policies.IsRetired(old.PublicKey, double.MaxValue));
        foreach (WeftServer peer in (WeftServer[])[_home!, _away!])
        {
            Assert.Equal(WeftError.KeyRotated, (await WriteAsync(peer, soul, "old", old)).Error);
            WriteResult taken = await WriteAsync(peer, soul, "new", next);
            Assert.True(taken.IsAccepted && taken.Applied == 1, $"{taken}");
            Assert.Equal("new", (await peer.Peer.Graph.ReadFieldAsync(soul, "text")).Value.AsText());
        }

        string kept = Assert.Single(Directory.GetFiles(_folder["data/users"], "alice-*.old"));
        using KeyFile oldFile = Folder.ReadFile(kept, []);
        Assert.Equal(old.PublicKey, oldFile.FindEd25519("alice")!.PublicKey);
        Assert.Empty(Directory.GetFiles(_folder["data/users"], "*.next"));
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Folder.FileOf("alice")));
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_rotation_that_was_broken_off_is_taken_up_again_with_the_same_key(bool recordWasStored)
    {
        using KeyFile before = Folder.Read("alice", []);
        using Ed25519KeyPair next = Folder.PrepareNext("alice", []);
        if (recordWasStored)
        {
            Assert.True((await _home!.Peer.Recovery.RotateAsync(
                before.FindEd25519("alice")!, next.PublicKey)).IsAccepted);
        }

        (int exit, _, string error) = await RunAsync("id", "rotate", "alice", "--yes");

        Assert.True(exit == 0, error);
        using KeyFile after = Folder.Read("alice", []);
        Assert.Equal(next.PublicKey, after.FindEd25519("alice")!.PublicKey);
        Assert.True(_home!.Peer.Node.Policies.IsRetired(before.FindEd25519("alice")!.PublicKey, double.MaxValue));
    }

    [Fact]
    public async Task A_key_that_has_another_successor_is_not_rotated_and_nothing_changes()
    {
        using KeyFile before = Folder.Read("alice", []);
        using Ed25519KeyPair other = KeyGenerator.NewEd25519(Crypto);
        Ed25519KeyPair key = before.FindEd25519("alice")!;
        Assert.True((await _home!.Peer.Recovery.RotateAsync(key, other.PublicKey)).IsAccepted);
        WriteResult again = await _home.Peer.Recovery.RotateAsync(key, other.PublicKey);
        Assert.True(again.IsAccepted && again.Applied == 0, $"{again}");

        (int exit, _, string error) = await RunAsync("id", "rotate", "alice", "--yes");

        Assert.Equal(ExitCode.Refused, exit);
        Assert.Contains("W4308", error, StringComparison.Ordinal);
        Assert.Contains(other.PublicKey.ToString(), error, StringComparison.Ordinal);
        Assert.Equal(["alice.key"], Directory.GetFiles(_folder["data/users"]).Select(Path.GetFileName));
    }

    [Fact]
    public async Task A_pair_of_gun_has_no_rotation_and_the_error_says_what_to_do()
    {
        Assert.Equal(0, (await RunAsync("id", "new", "bob", "--sea")).Exit);
        byte[] file = await File.ReadAllBytesAsync(Folder.FileOf("bob"));

        (int exit, _, string error) = await RunAsync("id", "rotate", "bob", "--yes");

        Assert.Equal(ExitCode.Usage, exit);
        Assert.Contains("gun.js knows no record", error, StringComparison.Ordinal);
        Assert.Contains("weft id new NAME --sea", error, StringComparison.Ordinal);
        Assert.Equal(file, await File.ReadAllBytesAsync(Folder.FileOf("bob")));
        Assert.Equal(ExitCode.NothingThere, (await RunAsync("id", "rotate", "nobody", "--yes")).Exit);
    }

    [Fact]
    public async Task A_sealed_key_stays_sealed_with_its_passphrase()
    {
        await File.WriteAllTextAsync(_folder["pass"], "tell nobody\n");
        string[] with = ["--passphrase-file", _folder["pass"]];
        Assert.Equal(0, (await RunAsync(["id", "new", "carol", .. with])).Exit);

        Assert.Equal(ExitCode.Refused, (await RunAsync("id", "rotate", "carol", "--yes")).Exit);
        Assert.Equal(0, (await RunAsync(["id", "rotate", "carol", "--yes", .. with])).Exit);

        foreach (string path in Directory.GetFiles(_folder["data/users"], "carol*"))
        {
            Assert.Contains("\"sealed\"", await File.ReadAllTextAsync(path), StringComparison.Ordinal);
        }

        Assert.Equal(0, (await RunAsync(["id", "show", "carol", .. with])).Exit);
    }

    [Fact]
    public async Task Without_a_node_nothing_is_rotated_and_the_prepared_key_waits()
    {
        var call = new CliCall().With("WEFT_URL", $"http://127.0.0.1:{CliNode.FreePort()}").With("WEFT_TOKEN", Token);

        int exit = await call.RunAsync("id", "rotate", "alice", "--yes", "--data", _folder["data"]);

        Assert.Equal(ExitCode.Unreachable, exit);
        using Ed25519KeyPair? waiting = Folder.ReadNext("alice", []);
        Assert.NotNull(waiting);
    }

    private static ValueTask<WriteResult> WriteAsync(WeftServer server, string soul, string text, Ed25519KeyPair key) =>
        server.Peer.Graph.WriteAsync(
            [new FieldWrite(soul, "text", text, double.NaN)], WriteSource.Local.With(key));

    private static async Task<WeftServer> StartAsync(params string[] peers)
    {
        var options = new ServerOptions { Http = "127.0.0.1:0", Token = Token };
        options.Peer.Store = WeftStoreKind.Memory;
        options.Peer.Peers = [.. peers];
        return await WeftServer.StartAsync(options);
    }

    private static async Task UntilAsync(Func<bool> holds)
    {
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!holds())
        {
            await Task.Delay(10, late.Token);
        }
    }

    private async Task<(int Exit, string Out, string Error)> RunAsync(params string[] words)
    {
        CliCall call = new CliCall().With("WEFT_URL", _home!.Url.AbsoluteUri).With("WEFT_TOKEN", Token);
        int exit = await call.RunAsync([.. words, "--data", _folder["data"]]);
        return (exit, call.Out, call.Error);
    }
}
