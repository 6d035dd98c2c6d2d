using System.Globalization;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Crypto;
using Weft.Crypto.Keys;
using Weft.Graph;
using Weft.Graph.Policy;
using Weft.Node;
using Weft.Primitives;
using Weft.Server;
using Weft.Testing;

namespace Weft.Integration.Tests.Cli;

/// <summary>
/// The owner of a key named three recovery keys and lost the key. Two peers, "away" and "home", hold the data; bob, eve
/// and tom hold the recovery keys, mallory holds another one.
/// </summary>
public sealed class IdRecoveryCommandTests : IAsyncLifetime
{
    private const string Token = "test-token-0123456789abcdef";

    private static readonly ICrypto Crypto = PlatformCrypto.Create();

    private readonly TempFolder _folder = new();
    private readonly Ed25519KeyPair _lost = KeyGenerator.NewEd25519(Crypto);
    private readonly Ed25519KeyPair _fresh = KeyGenerator.NewEd25519(Crypto);
    private readonly Dictionary<string, string> _keys = [];

    private string _state = "";
    private WeftServer? _away;
    private WeftServer? _home;

    private string Old => _lost.PublicKey.ToString();

    private string Fresh => _fresh.PublicKey.ToString();

    public async Task InitializeAsync()
    {
        _away = await StartAsync(KeyGenerator.NewEd25519(Crypto));
        foreach (string name in (string[])["bob", "eve", "tom", "mallory"])
        {
            CliCall made = await DoneAsync(null, "id", "new", name, "--json");
            _keys[name] = JsonDocument.Parse(made.Out).RootElement.GetProperty("key").GetString()!;
        }
    }

