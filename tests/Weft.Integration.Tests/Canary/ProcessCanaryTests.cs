using System.Buffers.Text;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Weft.Crypto;
using Weft.Crypto.Keys;
using Weft.Crypto.Sea;
using Weft.Integration.Tests.Server;
using Weft.Testing;

namespace Weft.Integration.Tests.Canary;

/// <summary>
/// Real processes at trace level with secrets that are known here, used rightly and wrongly; afterwards none of them
/// may stand in anything that was printed, answered or written, but in the files that hold them by right.
/// </summary>
public sealed class ProcessCanaryTests : IDisposable
{
    private static readonly ICrypto Crypto = PlatformCrypto.Create();

    private readonly TempFolder _folder = new();
    private readonly CanaryScan _scan = new();
    private readonly Ed25519KeyPair _node = KeyGenerator.NewEd25519(Crypto);
    private readonly Ed25519KeyPair _alice = KeyGenerator.NewEd25519(Crypto);
    private readonly SeaPair _sea = KeyGenerator.NewSeaPair(Crypto);
    private readonly string _token = Secret("token");
    private readonly string _wrongToken = Secret("mistyped");
    private readonly string _storePass = Secret("store");
    private readonly string _identityPass = Secret("identity");
    private readonly string _wrongPass = Secret("wrong");
    private string _url = "";

    private string Data => _folder["data"];

