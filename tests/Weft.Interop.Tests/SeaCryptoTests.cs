using System.Buffers;
using System.Text;
using System.Text.Json;
using Weft.Crypto;
using Weft.Crypto.Sea;

namespace Weft.Interop.Tests;

/// <summary>Weft's SEA functions against those of gun.js, in both directions.</summary>
public sealed class SeaCryptoTests : IAsyncLifetime
{
    private readonly ICrypto _crypto = PlatformCrypto.Create();
    private NodeProcess? _sea;

    // JSON as JavaScript writes it. SEA parses a text that is JSON before it signs, so "123" stands for the number.
    private static readonly string[] Values =
    [
        "\"hello\"", "\"\"", "42", "true", "null", "1.5e+300", "\"gr\u00FC\u00DFe \U0001F600 \u2028\"", "\"say \\\"hi\\\"\"",
        "{\"b\":1,\"a\":{\"#\":\"soul\"}}", "{\"#\":\"~x\",\".\":\"k\",\":\":\"v\",\">\":1700000000000.5}",
    ];

    private NodeProcess Sea => _sea!;

    public async Task InitializeAsync() => _sea = NodeTools.Missing is null ? await NodeProcess.StartAsync("sea.js") : null;

    public async Task DisposeAsync()
    {
        if (_sea is not null)
        {
            await _sea.DisposeAsync();
        }
    }

    [GunFact]
    public async Task What_Weft_signs_SEA_verifies()
    {
        using SeaPair pair = KeyGenerator.NewSeaPair(_crypto);
        foreach (string value in Values)
        {
            string signed = SeaSigned.Sign(_crypto, pair, Encoding.UTF8.GetBytes(value));
            JsonElement opened = await Sea.RunAsync(
                $"return JSON.stringify(await SEA.verify({Js(signed)}, {Js(pair.Pub.ToString())}))");

            Assert.Equal(value, opened.GetString());
        }
    }

    [GunFact]
    public async Task What_SEA_signs_Weft_verifies()
    {
        using SeaPair pair = await NewPairOfSeaAsync();
        using SeaPair other = KeyGenerator.NewSeaPair(_crypto);
        foreach (string value in Values)
        {
            JsonElement signed = await Sea.RunAsync($"return await SEA.sign({value}, {Secrets(pair)})");
            byte[]? opened = SeaSigned.Verify(_crypto, pair.Pub, signed.GetString());

            Assert.NotNull(opened);
            Assert.Equal(value, Encoding.UTF8.GetString(opened));
            Assert.Null(SeaSigned.Verify(_crypto, other.Pub, signed.GetString()));
            Assert.Null(SeaSigned.Verify(_crypto, pair.Pub, signed.GetString()!.Replace("\"m\":", "\"m\":1,\"n\":")));
        }
    }

    [GunFact]
    public async Task What_Weft_encrypts_SEA_decrypts()
    {
        using SeaPair pair = KeyGenerator.NewSeaPair(_crypto);
        byte[] epriv = new byte[43];
        pair.CopyPassphraseTo(epriv);
        foreach (string plain in (string[])["hello", "gr\u00FC\u00DFe \U0001F600", "", new string('x', 5_000)])
        {
            string byWord = Encrypt(plain, "p\u00E4ssword"u8);
            string byPair = Encrypt(plain, epriv);

            Assert.Equal(plain, (await Sea.RunAsync($"return await SEA.decrypt({Js(byWord)}, 'p\u00E4ssword')")).GetString());
            Assert.Equal(plain, (await Sea.RunAsync($"return await SEA.decrypt({Js(byPair)}, {Secrets(pair)})")).GetString());
        }
    }

    [GunFact]
    public async Task What_SEA_encrypts_Weft_decrypts()
    {
        using SeaPair pair = await NewPairOfSeaAsync();
        byte[] epriv = new byte[43];
        pair.CopyPassphraseTo(epriv);
        foreach (string plain in (string[])["hello", "gr\u00FC\u00DFe \U0001F600", "{\"a\":1}", new string('x', 5_000)])
        {
            JsonElement byWord = await Sea.RunAsync($"return await SEA.encrypt({Js(plain)}, 'p\u00E4ssword')");
            JsonElement byPair = await Sea.RunAsync($"return await SEA.encrypt({Js(plain)}, {Secrets(pair)})");

            Assert.Equal(plain, Decrypt(byWord.GetString()!, "p\u00E4ssword"u8));
            Assert.Equal(plain, Decrypt(byPair.GetString()!, epriv));
            Assert.Null(Decrypt(byPair.GetString()!, "p\u00E4ssword"u8));
        }
    }

