using System.Buffers.Text;
using System.Text;
using Weft.Cli.App;
using Weft.Crypto;
using Weft.Crypto.Keys;
using Weft.Node.Storage;
using Weft.Storage;
using Weft.Storage.Sealing;
using Weft.Testing;

namespace Weft.Integration.Tests.Cli;

/// <summary>Backups with the keys of a data folder: sealed always, and only when they are asked for.</summary>
public sealed class BackupIdentityTests : IDisposable
{
    private static readonly ICrypto Crypto = PlatformCrypto.Create();

    private readonly TempFolder _folder = new();
    private readonly byte[] _node = new byte[32];
    private readonly byte[] _alice = new byte[32];

    public BackupIdentityTests()
    {
        File.WriteAllText(_folder["phrase"], "canary passphrase\n", new UTF8Encoding(false));
        File.WriteAllText(_folder["store"], "passphrase of the store\n", new UTF8Encoding(false));
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_backup_of_a_plain_store_holds_no_key_or_sealed_ones_and_gives_them_back()
    {
        await using (WeftProcess node = await WeftProcess.StartAsync(_folder["data"]))
        {
            await MakeUserAsync(node);
            Assert.Equal(0, (await node.CallAsync("put", "soul", "field=value")).Exit);
            Assert.Equal(0, (await node.CallAsync("backup", _folder["without"])).Exit);
            WeftRun open = await node.CallAsync("backup", _folder["open"], "--with-identity");
            WeftRun misread = await node.CallAsync(
                "backup", _folder["open"], "--identity-passphrase-file", _folder["phrase"]);
            WeftRun made = await node.CallAsync(
                "backup", _folder["with"], "--with-identity", "--identity-passphrase-file", _folder["phrase"]);

            Assert.Equal((ExitCode.Refused, ExitCode.Usage, 0), (open.Exit, misread.Exit, made.Exit));
            Assert.Contains("W2105", open.Error, StringComparison.Ordinal);
            Assert.False(File.Exists(_folder["open"]));
            Assert.Empty(Directory.GetFiles(_folder["data/backups"])); // Neither refused nor fetched copies stay.
            await node.StopAsync(TimeSpan.FromSeconds(10));
            Assert.DoesNotContain(node.Lines, line => line.Contains("canary", StringComparison.Ordinal));
        }

        ReadSecrets([]);
        HasNoSecret(_folder["without"]);
        HasNoSecret(_folder["with"]);
        IsOwnersOnly(_folder["with"]);
        Assert.True(Contains(_folder["with"], Encoding.UTF8.GetBytes("pbkdf2-hmac-sha256")));
        Assert.False(Contains(_folder["without"], Encoding.UTF8.GetBytes("pbkdf2-hmac-sha256")));

        WeftRun restored = await WeftProcess.RunAsync("restore", _folder["with"], "--data", _folder["back"]);
        Assert.True(restored.Exit == 0, restored.Error);
        Assert.Contains("keys put back: alice, node", restored.Error, StringComparison.Ordinal);
        var back = new IdentityFolder(_folder["back"], Crypto);
        byte[] phrase = PassphraseFile.Read(_folder["phrase"]);
        SameKey(back, "node", _node, phrase);
        SameKey(back, "alice", _alice, phrase);
        IsOwnersOnly(back.FileOf("node"));
        IsOwnersOnly(back.FileOf("alice"));
        Assert.False(Contains(_folder["back/graph.db"], Encoding.UTF8.GetBytes("pbkdf2")), "the store has no keys");
        WeftRun drill = await WeftProcess.RunAsync(
            "restore", _folder["with"], "--data", _folder["drill"], "--without-identity");
        Assert.True(drill.Exit == 0 && !new IdentityFolder(_folder["drill"], Crypto).Has("node"), drill.Error);
        await using WeftProcess again = await WeftProcess.StartAsync(
            _folder["back"], "--identity-passphrase-file", _folder["phrase"]);
        Assert.Contains("value", (await again.CallAsync("get", "soul")).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_backup_of_an_encrypted_store_seals_the_keys_with_everything_else()
    {
        string[] with = ["--passphrase-file", _folder["store"]];
        await using (WeftProcess node = await WeftProcess.StartAsync(_folder["data"], ["--encrypt", .. with]))
        {
            await MakeUserAsync(node, with);
            WeftRun made = await node.CallAsync("backup", _folder["with"], "--with-identity");
            Assert.True(made.Exit == 0, made.Error);
        }

        byte[] phrase = PassphraseFile.Read(_folder["store"]);
        ReadSecrets(phrase);
        HasNoSecret(_folder["with"]);
        Assert.False(Contains(_folder["with"], Encoding.UTF8.GetBytes("pbkdf2-hmac-sha256")));

        WeftRun restored = await WeftProcess.RunAsync(["restore", _folder["with"], "--data", _folder["back"], .. with]);
        Assert.True(restored.Exit == 0, restored.Error);
        var back = new IdentityFolder(_folder["back"], Crypto);
        SameKey(back, "node", _node, phrase);
        SameKey(back, "alice", _alice, phrase);
    }

    [Fact]
    public async Task A_backup_that_names_a_file_outside_or_holds_no_key_is_refused()
    {
        (string Name, byte[] Content)[] bad =
            [("../../evil", [1, 2, 3]), ("alice", [1, 2, 3]), ("UPPER", [1]), ("..", KeyBytes()), ("", KeyBytes())];
        for (int i = 0; i < bad.Length; i++)
        {
            string file = _folder[$"bad-{i}"];
            await using (StorageEngine store = await StorageEngine.OpenAsync(new() { Path = _folder[$"store-{i}"] }))
            {
                await store.BackupAsync(file, [new BackupFile(bad[i].Name, bad[i].Content)]);
            }

            WeftRun restored = await WeftProcess.RunAsync("restore", file, "--data", _folder[$"back-{i}/deep"]);

            Assert.Equal(ExitCode.Damage, restored.Exit);
            Assert.False(Directory.Exists(_folder[$"back-{i}/deep/users"]));
            Assert.Empty(Directory.GetFiles(_folder.Path, "evil*", SearchOption.AllDirectories));
        }
    }

    private static byte[] KeyBytes()
    {
        using var keys = new KeyFile();
        keys.Add("alice", KeyGenerator.NewEd25519(Crypto));
        return KeyFileCodec.Write(Crypto, keys);
    }

    private static bool Contains(string file, byte[] what) => File.ReadAllBytes(file).AsSpan().IndexOf(what) >= 0;

    private static void IsOwnersOnly(string file)
    {
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        }
    }

    private static void SameKey(IdentityFolder folder, string name, byte[] seed, byte[] passphrase)
    {
        using KeyFile keys = folder.Read(name, passphrase);
        Assert.Equal(seed, Seed(keys.FindEd25519(name)!));
    }

    private static byte[] Seed(Ed25519KeyPair pair)
    {
        byte[] seed = new byte[32];
        pair.CopySeedTo(seed);
        return seed;
    }

    private async Task MakeUserAsync(WeftProcess node, params string[] with)
    {
        WeftRun made = await WeftProcess.RunAsync(["id", "new", "alice", "--data", _folder["data"], .. with]);
        Assert.True(made.Exit == 0 && !node.HasExited, made.Error);
    }

    private void ReadSecrets(byte[] passphrase)
    {
        var folder = new IdentityFolder(_folder["data"], Crypto);
        foreach ((string name, byte[] seed) in new[] { ("node", _node), ("alice", _alice) })
        {
            using KeyFile keys = folder.Read(name, passphrase);
            Seed(keys.FindEd25519(name)!).CopyTo(seed, 0);
        }
    }

    private void HasNoSecret(string file)
    {
        byte[] token = File.ReadAllBytes(_folder["data/token"]).AsSpan().TrimEnd("\r\n"u8).ToArray();
        foreach (byte[] secret in new[] { _node, _alice })
        {
            Assert.False(Contains(file, secret), $"{file} holds a seed");
            Assert.False(Contains(file, Encoding.ASCII.GetBytes(Base64Url.EncodeToString(secret))), $"{file} holds a seed");
            Assert.False(Contains(file, Encoding.ASCII.GetBytes(Convert.ToHexStringLower(secret))), $"{file} holds a seed");
        }

        Assert.False(Contains(file, token), $"{file} holds the token");
        Assert.False(Contains(file, Encoding.UTF8.GetBytes("canary passphrase")), $"{file} holds a passphrase");
    }
}