    public void Dispose()
    {
        _node.Dispose();
        _alice.Dispose();
        _sea.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task No_secret_stands_in_any_output_log_answer_metric_or_file()
    {
        AddCanaries();
        WriteSecretFiles();
        await FailToStartAsync();
        await using (WeftProcess up = await StartAsync())
        {
            _url = up.Url.AbsoluteUri;
            string issued = await UseCommandsAsync(up);
            await UseHttpAsync(up, issued);
            Assert.Equal(0, await up.StopAsync(TimeSpan.FromSeconds(30)));
            string printed = string.Join('\n', up.Lines);
            _scan.Look("what weft up printed", printed);
            Assert.Contains("\"level\":\"trace\"", printed, StringComparison.Ordinal);
            Assert.Contains("\"level\":\"debug\"", printed, StringComparison.Ordinal);
        }

        int files = _scan.LookAtFiles(Data, path => path == "token");
        foreach (string backup in (string[])["b.weftbak", "i.weftbak"])
        {
            _scan.Look(backup, await File.ReadAllBytesAsync(_folder[backup]));
        }

        Assert.True(files >= 5, $"only {files} files");
        Assert.Empty(_scan.Hits);
        CheckThatTheScanSees();
    }

    private static string Secret(string name) =>
        $"canary-{name}-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(12))}";

    private void AddCanaries()
    {
        Span<byte> seed = stackalloc byte[Ed25519KeyPair.SeedLength];
        _node.CopySeedTo(seed);
        _scan.Add("the node's seed", seed).Add("the node's seed as text", Base64Url.EncodeToString(seed));
        _alice.CopySeedTo(seed);
        _scan.Add("a user's seed", seed).Add("a user's seed as text", Base64Url.EncodeToString(seed));
        var pair = new System.Buffers.ArrayBufferWriter<byte>();
        _sea.WriteSecrets(pair);
        using JsonDocument secrets = JsonDocument.Parse(pair.WrittenMemory);
        foreach (string part in new[] { "priv", "epriv" })
        {
            string text = secrets.RootElement.GetProperty(part).GetString()!;
            _scan.Add($"a pair's {part} as text", text).Add($"a pair's {part}", Base64Url.DecodeFromChars(text));
        }

        _scan.Add("the token", _token).Add("a mistyped token", _wrongToken).Add("the store's passphrase", _storePass)
            .Add("the identity's passphrase", _identityPass).Add("a wrong passphrase", _wrongPass);
    }

    private void WriteSecretFiles()
    {
        File.WriteAllText(_folder["store.pass"], _storePass + "\n");
        File.WriteAllText(_folder["identity.pass"], _identityPass + "\n");
        File.WriteAllText(_folder["wrong.pass"], _wrongPass + "\n");
        Directory.CreateDirectory(Data);
        File.WriteAllText(Path.Combine(Data, "token"), _token + "\n");
        var identities = new IdentityFolder(Data, Crypto);
        WriteKey(identities, "node", _node, Encoding.UTF8.GetBytes(_identityPass));
        WriteKey(new IdentityFolder(_folder["keys"], Crypto), "alice", _alice, []);
        var pair = new System.Buffers.ArrayBufferWriter<byte>();
        _sea.WriteSecrets(pair);
        File.WriteAllBytes(_folder["pair.json"], pair.WrittenSpan);
        string key = File.ReadAllText(new IdentityFolder(_folder["keys"], Crypto).FileOf("alice"));
        File.WriteAllText(_folder["broken.key"], key[..^30]);
        File.WriteAllText(_folder["changed.key"], key.Replace("alice", "alise"));
    }

    private static void WriteKey(IdentityFolder folder, string name, Ed25519KeyPair pair, byte[] passphrase)
    {
        Span<byte> seed = stackalloc byte[Ed25519KeyPair.SeedLength];
        pair.CopySeedTo(seed);
        using var keys = new KeyFile();
        keys.Add(name, new Ed25519KeyPair(Crypto, seed));
        folder.Write(name, keys, passphrase);
    }

    private Task<WeftProcess> StartAsync() => WeftProcess.StartAsync(
        Data, "--log", "json", "--log-level", "trace", "-v", "--encrypt", "--passphrase-file", _folder["store.pass"],
        "--identity-passphrase-file", _folder["identity.pass"]);

    // The identity first: the store is made by the first start that gets so far.
    private async Task FailToStartAsync()
    {
        string[] store = ["--encrypt", "--passphrase-file", _folder["store.pass"]];
        string[][] wrongs =
        [
            [.. store, "--identity-passphrase-file", _folder["wrong.pass"]],
            store,
            ["--passphrase-file", _folder["wrong.pass"], "--identity-passphrase-file", _folder["identity.pass"]],
            ["--passphrase-file", _folder["store.pass"], "--key-file", _folder["store.pass"]],
        ];
        foreach (string[] wrong in wrongs)
        {
            WeftRun run = await WeftProcess.RunAsync(
                ["up", "--data", Data, "--http", "127.0.0.1:0", "--log-level", "trace", "-v", .. wrong]);
            Look("a start that failed", run);
            Assert.NotEqual(0, run.Exit);
        }
    }

    private async Task<string> UseCommandsAsync(WeftProcess up)
    {
        string[] seal = ["--passphrase-file", _folder["identity.pass"]];
        string[][] calls =
        [
            ["put", "alice", "name=Ada"], ["get", "alice"], ["get", "nobody"], ["ls"], ["why", "alice", "name"],
            ["status"], ["peers"], ["peers", "add", "ws://127.0.0.1:1/gun"], ["conflicts"], ["doctor"], ["verify"],
            ["backup", _folder["b.weftbak"]], ["export"], ["id", "show"], ["id", "show", "--json"],
            ["id", "import", _folder["pair.json"], "--as", "gunner"], ["id", "import", _folder["pair.json"]],
            ["id", "import", _folder["pair.json"], "--as", "gunner", .. seal],
            ["id", "import", Path.Combine(_folder["keys"], "users", "alice.key")],
            ["id", "import", Path.Combine(_folder["keys"], "users", "alice.key"), .. seal],
            ["id", "show", "alice"], ["id", "show", "alice", .. seal],
            ["id", "import", _folder["broken.key"], "--as", "x"], ["id", "import", _folder["changed.key"], "--as", "y"],
            ["id", "new", "bob", "--passphrase-file", _folder["identity.pass"]],
            ["id", "show", "bob"], ["id", "show", "bob", "--passphrase-file", _folder["wrong.pass"]],
            ["id", "rotate", "bob", "--yes", .. seal], ["id", "rotate", "gunner", "--yes", .. seal],
            ["backup", _folder["i.weftbak"], "--with-identity", "--identity-passphrase-file", _folder["identity.pass"]],
            ["group", "new", "family", _alice.PublicKey.ToString()], ["group", "ls"],
            ["grant", "give", _alice.PublicKey.ToString(), "--prefix", "a/"], ["grant", "ls"], ["grant", "revoke", "x"],
            ["token", "ls"], ["token", "revoke", "x"], ["token", "new", "a", "--scope", "root"],
            ["get", "alice", "--offline"], ["explain", "W4101"], ["nonsense"],
        ];
        foreach (string[] call in calls)
        {
            Look(string.Join(' ', call.Take(2)), await up.CallAsync([.. call, "-v"]));
        }

        Assert.Equal(["alice.key", "bob.key", "gunner.key"], Directory.GetFiles(Path.Combine(Data, "users"), "*.key")
            .Select(Path.GetFileName).Order());

        var wrong = new Dictionary<string, string?> { ["WEFT_TOKEN"] = _wrongToken };
        Look("a mistyped token", await WeftProcess.RunAsync(["status", "-v", "--url", _url], wrong, null));
        WeftRun issue = await up.CallAsync("token", "new", "ci", "--scope", "read", "-v");
        string issued = issue.Out.Trim();
        Assert.Equal(43, issued.Length);
        _scan.Add("an issued token", issued);
        _scan.Look("the notes of token new", issue.Error); // Its output is the one place where it stands.
        return issued;
    }

    private async Task UseHttpAsync(WeftProcess up, string issued)
    {
        foreach ((string method, string path) in OpenApiTests.Documented().Where(route => route.Path != "/gun"
            && route.Path is not "/api/v1/shutdown" and not "/api/v1/identity/rotate" and not "/api/v1/watch"))
        {
            string where = path.Replace("{id}", "x").Replace("{code}", "W4101");
            foreach (string? token in new[] { _token, _wrongToken, issued, null })
            {
                await SendAsync(up, method, where, token, "{\"unknown\":true}");
                await SendAsync(up, method, where + "?soul=s&name=f", token, "{\"fields\":{\"f\":1}}");
            }

            // Where it does not belong, and where a server might repeat it.
            await SendAsync(up, method, $"{where}?token={_wrongToken}", _token, $"{{\"x\":\"{_wrongPass}\"");
            await SendAsync(up, method, where, _token, $"{{\"key\":\"{_wrongToken}\",\"grants\":[\"{_wrongPass}\"]}}");
        }

        await OpenSessionAsync(up);
        using var scrape = new HttpClient { BaseAddress = up.Url };
        _scan.Look("the metrics page", await scrape.GetStringAsync("metrics"));
    }

    private async Task OpenSessionAsync(WeftProcess up)
    {
        using HttpResponseMessage asked = await PostAsync(up, "api/v1/auth/challenge", "");
        JsonElement challenge = JsonDocument.Parse(await asked.Content.ReadAsStringAsync()).RootElement;
        byte[] nonce = Base64Url.DecodeFromChars(challenge.GetProperty("nonce").GetString());
        byte[] own = RandomNumberGenerator.GetBytes(32);
        byte[] signature = new byte[64];
        new KeyProof(new byte[32], "http", _node.PublicKey, _node.PublicKey, nonce, own).Sign(Crypto, _node, signature);
        using HttpResponseMessage opened = await PostAsync(up, "api/v1/auth/session", JsonSerializer.Serialize(
            new Dictionary<string, string>
            {
                ["key"] = _node.PublicKey.ToString(), ["nonce"] = Base64Url.EncodeToString(nonce),
                ["clientNonce"] = Base64Url.EncodeToString(own), ["signature"] = Base64Url.EncodeToString(signature),
            }));
        string session = JsonDocument.Parse(await opened.Content.ReadAsStringAsync())
            .RootElement.GetProperty("token").GetString()!;
        _scan.Add("a session's token", session);
        await SendAsync(up, "GET", "/api/v1/stats", session, null);
        await SendAsync(up, "GET", "/api/v1/nowhere", session, null);
    }

    private static async Task<HttpResponseMessage> PostAsync(WeftProcess up, string path, string body)
    {
        using var client = new HttpClient { BaseAddress = up.Url };
        return await client.PostAsync(path, new StringContent(body, Encoding.UTF8, "application/json"));
    }

    private async Task SendAsync(WeftProcess up, string method, string path, string? token, string? body)
    {
        using var client = new HttpClient { BaseAddress = up.Url, Timeout = TimeSpan.FromMinutes(1) };
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        if (token is not null)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        }

        if (body is not null && method is not "GET")
        {
            request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        }

        using HttpResponseMessage response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        bool isEndless = response.Content.Headers.ContentType?.MediaType == "text/event-stream"
            || path.StartsWith("/api/v1/events", StringComparison.Ordinal)
            || path.StartsWith("/api/v1/history/follow", StringComparison.Ordinal);
        using var late = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        byte[] answer = [];
        try
        {
            answer = isEndless && response.IsSuccessStatusCode
                ? await FirstOfAsync(response) : await response.Content.ReadAsByteArrayAsync(late.Token);
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"{method} {path} has no end: {response.Content.Headers.ContentType}");
        }