    public async Task DisposeAsync()
    {
        foreach (WeftServer? server in (WeftServer?[])[_home, _away])
        {
            if (server is not null)
            {
                await server.DisposeAsync();
            }
        }

        _lost.Dispose();
        _fresh.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_lost_key_is_followed_by_the_one_that_its_recovery_keys_agree_on()
    {
        await NameRecoveryKeysAsync();
        _home = await StartAsync(_fresh, _away!);
        await ComesAsync(_home, $"${Old}/note", "before");

        Assert.Equal(ExitCode.Refused, (await RunAsync(_home, "put", $"${Old}/note", "text=early")).Exit);
        await SignAsync("bob");
        CliCall signed = await SignAsync("eve");
        Assert.Contains($"{Old} belongs to", signed.Error, StringComparison.Ordinal);
        Assert.Contains(Fresh, signed.Error, StringComparison.Ordinal);
        Assert.Contains("of which 2 must agree", signed.Error, StringComparison.Ordinal);

        Assert.Equal(ExitCode.Refused, (await ClaimAsync(Old, Fresh, _state, "bob")).Exit);
        Assert.Equal(ExitCode.Refused, (await ClaimAsync(Old, Fresh, _state, "bob", "bob")).Exit);
        Assert.Equal(Old, await OwnerAsync(_home));
        Assert.Equal(0, (await ClaimAsync(Old, Fresh, _state, "bob", "eve")).Exit);
        CliCall again = await DoneAsync(_home, Claim(Old, Fresh, _state, "bob", "eve"));
        Assert.Contains("was recovered before", again.Out, StringComparison.Ordinal);

        await UntilAsync(async () => await OwnerAsync(_home) == Fresh && await OwnerAsync(_away!) == Fresh);
        Assert.Equal("before", (await _home.Peer.Graph.ReadFieldAsync($"${Old}/note", "text")).Value.AsText());
        await DoneAsync(_home, "put", $"${Old}/note", "text=after");
        await ComesAsync(_away!, $"${Old}/note", "after");
        await RefuseTheOldKeyAsync();
        CliCall shown = await DoneAsync(_away, "id", "recovery", "show", Old);
        Assert.Contains($"recovered by\t{Fresh}", shown.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Signatures_of_strangers_and_for_something_else_are_refused()
    {
        await NameRecoveryKeysAsync();
        _home = _away;
        _away = null;
        Assert.Equal(ExitCode.Refused, (await RunAsync(_home, Sign("mallory"))).Exit);
        Assert.Equal(ExitCode.NothingThere, (await RunAsync(_home, Sign("bob", old: Fresh, next: Old))).Exit);
        Assert.Equal(ExitCode.Usage, (await RunAsync(_home, Sign("bob", next: Old))).Exit);
        Assert.Equal(ExitCode.Usage, (await RunAsync(_home, Sign("bob", at: "2999-01-01T00:00:00Z"))).Exit);
        await SignAsync("bob");
        await SignAsync("tom");
        using (KeyFile mallory = new IdentityFolder(_folder["data"], Crypto).Read("mallory", []))
        {
            await File.WriteAllTextAsync(_folder["mallory.sig"], RecoverySignature.Make(
                Crypto, mallory.FindEd25519("mallory")!, new byte[32], _lost.PublicKey, _fresh.PublicKey,
                long.Parse(_state, CultureInfo.InvariantCulture)).ToString());
        }

        string later = (long.Parse(_state, CultureInfo.InvariantCulture) + 1).ToString(CultureInfo.InvariantCulture);
        foreach (string[] wrong in (string[][])
        [
            Claim(Old, Fresh, _state, "bob", "mallory"), Claim(Old, Fresh, later, "bob", "tom"),
            Claim(Old, _keys["mallory"], _state, "bob", "tom"),
        ])
        {
            (int exit, CliCall call) = await RunAsync(_home, wrong);
            Assert.Equal(ExitCode.Refused, exit);
            Assert.Contains("W4301", call.Error, StringComparison.Ordinal);
        }

        Assert.Equal(ExitCode.NothingThere, (await ClaimAsync(Fresh, Old, _state, "bob", "tom")).Exit);
        Assert.Equal(ExitCode.Usage, (await ClaimAsync(Old, Fresh, _state)).Exit);
        Assert.Equal(Old, await OwnerAsync(_home!));
        Assert.Equal(0, (await ClaimAsync(Old, Fresh, _state, "bob", "tom")).Exit);
        await UntilAsync(async () => await OwnerAsync(_home!) == Fresh);
    }

    [Fact]
    public async Task Recovery_keys_are_named_once()
    {
        await NameRecoveryKeysAsync();
        _home = _away;
        _away = null;
        await using WeftServer owner = await StartAsync(_lost, _home!);
        await UntilAsync(async () => (await owner.Peer.Recovery.FindAsync()).Set is not null);

        (int unasked, _) = await RunAsync(owner, "id", "recovery", "set", "--of", "1", _keys["mallory"]);
        (int other, CliCall call) = await RunAsync(
            owner, "id", "recovery", "set", "--of", "1", _keys["mallory"], "--yes");
        (int many, _) = await RunAsync(owner, "id", "recovery", "set", "--of", "2", _keys["mallory"], "--yes");
        (int own, _) = await RunAsync(owner, "id", "recovery", "set", "--of", "1", Old, "--yes");
        CliCall same = await DoneAsync(owner, SetWords());
        CliCall shown = await DoneAsync(owner, "id", "recovery", "show", "--json");

        Assert.Equal((ExitCode.Usage, ExitCode.Conflict), (unasked, other));
        Assert.Contains("named its recovery keys before", call.Error, StringComparison.Ordinal);
        Assert.Equal((ExitCode.Failed, ExitCode.Failed), (many, own));
        Assert.Contains("was named before", same.Out, StringComparison.Ordinal);
        JsonElement set = JsonDocument.Parse(shown.Out).RootElement.GetProperty("set");
        Assert.Equal(
            new[] { _keys["bob"], _keys["eve"], _keys["tom"] }.Order(StringComparer.Ordinal),
            set.GetProperty("keys").EnumerateArray().Select(key => key.GetString()!));
        Assert.Equal((2, 1), (set.GetProperty("m").GetInt32(), set.GetProperty("at").GetInt32()));
    }

    /// <summary>Whoever found the old key writes with it on a peer of his own, and then meets the others.</summary>
    private async Task RefuseTheOldKeyAsync()
    {
        await using WeftServer finder = await StartAsync(_lost);
        await DoneAsync(finder, "put", $"${Old}/note", "text=stolen"); // He has not heard of the recovery.
        await finder.Peer.Graph.WriteAsync(
            [new FieldWrite("mark", "text", "x", double.NaN)], new WriteSource("test", Door: WriteDoor.Client));
        finder.Peer.Gun.AddLink(new Uri($"ws://127.0.0.1:{_away!.Url.Port}/gun"));
        await ComesAsync(_away, "mark", "x"); // It was sent behind the other one.
        await UntilAsync(async () => await OwnerAsync(finder) == Fresh);
        (int exit, CliCall refused) = await RunAsync(finder, "put", $"${Old}/note", "text=stolen");

        Assert.Equal(ExitCode.Refused, exit);
        Assert.Contains("W4308", refused.Error, StringComparison.Ordinal);
        foreach (WeftServer peer in (WeftServer[])[_away, _home!])
        {
            Assert.Equal("after", (await peer.Peer.Graph.ReadFieldAsync($"${Old}/note", "text")).Value.AsText());
            WriteResult written = await peer.Peer.Graph.WriteAsync(
                [new FieldWrite($"${Old}/note", "text", "stolen", double.NaN)], WriteSource.Local.With(_lost));
            Assert.Equal(WeftError.KeyRotated, written.Error);
        }
    }

    /// <summary>The owner writes, names three recovery keys, is heard by "away", and is gone.</summary>
    private async Task NameRecoveryKeysAsync()
    {
        await using WeftServer owner = await StartAsync(_lost, _away!);
        await DoneAsync(owner, "put", $"${Old}/note", "text=before");
        await DoneAsync(owner, SetWords());
        await ComesAsync(_away!, $"${Old}/note", "before");
        await UntilAsync(async () => (await _away!.Peer.Recovery.FindAsync(_lost.PublicKey)).Set is not null);
        _state = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture);
    }

    private string[] SetWords() =>
        ["id", "recovery", "set", "--of", "2", _keys["tom"], _keys["bob"], _keys["eve"], "--yes"];

    private string[] Sign(string name, string? old = null, string? next = null, string? at = null) =>
        ["id", "recovery", "sign", old ?? Old, next ?? Fresh, "--at", at ?? _state, "--with", name];

    private async Task<CliCall> SignAsync(string name)
    {
        CliCall call = await DoneAsync(_home, Sign(name));
        Assert.StartsWith(_keys[name] + ".", Assert.Single(call.Lines), StringComparison.Ordinal);
        await File.WriteAllTextAsync(_folder[name + ".sig"], call.Out);
        return call;
    }

    private string[] Claim(string old, string next, string at, params string[] names) =>
        ["id", "recovery", "claim", old, next, "--at", at, .. names.SelectMany(
            name => (string[])["--signature", _folder[name + ".sig"]])];

    private Task<(int Exit, CliCall Call)> ClaimAsync(string old, string next, string at, params string[] names) =>
        RunAsync(_home, Claim(old, next, at, names));

    private static async Task<WeftServer> StartAsync(Ed25519KeyPair key, params WeftServer[] peers)
    {
        var options = new ServerOptions { Http = "127.0.0.1:0", Token = Token };
        options.Peer.Store = WeftStoreKind.Memory;
        options.Peer.Node.Identity = key;
        foreach (WeftServer peer in peers)
        {
            options.Peer.Peers.Add($"ws://127.0.0.1:{peer.Url.Port}/gun");
        }

        return await WeftServer.StartAsync(options);
    }

    private async Task<(int Exit, CliCall Call)> RunAsync(WeftServer? server, params string[] words)
    {
        var call = new CliCall();
        if (server is not null)
        {
            call.With("WEFT_URL", server.Url.AbsoluteUri).With("WEFT_TOKEN", Token);
        }

        return (await call.RunAsync([.. words, "--data", _folder["data"]]), call);
    }

    private async Task<CliCall> DoneAsync(WeftServer? server, params string[] words)
    {
        (int exit, CliCall call) = await RunAsync(server, words);
        Assert.True(exit == 0, call.Error);
        return call;
    }

    private async Task<string?> OwnerAsync(WeftServer server) =>
        (await server.Peer.Recovery.FindAsync(_lost.PublicKey)).Owner?.ToString();

    private static Task ComesAsync(WeftServer server, string soul, string text) => UntilAsync(
        async () => (await server.Peer.Graph.ReadFieldAsync(soul, "text")).Value.AsText() == text);

    private static async Task UntilAsync(Func<Task<bool>> holds)
    {
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!await holds())
        {
            await Task.Delay(10, late.Token);
        }
    }
}
