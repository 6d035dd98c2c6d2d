using System.Text;
using System.Text.Json;
using Weft.Crypto;
using Weft.Crypto.Sea;

namespace Weft.Tests.Crypto.Sea;

/// <summary>
/// What gun.js made, recorded once; the same runs live, and in the other direction, beside gun.js itself.
/// </summary>
public sealed class SeaVectorTests
{
    private static readonly JsonElement Recorded = Vectors.Read("sea.json");

    public static TheoryData<string> Providers => CryptoProviders.Names;

    [Theory]
    [MemberData(nameof(Providers))]
    public void Signed_texts_open_for_their_signer_alone(string provider)
    {
        ICrypto crypto = CryptoProviders.Get(provider);
        using SeaPair alice = Pair(crypto, "alice");
        using SeaPair bob = Pair(crypto, "bob");
        foreach (JsonElement one in Recorded.GetProperty("signed").EnumerateArray())
        {
            byte[]? value = SeaSigned.Verify(crypto, alice.Pub, one.Text("text"));

            Assert.NotNull(value);
            Assert.Equal(one.Text("json"), Encoding.UTF8.GetString(value));
            Assert.Null(SeaSigned.Verify(crypto, bob.Pub, one.Text("text")));
            Assert.NotNull(SeaSigned.Verify(crypto, alice.Pub, one.Text("text").AsSpan()[3..])); // SEA's raw form.
            string again = SeaSigned.Sign(crypto, bob, value);
            Assert.Equal(value, SeaSigned.Verify(crypto, bob.Pub, again));
        }
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public void Encrypted_texts_open_with_their_passphrase_alone(string provider)
    {
        ICrypto crypto = CryptoProviders.Get(provider);
        foreach (JsonElement one in Recorded.GetProperty("encrypted").EnumerateArray())
        {
            byte[] passphrase = Encoding.UTF8.GetBytes(one.Text("passphrase"));
            byte[]? plain = SeaCipher.Decrypt(crypto, one.Text("text"), passphrase);

            Assert.NotNull(plain);
            Assert.Equal(one.Text("plain"), Encoding.UTF8.GetString(plain));
            Assert.Null(SeaCipher.Decrypt(crypto, one.Text("text"), "another"u8));
            string again = SeaCipher.Encrypt(crypto, plain, passphrase, new byte[9], new byte[15]);
            Assert.Equal(plain, SeaCipher.Decrypt(crypto, again, passphrase));
        }
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public void Work_hash_secret_and_account_are_those_of_gun_js(string provider)
    {
        ICrypto crypto = CryptoProviders.Get(provider);
        using SeaPair alice = Pair(crypto, "alice");
        using SeaPair bob = Pair(crypto, "bob");
        JsonElement work = Recorded.GetProperty("work");
        JsonElement hash = Recorded.GetProperty("hash");
        JsonElement account = Recorded.GetProperty("account");
        byte[] here = new byte[43];
        byte[] there = new byte[43];
        Assert.True(alice.Secret(crypto, bob.Epub, here));
        Assert.True(bob.Secret(crypto, alice.Epub, there));
        using SeaPair? opened = SeaAccount.Open(
            crypto, account.Text("auth"), Encoding.UTF8.GetBytes(account.Text("passphrase")), alice.Pub);

        Assert.Equal(work.Text("text"), Encoding.ASCII.GetString(
            SeaWork.Stretch(crypto, Encoding.UTF8.GetBytes(work.Text("data")), Encoding.UTF8.GetBytes(work.Text("salt")))));
        Assert.Equal(hash.Text("text"), SeaWork.Hash(crypto, Encoding.UTF8.GetBytes(hash.Text("data"))));
        Assert.Equal(Recorded.Text("secret"), Encoding.ASCII.GetString(here));
        Assert.Equal(here, there);
        Assert.Equal(alice.Epub, opened?.Epub);
    }

    [Fact]
    public void Account_opens_for_its_passphrase_and_its_user_alone()
    {
        ICrypto crypto = CryptoProviders.Get(CryptoProviders.Platform);
        using SeaPair alice = Pair(crypto, "alice");
        using SeaPair bob = Pair(crypto, "bob");
        byte[] random = new byte[SeaAccount.RandomLength];
        KeyGenerator.Fill(random);
        string auth = SeaAccount.Create(crypto, alice, "correct horse"u8, random);
        using SeaPair? opened = SeaAccount.Open(crypto, auth, "correct horse"u8, alice.Pub);

        Assert.Equal(alice.Pub, opened?.Pub);
        Assert.Null(SeaAccount.Open(crypto, auth, "correct horsf"u8, alice.Pub));
        Assert.Null(SeaAccount.Open(crypto, auth, "correct horse"u8, bob.Pub));
        Assert.Null(SeaAccount.Open(crypto, auth[..^1], "correct horse"u8, alice.Pub));
        Assert.Null(SeaAccount.Open(crypto, "{}", "correct horse"u8, alice.Pub));
        Assert.Throws<ArgumentException>(() => SeaAccount.Create(crypto, alice, "x"u8, new byte[5]));
    }

    [Theory]
    [InlineData("")]
    [InlineData("A")]
    [InlineData("AA==")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB==")] // Bits to spare.
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA ==")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("-_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==")]
    public void Signature_text_has_one_form(string text) => Assert.False(SeaSigned.TryParse(text, new byte[64]));

    private static SeaPair Pair(ICrypto crypto, string name) =>
        SeaPair.TryParse(crypto, Encoding.UTF8.GetBytes(Recorded.GetProperty(name).GetRawText()))!;
}
