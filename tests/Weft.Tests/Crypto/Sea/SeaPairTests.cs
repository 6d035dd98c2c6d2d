using System.Buffers;
using System.Text;
using Weft.Crypto;
using Weft.Crypto.Sea;

namespace Weft.Tests.Crypto.Sea;

public sealed class SeaPairTests
{
    private readonly ICrypto _crypto = CryptoProviders.Get(CryptoProviders.Platform);

    [Fact]
    public void What_it_writes_reads_back()
    {
        using SeaPair pair = KeyGenerator.NewSeaPair(_crypto);
        var json = new ArrayBufferWriter<byte>();
        pair.WriteSecrets(json);
        using SeaPair? read = SeaPair.TryParse(_crypto, json.WrittenSpan);

        Assert.NotNull(read);
        Assert.Equal(pair.Pub, read.Pub);
        Assert.Equal(pair.Epub, read.Epub);
    }

    [Fact]
    public void Public_keys_of_another_pair_are_refused()
    {
        using SeaPair pair = KeyGenerator.NewSeaPair(_crypto);
        using SeaPair other = KeyGenerator.NewSeaPair(_crypto);
        var json = new ArrayBufferWriter<byte>();
        pair.WriteSecrets(json);
        string text = Encoding.UTF8.GetString(json.WrittenSpan);

        Assert.Null(SeaPair.TryParse(_crypto, Encoding.UTF8.GetBytes(text.Replace(pair.Pub.ToString(), other.Pub.ToString()))));
        Assert.Null(SeaPair.TryParse(_crypto, Encoding.UTF8.GetBytes(text.Replace("epriv", "eprix"))));
        Assert.Null(SeaPair.TryParse(_crypto, Encoding.UTF8.GetBytes(text[..^1])));
        Assert.Null(SeaPair.TryParse(_crypto, Encoding.UTF8.GetBytes(text + "x")));
    }

    [Fact]
    public void Its_text_shows_the_public_key_and_never_a_secret()
    {
        using SeaPair pair = KeyGenerator.NewSeaPair(_crypto);

        Assert.Contains(pair.Pub.ToString(), pair.ToString(), StringComparison.Ordinal);
        Secrets.AssertAbsent(Secrets.Field(pair, "_priv"), pair.ToString());
        Secrets.AssertAbsent(Secrets.Field(pair, "_epriv"), pair.ToString());
    }

    [Fact]
    public void Nothing_is_left_after_dispose()
    {
        SeaPair pair = KeyGenerator.NewSeaPair(_crypto);
        byte[] priv = Secrets.Field(pair, "_priv");
        byte[] epriv = Secrets.Field(pair, "_epriv");
        Assert.Contains(priv, one => one != 0);

        pair.Dispose();

        Assert.DoesNotContain(priv.Concat(epriv), one => one != 0);
        Assert.Throws<ObjectDisposedException>(() => pair.Sign(_crypto, "x"u8, new byte[64]));
        Assert.Throws<ObjectDisposedException>(() => pair.WriteSecrets(new ArrayBufferWriter<byte>()));
        Assert.Throws<ObjectDisposedException>(() => pair.CopyPassphraseTo(new byte[43]));
        Assert.Throws<ObjectDisposedException>(() => pair.Secret(_crypto, pair.Epub, new byte[43]));
    }

    [Fact]
    public void Secrets_outside_the_order_of_the_group_make_no_pair()
    {
        byte[] zero = new byte[32];
        byte[] order = Convert.FromHexString("FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551");
        byte[] one = new byte[32];
        one[31] = 1;

        Assert.Null(SeaPair.TryCreate(_crypto, zero, one));
        Assert.Null(SeaPair.TryCreate(_crypto, one, order));
        using SeaPair? pair = SeaPair.TryCreate(_crypto, one, one);
        Assert.NotNull(pair);
    }

    [Fact]
    public void Public_key_text_is_canonical()
    {
        using SeaPair pair = KeyGenerator.NewSeaPair(_crypto);
        string text = pair.Pub.ToString();

        Assert.True(SeaPublicKey.TryParse(text, out SeaPublicKey key));
        Assert.Equal(pair.Pub, key);
        Assert.False(SeaPublicKey.TryParse(text.AsSpan()[..^1], out _));
        Assert.False(SeaPublicKey.TryParse(text.Replace('.', '-'), out _));
        Assert.False(SeaPublicKey.TryParse(text[..^1] + "*", out _));
        Assert.False(SeaPublicKey.TryParse("", out _));
    }
}