        _scan.Look($"the answer to {method} {path.Split('?')[0]}", answer);
        _scan.Look($"the headers of {method} {path.Split('?')[0]}", $"{response.Headers}{response.Content.Headers}");
    }

    /// <summary>What a stream without end begins with.</summary>
    private static async Task<byte[]> FirstOfAsync(HttpResponseMessage response)
    {
        byte[] first = new byte[4_096];
        await using Stream stream = await response.Content.ReadAsStreamAsync();
        using var enough = new CancellationTokenSource(TimeSpan.FromMilliseconds(50));
        try
        {
            return first[..await stream.ReadAsync(first, enough.Token)];
        }
        catch (OperationCanceledException)
        {
            return []; // Nothing has happened yet.
        }
    }

    private void Look(string place, WeftRun run)
    {
        _scan.Look($"stdout of {place}", run.Out);
        _scan.Look($"stderr of {place}", run.Error);
    }

    // Had nothing been looked at, nothing would have been found.
    private void CheckThatTheScanSees()
    {
        _scan.LookAtFiles(Data, path => path != "token");
        _scan.LookAtFiles(_folder["keys"], _ => false); // What was imported from: open, by right.
        _scan.Look("pair.json", File.ReadAllBytes(_folder["pair.json"]));
        string[] byRight = ["the token as plain in token", "a user's seed as base64url in users", "a pair's priv as"];
        foreach (string known in byRight)
        {
            Assert.Contains(_scan.Hits, hit => hit.StartsWith(known, StringComparison.Ordinal));
        }

        string hex = Convert.ToHexString(Encoding.UTF8.GetBytes(_storePass));
        File.WriteAllText(Path.Combine(Data, "planted.log"), $"at 12:00 {hex}");
        _scan.LookAtFiles(Data, path => path != "planted.log");
        Assert.Contains("the store's passphrase as HEX in planted.log", _scan.Hits);
    }
}