    [GunFact]
    public async Task Work_and_hash_are_the_same()
    {
        JsonElement work = await Sea.RunAsync("return await SEA.work('p\u00E4ss', 's\u00E4lt')");
        JsonElement hash = await Sea.RunAsync("return await SEA.work('gr\u00FC\u00DFe', null, null, {name: 'SHA-256'})");

        Assert.Equal(work.GetString(), Encoding.ASCII.GetString(SeaWork.Stretch(_crypto, "p\u00E4ss"u8, "s\u00E4lt"u8)));
        Assert.Equal(hash.GetString(), SeaWork.Hash(_crypto, "gr\u00FC\u00DFe"u8));
    }

    [GunFact]
    public async Task Both_sides_agree_on_a_secret()
    {
        using SeaPair mine = KeyGenerator.NewSeaPair(_crypto);
        using SeaPair theirs = await NewPairOfSeaAsync();
        byte[] here = new byte[43];
        Assert.True(mine.Secret(_crypto, theirs.Epub, here));
        JsonElement there = await Sea.RunAsync($"return await SEA.secret({Js(mine.Epub.ToString())}, {Secrets(theirs)})");

        Assert.Equal(there.GetString(), Encoding.ASCII.GetString(here));
    }

    [GunFact]
    public async Task An_account_of_SEA_opens_in_Weft()
    {
        using SeaPair pair = await NewPairOfSeaAsync();
        using SeaPair other = KeyGenerator.NewSeaPair(_crypto);
        JsonElement auth = await Sea.RunAsync( // As User.create does it.
            $$"""
            const pair = {{Secrets(pair)}}, salt = 'kY3'.repeat(21);
            const proof = await SEA.work('correct horse', salt);
            const ek = await SEA.encrypt({priv: pair.priv, epriv: pair.epriv}, proof, null, {raw: 1});
            return JSON.stringify({ek, s: salt});
            """);
        using SeaPair? opened = SeaAccount.Open(_crypto, auth.GetString()!, "correct horse"u8, pair.Pub);

        Assert.NotNull(opened);
        Assert.Equal(pair.Pub, opened.Pub);
        Assert.Equal(pair.Epub, opened.Epub);
        Assert.Null(SeaAccount.Open(_crypto, auth.GetString()!, "correct horsf"u8, pair.Pub));
        Assert.Null(SeaAccount.Open(_crypto, auth.GetString()!, "correct horse"u8, other.Pub));
    }

    [GunFact]
    public async Task An_account_of_Weft_opens_in_SEA()
    {
        using SeaPair pair = KeyGenerator.NewSeaPair(_crypto);
        byte[] random = new byte[SeaAccount.RandomLength];
        KeyGenerator.Fill(random);
        string auth = SeaAccount.Create(_crypto, pair, "correct horse"u8, random);
        JsonElement opened = await Sea.RunAsync( // As User.auth does it.
            $$"""
            const auth = JSON.parse({{Js(auth)}});
            return await SEA.decrypt(auth.ek, await SEA.work('correct horse', auth.s));
            """);
        using JsonDocument expected = JsonDocument.Parse(Secrets(pair));

        Assert.Equal(expected.RootElement.GetProperty("priv").GetString(), opened.GetProperty("priv").GetString());
        Assert.Equal(expected.RootElement.GetProperty("epriv").GetString(), opened.GetProperty("epriv").GetString());
    }

    private async Task<SeaPair> NewPairOfSeaAsync()
    {
        JsonElement pair = await Sea.RunAsync("return await SEA.pair()");
        return SeaPair.TryParse(_crypto, Encoding.UTF8.GetBytes(pair.GetRawText()))
            ?? throw new InvalidOperationException("SEA made a pair that Weft does not read.");
    }

    private string Encrypt(string plain, ReadOnlySpan<byte> passphrase)
    {
        Span<byte> random = stackalloc byte[SeaCipher.SaltLength + SeaCipher.NonceLength];
        KeyGenerator.Fill(random);
        return SeaCipher.Encrypt(
            _crypto, Encoding.UTF8.GetBytes(plain), passphrase, random[..SeaCipher.SaltLength], random[SeaCipher.SaltLength..]);
    }

    private string? Decrypt(string text, ReadOnlySpan<byte> passphrase) =>
        SeaCipher.Decrypt(_crypto, text, passphrase) is { } plain ? Encoding.UTF8.GetString(plain) : null;

    private static string Secrets(SeaPair pair)
    {
        var json = new ArrayBufferWriter<byte>();
        pair.WriteSecrets(json);
        return Encoding.UTF8.GetString(json.WrittenSpan);
    }

    private static string Js(string text) => JsonSerializer.Serialize(text);
}
