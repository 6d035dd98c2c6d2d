using System.Text;
using Weft.Crypto;
using Weft.Crypto.Keys;
using Weft.Primitives;
using Weft.Storage;
using Weft.Storage.Sealing;
using Weft.Testing;

namespace Weft.Integration.Tests.Server;

/// <summary>An encrypted data folder keeps no key open: the store's secret seals the node's key and those of users.</summary>
public sealed class SealedIdentityTests : IDisposable
{
    private static readonly ICrypto Crypto = PlatformCrypto.Create();
    private static readonly byte[] StoreKey = [.. Enumerable.Range(0, 32).Select(i => (byte)(i * 5))];

    private readonly TempFolder _folder = new();

    public SealedIdentityTests()
    {
        File.WriteAllText(_folder["store"], "passphrase of the store\n", new UTF8Encoding(false));
        File.WriteAllText(_folder["own"], "passphrase of the key\n", new UTF8Encoding(false));
        File.WriteAllBytes(_folder["file"], StoreKey);
    }

    private IdentityFolder Folder => new(_folder["data"], Crypto);

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("store", null)]
    [InlineData(null, "file")]
    public async Task The_secret_of_the_store_seals_the_nodes_key_and_opens_it(string? passphrase, string? keyFile)
    {
        Ed25519PublicKey key;
        await using (WeftPeer peer = await StartAsync(passphrase, keyFile))
        {
            key = peer.Identity.PublicKey;
        }

        Assert.True(IsSealed(Folder.FileOf("node")));
        using StoreSecret secret = passphrase is null
            ? StoreSecret.ReadKeyFile(_folder[keyFile!])
            : StoreSecret.ReadPassphraseFile(_folder[passphrase]);
        using (Ed25519KeyPair? opened = Folder.ReadNode(secret.ToPassphrase()))
        {
            Assert.Equal(key, opened!.PublicKey);
        }

        await using WeftPeer again = await StartAsync(passphrase, keyFile);
        Assert.Equal(key, again.Identity.PublicKey);
    }

    [Fact]
    public async Task Keys_that_stood_open_in_an_encrypted_folder_are_sealed_at_the_next_start()
    {
        Ed25519PublicKey key;
        await using (WeftPeer peer = await StartAsync("store"))
        {
            key = peer.Identity.PublicKey;
        }

        // As an older version left it: the store encrypted, the keys open.
        using (KeyFile node = Folder.Read("node", Phrase("store")))
        {
            Folder.Write("node", node, []);
        }

        using var alice = new KeyFile();
        alice.Add("alice", KeyGenerator.NewEd25519(Crypto));
        Folder.Write("alice", alice, []);
        using var bob = new KeyFile();
        bob.Add("bob", KeyGenerator.NewSeaPair(Crypto));
        Folder.Write("bob", bob, Phrase("own"));
        Directory.CreateDirectory(_folder["data/users"]);
        await File.WriteAllTextAsync(_folder["data/users/broken.key"], "nonsense");

        await using WeftPeer again = await StartAsync("store");

        Assert.Equal(key, again.Identity.PublicKey);
        Assert.True(IsSealed(Folder.FileOf("node")) && IsSealed(Folder.FileOf("alice")));
        using KeyFile opened = Folder.Read("alice", Phrase("store"));
        Assert.Equal(alice.FindEd25519("alice")!.PublicKey, opened.FindEd25519("alice")!.PublicKey);
        using KeyFile own = Folder.Read("bob", Phrase("own")); // Has a passphrase of its own, and keeps it.
        Assert.NotNull(own.FindSea("bob"));
        Assert.Equal("nonsense", await File.ReadAllTextAsync(_folder["data/users/broken.key"]));
    }

    [Fact]
    public async Task A_passphrase_of_the_key_itself_wins_and_a_plain_folder_stays_as_it_was()
    {
        await using (WeftPeer peer = await StartAsync("store", identity: "own"))
        {
            Assert.True(peer.IsReady);
        }

        using (Ed25519KeyPair? opened = Folder.ReadNode(Phrase("own")))
        {
            Assert.NotNull(opened);
        }

        WeftException refused = await Assert.ThrowsAsync<WeftException>(() => StartAsync("store"));
        Assert.Equal(WeftError.KeySealed, refused.Error);
        Directory.Delete(_folder["data"], recursive: true);
        await using (WeftPeer plain = await StartAsync(null))
        {
            Assert.True(plain.IsReady);
        }

        Assert.False(IsSealed(Folder.FileOf("node")));
    }

    [Fact]
    public async Task A_rotated_key_of_an_encrypted_folder_is_sealed_and_so_is_the_old_one()
    {
        Ed25519PublicKey next;
        await using (WeftPeer peer = await StartAsync("store"))
        {
            next = await peer.RotateIdentityAsync();
        }

        Assert.All(Directory.GetFiles(_folder["data"], "identity*"), path => Assert.True(IsSealed(path), path));
        await using WeftPeer again = await StartAsync("store");
        Assert.Equal(next, again.Identity.PublicKey);
    }

    [Theory]
    [InlineData(0)] // Broken off before the store changed,
    [InlineData(1)] // behind that, before the keys changed,
    [InlineData(2)] // or not at all.
    public async Task Whatever_opens_the_store_opens_its_keys_wherever_a_change_was_broken_off(int steps)
    {
        Ed25519PublicKey key;
        await using (WeftPeer peer = await StartAsync("store"))
        {
            key = peer.Identity.PublicKey;
        }

        using var user = new KeyFile();
        user.Add("own", KeyGenerator.NewEd25519(Crypto));
        Folder.Write("own", user, Phrase("own"));
        Assert.Equal(1, Folder.PrepareReseal(Phrase("store"), StoreKey));
        if (steps > 0)
        {
            using StoreSecret old = StoreSecret.ReadPassphraseFile(_folder["store"]);
            using StoreSecret fresh = StoreSecret.ReadKeyFile(_folder["file"]);
            await StorageEngine.ChangeKeyAsync(_folder["data"], new StoreEncryption(Crypto, old), fresh);
        }

        if (steps > 1)
        {
            Folder.FinishReseal();
        }

        await using (WeftPeer again = steps == 0 ? await StartAsync("store") : await StartAsync(null, "file"))
        {
            Assert.Equal(key, again.Identity.PublicKey);
        }

        using KeyFile kept = Folder.Read("own", Phrase("own"));
        Assert.NotNull(kept.FindEd25519("own"));
    }

    [Fact]
    public async Task A_copy_left_by_a_change_that_never_was_never_comes_back_over_a_newer_key()
    {
        await (await StartAsync("store")).DisposeAsync();
        Folder.PrepareReseal(Phrase("store"), StoreKey);
        Ed25519PublicKey next;
        await using (WeftPeer peer = await StartAsync("store"))
        {
            next = await peer.RotateIdentityAsync();
        }

        Assert.Throws<WeftException>(() => Folder.ReadNode(StoreKey));
        using Ed25519KeyPair? now = Folder.ReadNode(Phrase("store"));
        Assert.Equal(next, now!.PublicKey);
    }

    private static bool IsSealed(string path) =>
        File.ReadAllText(path).Contains("\"sealed\"", StringComparison.Ordinal);

    private byte[] Phrase(string name) => PassphraseFile.Read(_folder[name]);

    private async Task<WeftPeer> StartAsync(string? passphrase, string? keyFile = null, string? identity = null) =>
        await WeftPeer.StartAsync(new()
        {
            Path = _folder["data"],
            Name = "test",
            Encryption =
            {
                PassphraseFile = passphrase is null ? null : _folder[passphrase],
                KeyFile = keyFile is null ? null : _folder[keyFile],
            },
            IdentityPassphraseFile = identity is null ? null : _folder[identity],
        });
}
