using System.Text;
using System.Text.Json;
using Weft.Crypto;
using Weft.Crypto.Keys;
using Weft.Graph;
using Weft.Graph.Policy;
using Weft.Node;
using Weft.Primitives;
using Weft.Testing;

namespace Weft.Integration.Tests.Server;

public sealed class IdentityTests : IDisposable
{
    private static readonly ICrypto Crypto = PlatformCrypto.Create();

    private readonly TempFolder _folder = new();

    private string IdentityFile => _folder["identity.json"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task The_first_start_makes_a_key_and_later_ones_keep_it()
    {
        Ed25519PublicKey first;
        await using (WeftPeer peer = await StartAsync())
        {
            first = peer.Identity.PublicKey;
        }

        await using WeftPeer again = await StartAsync();

        Assert.Equal(first, again.Identity.PublicKey);
        Assert.False(File.Exists(IdentityFile + ".new"));
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(IdentityFile));
        }
    }

    [Fact]
    public async Task A_peer_in_memory_has_a_key_of_its_own_or_the_one_it_is_given()
    {
        using Ed25519KeyPair given = SessionClient.Pair(7);
        var options = new WeftOptions { Store = WeftStoreKind.Memory, Path = _folder["none"] };
        await using (WeftPeer one = await WeftPeer.StartAsync(options))
        await using (WeftPeer two = await WeftPeer.StartAsync(options))
        {
            Assert.NotEqual(one.Identity.PublicKey, two.Identity.PublicKey);
            await Assert.ThrowsAsync<WeftException>(() => one.RotateIdentityAsync().AsTask());
        }

        options.Node.Identity = given;
        await using (WeftPeer three = await WeftPeer.StartAsync(options))
        {
            Assert.Equal(given.PublicKey, three.Identity.PublicKey);
        }

        given.Sign(Crypto, [1], new byte[64]); // Whoever gave it still has it.
        Assert.False(Directory.Exists(_folder["none"]));
    }

    [Fact]
    public async Task A_damaged_key_stops_the_start_says_what_is_wrong_and_stays_as_it_is()
    {
        await (await StartAsync()).DisposeAsync();
        string good = await File.ReadAllTextAsync(IdentityFile);
        string seed = JsonDocument.Parse(good).RootElement.GetProperty("keys")[0].GetProperty("seed").GetString()!;
        string shorter = good.Replace(seed, seed[..42], StringComparison.Ordinal);
        string[] broken = [shorter, good[..^40], "{", "", "31 bytes", good.Replace("node", "edon")];
        foreach (string text in broken)
        {
            await File.WriteAllTextAsync(IdentityFile, text);
            WeftException refused = await Assert.ThrowsAsync<WeftException>(() => StartAsync());
            Assert.Equal(WeftError.KeyUnreadable, refused.Error);
            Assert.Contains(IdentityFile, refused.Message, StringComparison.Ordinal);
            Assert.DoesNotContain(seed[..20], refused.ToString(), StringComparison.Ordinal);
            Assert.Equal(text, await File.ReadAllTextAsync(IdentityFile));
        }

        await File.WriteAllTextAsync(IdentityFile, shorter);
        WeftException known = await Assert.ThrowsAsync<WeftException>(() => StartAsync());
        Assert.Contains("31 bytes, an Ed25519 seed has 32", known.Message, StringComparison.Ordinal);
        await File.WriteAllTextAsync(IdentityFile, good);
        await (await StartAsync()).DisposeAsync(); // The lock was let go each time.
    }

    [Fact]
    public async Task A_sealed_key_opens_with_its_passphrase_only()
    {
        string right = Passphrase("right", "correct horse\nsecond line");
        string wrong = Passphrase("wrong", "correct horsf");
        Ed25519PublicKey key;
        await using (WeftPeer first = await StartAsync(right))
        {
            key = first.Identity.PublicKey;
        }

        Assert.Contains("\"sealed\"", await File.ReadAllTextAsync(IdentityFile), StringComparison.Ordinal);
        foreach (string? passphrase in new[] { null, wrong, _folder["nowhere"], Passphrase("empty", "\n") })
        {
            WeftException refused = await Assert.ThrowsAsync<WeftException>(() => StartAsync(passphrase));
            Assert.Equal(WeftError.KeySealed, refused.Error);
            Assert.DoesNotContain("correct", refused.ToString(), StringComparison.Ordinal);
        }

        await using WeftPeer again = await StartAsync(right);
        Assert.Equal(key, again.Identity.PublicKey);
    }

    [Fact]
    public async Task A_rotated_key_is_followed_by_the_new_one_at_the_next_start()
    {
        Ed25519PublicKey old;
        Ed25519PublicKey next;
        await using (WeftPeer peer = await StartAsync())
        {
            old = peer.Identity.PublicKey;
            await peer.Graph.Get($"${old}/note").PutAsync("text", "before");
            next = await peer.RotateIdentityAsync();
            Assert.True(peer.Node.Policies.IsRetired(old, double.MaxValue));
            WeftException second = await Assert.ThrowsAsync<WeftException>(() => peer.RotateIdentityAsync().AsTask());
            Assert.Equal(WeftError.KeyRotated, second.Error);
        }

        await using WeftPeer after = await StartAsync();
        WriteResult write = await after.Graph.Get($"${old}/note").PutAsync("text", "after");
        ReadResult record = await after.Graph.ReadFieldAsync($"weft:key/{old}", "next");

        Assert.Equal(next, after.Identity.PublicKey);
        Assert.True(RotationRecord.TryRead(record.Value, out Ed25519PublicKey named));
        Assert.Equal(next, named);
        Assert.True(write.IsAccepted, write.Error.ToString()); // What belonged to the old key belongs to the new one.
        Assert.False(File.Exists(_folder["identity-next.json"]));
        string kept = Assert.Single(Directory.GetFiles(_folder.Path, "identity-*.old"));
        using KeyFile oldFile = new IdentityFolder(_folder.Path, Crypto).ReadFile(kept, []);
        Assert.Equal(old, oldFile.FindEd25519("node")!.PublicKey);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_rotation_that_was_broken_off_ends_one_way_or_the_other(bool recordWasStored)
    {
        var folder = new IdentityFolder(_folder.Path, Crypto);
        Ed25519PublicKey old;
        Ed25519PublicKey next;
        await using (WeftPeer peer = await StartAsync())
        {
            old = peer.Identity.PublicKey;
            using Ed25519KeyPair prepared = folder.PrepareNext("node", []);
            next = prepared.PublicKey;
            if (recordWasStored)
            {
                WriteResult written = await peer.Graph.WriteAsync(
                    [new FieldWrite($"weft:key/{old}", "next", RotationRecord.Write(next), double.NaN)],
                    WriteSource.Local);
                Assert.Equal(1, written.Applied);
            }
        }

        await using WeftPeer after = await StartAsync();

        Assert.Equal(recordWasStored ? next : old, after.Identity.PublicKey);
        Assert.False(File.Exists(_folder["identity-next.json"]));
    }

    [Fact]
    public async Task The_interface_tells_the_public_part_only_and_rotating_stops_the_node()
    {
        ApiHost host = await ApiHost.StartAsync(options =>
        {
            options.Peer.Store = WeftStoreKind.Engine;
            options.Peer.Path = _folder.Path;
        });
        try
        {
            string seed = JsonDocument.Parse(await File.ReadAllTextAsync(IdentityFile))
                .RootElement.GetProperty("keys")[0].GetProperty("seed").GetString()!;
            string body = await host.TextAsync("/api/v1/identity");
            JsonElement shown = JsonDocument.Parse(body).RootElement;
            string key = host.Server.Peer.Identity.PublicKey.ToString();

            Assert.Equal(["peerId", "key", "addresses", "gun"], shown.EnumerateObject().Select(member => member.Name));
            Assert.Equal(key, shown.GetProperty("key").GetString());
            Assert.StartsWith("12D3Koo", shown.GetProperty("peerId").GetString(), StringComparison.Ordinal);
            Assert.Equal(
                $"ws://127.0.0.1:{host.Server.Url.Port}/gun", shown.GetProperty("addresses")[0].GetString());
            Assert.DoesNotContain(seed, body, StringComparison.Ordinal);
            Assert.DoesNotContain(seed, host.Server.Peer.Identity.ToString(), StringComparison.Ordinal);

            JsonElement rotated = await host.JsonAsync("POST", "/api/v1/identity/rotate", status: 202);
            Assert.Equal(key, rotated.GetProperty("old").GetString());
            Assert.NotEqual(key, rotated.GetProperty("key").GetString());
            await host.Server.StopRequested.WaitAsync(TimeSpan.FromSeconds(30));
        }
        finally
        {
            await host.DisposeAsync();
        }
    }

    private string Passphrase(string name, string text)
    {
        File.WriteAllText(_folder[name], text, new UTF8Encoding(false));
        return _folder[name];
    }

    private async Task<WeftPeer> StartAsync(string? passphraseFile = null) => await WeftPeer.StartAsync(
        new() { Path = _folder.Path, IdentityPassphraseFile = passphraseFile, Name = "test" });
}
