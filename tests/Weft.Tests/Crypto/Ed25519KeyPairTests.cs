using System.Reflection;
using Weft.Crypto;
using Weft.Primitives;

namespace Weft.Tests.Crypto;

public sealed class Ed25519KeyPairTests
{
    public static TheoryData<string> Providers => CryptoProviders.Names;

    [Theory]
    [MemberData(nameof(Providers))]
    public void What_it_signs_verifies_with_its_public_key_alone(string provider)
    {
        ICrypto crypto = CryptoProviders.Get(provider);
        using Ed25519KeyPair pair = KeyGenerator.NewEd25519(crypto);
        using Ed25519KeyPair other = KeyGenerator.NewEd25519(crypto);
        byte[] signature = new byte[64];
        pair.Sign(crypto, "hello"u8, signature);

        Assert.True(crypto.VerifyEd25519(pair.PublicKey.Span, "hello"u8, signature));
        Assert.False(crypto.VerifyEd25519(pair.PublicKey.Span, "hellp"u8, signature));
        Assert.False(crypto.VerifyEd25519(other.PublicKey.Span, "hello"u8, signature));
    }

    [Fact]
    public void Its_text_shows_the_public_key_and_never_the_secret()
    {
        ICrypto crypto = CryptoProviders.Get(CryptoProviders.Managed);
        byte[] seed = new byte[32];
        new WeftRandom(3).Fill(seed);
        using var pair = new Ed25519KeyPair(crypto, seed);

        Assert.Contains(pair.PublicKey.ToString(), pair.ToString(), StringComparison.Ordinal);
        Secrets.AssertAbsent(seed, pair.ToString());
        Secrets.AssertAbsent(seed, $"{pair}");
    }

    [Fact]
    public void Nothing_is_left_after_dispose()
    {
        ICrypto crypto = CryptoProviders.Get(CryptoProviders.Managed);
        Ed25519KeyPair pair = KeyGenerator.NewEd25519(crypto);
        byte[] held = Secrets.Field(pair, "_seed");
        Assert.Contains(held, one => one != 0);

        pair.Dispose();

        Assert.DoesNotContain(held, one => one != 0);
        Assert.Throws<ObjectDisposedException>(() => pair.Sign(crypto, "x"u8, new byte[64]));
        Assert.Throws<ObjectDisposedException>(() => pair.CopySeedTo(new byte[32]));
        Assert.Throws<ObjectDisposedException>(() => pair.DeriveSecret(crypto, "a"u8, new byte[32]));
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public void Seed_of_the_RFC_gives_its_key_and_signature(string provider)
    {
        // RFC 8032, section 7.1, test 1.
        ICrypto crypto = CryptoProviders.Get(provider);
        using var pair = new Ed25519KeyPair(
            crypto, Convert.FromHexString("9D61B19DEFFD5A60BA844AF492EC2CC44449C5697B326919703BAC031CAE7F60"));
        byte[] signature = new byte[64];

        pair.Sign(crypto, [], signature);

        Assert.Equal(
            "D75A980182B10AB7D54BFED3C964073A0EE172F3DAA62325AF021A68F707511A", Convert.ToHexString(pair.PublicKey.Span));
        Assert.StartsWith("E5564300C360AC729086E2CC806E828A", Convert.ToHexString(signature));
    }

    [Fact]
    public void Derived_secrets_differ_by_purpose_and_are_the_same_each_time()
    {
        ICrypto crypto = CryptoProviders.Get(CryptoProviders.Managed);
        using Ed25519KeyPair pair = new(crypto, new byte[32]);
        byte[] first = new byte[32];
        byte[] again = new byte[32];
        byte[] other = new byte[32];

        pair.DeriveSecret(crypto, "a"u8, first);
        pair.DeriveSecret(crypto, "a"u8, again);
        pair.DeriveSecret(crypto, "b"u8, other);

        Assert.Equal(first, again);
        Assert.NotEqual(first, other);
    }

    [Fact]
    public void Two_new_keys_differ()
    {
        ICrypto crypto = CryptoProviders.Get(CryptoProviders.Managed);
        using Ed25519KeyPair one = KeyGenerator.NewEd25519(crypto);
        using Ed25519KeyPair two = KeyGenerator.NewEd25519(crypto);

        Assert.NotEqual(one.PublicKey, two.PublicKey);
    }
}

/// <summary>Looks for secrets where they must not be.</summary>
internal static class Secrets
{
    /// <summary>Fails when a text holds a secret in any of the forms people print bytes in.</summary>
    internal static void AssertAbsent(byte[] secret, string text)
    {
        Assert.DoesNotContain(Convert.ToHexString(secret), text, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain(Convert.ToBase64String(secret).TrimEnd('='), text, StringComparison.Ordinal);
        Assert.DoesNotContain(System.Buffers.Text.Base64Url.EncodeToString(secret), text, StringComparison.Ordinal);
        Assert.DoesNotContain(string.Join(", ", secret), text, StringComparison.Ordinal);
    }

    /// <summary>The array behind a private field.</summary>
    internal static byte[] Field(object owner, string name) =>
        (byte[])owner.GetType().GetField(name, BindingFlags.Instance | BindingFlags.NonPublic)!.GetValue(owner)!;
}
