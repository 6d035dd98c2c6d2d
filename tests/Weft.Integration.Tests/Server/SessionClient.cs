using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json;
using Weft.Crypto;

namespace Weft.Integration.Tests.Server;

/// <summary>A key that proves itself to a server, rightly or with one thing wrong.</summary>
internal sealed class SessionClient(ApiHost host, Ed25519KeyPair keys)
{
    private static readonly ICrypto Crypto = new BouncyCastleCrypto();

    /// <summary>A key pair of one repeated byte.</summary>
    public static Ed25519KeyPair Pair(byte seed)
    {
        byte[] bytes = new byte[Ed25519KeyPair.SeedLength];
        Array.Fill(bytes, seed);
        return new(Crypto, bytes);
    }

    /// <summary>A grant of an hour around a moment, for one prefix or several.</summary>
    public static Grant Grant(
        Ed25519KeyPair issuer, Ed25519PublicKey audience, GrantRights rights, DateTimeOffset now,
        params string[] prefixes) => Weft.Crypto.Grant.Issue(Crypto, issuer, Terms(audience, rights, now, prefixes));

    public static GrantTerms Terms(
        Ed25519PublicKey audience, GrantRights rights, DateTimeOffset now, params string[] prefixes) => new()
        {
            Network = new byte[32],
            Audience = audience,
            Rights = rights,
            Prefixes = prefixes,
            NotBeforeMs = now.ToUnixTimeMilliseconds(),
            ExpiresMs = now.AddHours(1).ToUnixTimeMilliseconds(),
            Nonce = RandomNumberGenerator.GetBytes(16),
        };

    /// <summary>Asks for a challenge.</summary>
    public async Task<(Ed25519PublicKey Server, byte[] Network, byte[] Nonce)> ChallengeAsync()
    {
        using HttpResponseMessage response = await host.SendAsAsync(null, "POST", "/api/v1/auth/challenge");
        Assert.Equal(200, (int)response.StatusCode);
        JsonElement challenge = JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement;
        Assert.True(Ed25519PublicKey.TryParse(challenge.GetProperty("key").GetString(), out Ed25519PublicKey server));
        return (
            server, Base64Url.DecodeFromChars(challenge.GetProperty("network").GetString()),
            Base64Url.DecodeFromChars(challenge.GetProperty("nonce").GetString()));
    }

    /// <summary>The body of a proof.</summary>
    /// <param name="grants">What it brings.</param>
    /// <param name="spoil">Changes what is signed; null signs what is right.</param>
    public async Task<string> ProofAsync(IEnumerable<Grant> grants, Func<KeyProof, KeyProof>? spoil = null)
    {
        (Ed25519PublicKey server, byte[] network, byte[] nonce) = await ChallengeAsync();
        byte[] clientNonce = RandomNumberGenerator.GetBytes(32);
        var round = new KeyProof(network, "http", server, keys.PublicKey, nonce, clientNonce);
        byte[] signature = new byte[64];
        KeyProof signed = spoil?.Invoke(round) ?? round;
        signed.Sign(Crypto, keys, signature);
        return JsonSerializer.Serialize(new Dictionary<string, object>
        {
            ["key"] = keys.PublicKey.ToString(),
            ["nonce"] = Base64Url.EncodeToString(nonce),
            ["clientNonce"] = Base64Url.EncodeToString(clientNonce),
            ["signature"] = Base64Url.EncodeToString(signature),
            ["grants"] = grants.Select(grant => grant.ToText()).ToArray(),
        });
    }

    /// <summary>Sends a proof.</summary>
    public Task<HttpResponseMessage> SendAsync(string proof) =>
        host.SendAsAsync(null, "POST", "/api/v1/auth/session", proof);

    /// <summary>Opens a session.</summary>
    /// <returns>Its token.</returns>
    public async Task<string> OpenAsync(params Grant[] grants)
    {
        using HttpResponseMessage response = await SendAsync(await ProofAsync(grants));
        string body = await response.Content.ReadAsStringAsync();
        Assert.True((int)response.StatusCode == 201, body);
        return JsonDocument.Parse(body).RootElement.GetProperty("token").GetString()!;
    }

    /// <summary>Requires that a proof is refused.</summary>
    public async Task RefusedAsync(string proof, int status, string code)
    {
        using HttpResponseMessage response = await SendAsync(proof);
        await ApiHost.ProblemAsync(response, status, code);
    }
}
