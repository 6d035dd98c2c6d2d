using System.Text;
using Weft.Crypto;
using Weft.Crypto.Keys;
using Weft.Crypto.Sea;
using Weft.Primitives;

namespace Weft.Tests.Crypto.Keys;

public sealed class KeyFileTests : IDisposable
{
    private const int FewRounds = 10;

    private readonly ICrypto _crypto = CryptoProviders.Get(CryptoProviders.Platform);
    private readonly KeyFile _keys = new();
    private readonly byte[] _seed = new byte[32];

    public KeyFileTests()
    {
        new WeftRandom(21).Fill(_seed);
        _keys.Add("node", new Ed25519KeyPair(_crypto, _seed));
        _keys.Add("user", KeyGenerator.NewEd25519(_crypto));
        _keys.Add("sea", KeyGenerator.NewSeaPair(_crypto));
    }

    public void Dispose() => _keys.Dispose();

    [Fact]
    public void Open_file_reads_back_with_every_key()
    {
        using KeyFile read = Ok(KeyFileCodec.Read(_crypto, KeyFileCodec.Write(_crypto, _keys)));
        AssertSame(read);
    }

    [Fact]
    public void Sealed_file_reads_back_with_its_passphrase_alone()
    {
        byte[] file = Sealed();
        using KeyFile read = Ok(KeyFileCodec.Read(_crypto, file, "correct horse"u8));
        AssertSame(read);

        Assert.Equal(KeyFileStatus.PassphraseNeeded, KeyFileCodec.Read(_crypto, file).Status);
        Assert.Equal(KeyFileStatus.WrongPassphrase, KeyFileCodec.Read(_crypto, file, "correct horsf"u8).Status);
    }

    [Fact]
    public void A_new_file_costs_600_000_rounds()
    {
        byte[] file = KeyFileCodec.Seal(_crypto, _keys, "correct horse"u8, Random());

        Assert.Contains("\"rounds\": 600000", Encoding.UTF8.GetString(file), StringComparison.Ordinal);
        using KeyFile read = Ok(KeyFileCodec.Read(_crypto, file, "correct horse"u8));
        AssertSame(read);
    }

    [Fact]
    public void Sealed_file_shows_no_secret_and_no_name()
    {
        string text = Encoding.UTF8.GetString(Sealed());

        Secrets.AssertAbsent(_seed, text);
        Assert.DoesNotContain("node", text, StringComparison.Ordinal);
        Assert.DoesNotContain(_keys.FindEd25519("node")!.PublicKey.ToString(), text, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_file_may_be_formatted_by_hand()
    {
        string text = Encoding.UTF8.GetString(KeyFileCodec.Write(_crypto, _keys)).Replace(",", " ,\n  ");
        using KeyFile read = Ok(KeyFileCodec.Read(_crypto, Encoding.UTF8.GetBytes(text)));

        AssertSame(read);
    }

    [Fact]
    public void Fewer_rounds_in_a_sealed_file_are_damage()
    {
        string text = Encoding.UTF8.GetString(Sealed()).Replace("\"rounds\": 10", "\"rounds\": 1");

        Assert.Equal(KeyFileStatus.Damaged, Read(text, "correct horse").Status);
    }

    [Fact]
    public void Any_flipped_bit_of_a_sealed_file_is_said_and_never_thrown()
    {
        byte[] file = Sealed();
        var random = new WeftRandom(22);
        Dictionary<KeyFileStatus, int> seen = [];
        for (int i = 0; i < 5_000; i++)
        {
            byte[] copy = [.. file];
            int bit = random.Next(copy.Length * 8);
            copy[bit / 8] ^= (byte)(1 << (bit % 8));
            KeyFileRead read = KeyFileCodec.Read(_crypto, copy, "correct horse"u8);
            seen[read.Status] = seen.GetValueOrDefault(read.Status) + 1;
            if (read.Keys is { } keys)
            {
                AssertSame(keys); // White space or a name nobody reads: the keys must still be the same.
                keys.Dispose();
            }
        }

        Assert.True(seen[KeyFileStatus.Damaged] > 3_000);
        Assert.False(seen.ContainsKey(KeyFileStatus.WrongPassphrase)); // Damage is never blamed on the passphrase.
    }

    [Fact]
    public void Any_flipped_bit_or_cut_of_an_open_file_gives_the_same_keys_or_none()
    {
        byte[] file = KeyFileCodec.Write(_crypto, _keys);
        var random = new WeftRandom(23);
        int refused = 0;
        for (int i = 0; i < 2_000; i++)
        {
            byte[] copy = random.Chance(0.2) ? file[..random.Next(file.Length - 2)] : [.. file];
            if (copy.Length == file.Length)
            {
                int bit = random.Next(copy.Length * 8);
                copy[bit / 8] ^= (byte)(1 << (bit % 8));
            }

            KeyFileRead read = KeyFileCodec.Read(_crypto, copy);
            refused += read.Keys is null ? 1 : 0;
            if (read.Keys is { } keys)
            {
                AssertSame(keys);
                keys.Dispose();
            }

            Secrets.AssertAbsent(_seed, read.ToString());
        }

        Assert.True(refused > 1_500);
    }

    [Theory]
    [InlineData("", KeyFileStatus.NotAKeyFile)]
    [InlineData("hello", KeyFileStatus.NotAKeyFile)]
    [InlineData("{}", KeyFileStatus.NotAKeyFile)]
    [InlineData("[]", KeyFileStatus.NotAKeyFile)]
    [InlineData("{\"weft\":\"policy\",\"version\":1,\"keys\":[]}", KeyFileStatus.NotAKeyFile)]
    [InlineData("{\"weft\":\"keys\",\"version\":2,\"keys\":[]}", KeyFileStatus.TooNew)]
    [InlineData("{\"weft\":\"keys\",\"keys\":[]}", KeyFileStatus.Damaged)]
    [InlineData("{\"weft\":\"keys\",\"version\":1}", KeyFileStatus.Damaged)]
    [InlineData("{\"weft\":\"keys\",\"version\":1,\"keys\":[],\"sealed\":{}}", KeyFileStatus.Damaged)]
    [InlineData("{\"weft\":\"keys\",\"version\":1,\"sealed\":{}}", KeyFileStatus.Damaged)]
    [InlineData("{\"weft\":\"keys\",\"version\":1,\"keys\":[]}", KeyFileStatus.Damaged)] // No checksum.
    [InlineData("{\"weft\":\"keys\",\"version\":1,\"keys\":[1]}", KeyFileStatus.Damaged)]
    [InlineData("{\"weft\":\"keys\",\"version\":1,\"keys\":[{}]}", KeyFileStatus.Damaged)]
    public void Other_bytes_are_told_apart(string text, KeyFileStatus status) =>
        Assert.Equal(status, Read(text).Status);

    [Fact]
    public void A_short_seed_is_named_with_its_length()
    {
        string text = "{\"weft\":\"keys\",\"version\":1,\"sum\":\"\",\"keys\":[{\"name\":\"node\",\"kind\":\"ed25519\"," +
            $"\"public\":\"\",\"seed\":\"{System.Buffers.Text.Base64Url.EncodeToString(_seed.AsSpan(1))}\"}}]}}";
        KeyFileRead read = Read(text);

        Assert.Equal(KeyFileStatus.Damaged, read.Status);
        Assert.Equal("the key \"node\" has 31 bytes, an Ed25519 seed has 32", read.Problem);
    }

    [Fact]
    public void Huge_files_and_huge_rounds_are_not_worked_on()
    {
        Assert.Equal(KeyFileStatus.NotAKeyFile, KeyFileCodec.Read(_crypto, new byte[KeyFileCodec.FileMax + 1]).Status);
        string text = Encoding.UTF8.GetString(Sealed()).Replace("\"rounds\": 10", "\"rounds\": 2000000000");
        Assert.Equal(KeyFileStatus.Damaged, Read(text, "correct horse").Status);
    }

    [Fact]
    public void Names_are_kept_to_their_letters_and_used_once()
    {
        using Ed25519KeyPair key = KeyGenerator.NewEd25519(_crypto);
        foreach (string name in (string[])["", "Node", "a b", "node", new string('a', KeyFile.NameMax + 1)])
        {
            Assert.Throws<ArgumentException>(() => _keys.Add(name, key));
        }

        Assert.Equal(["node", "sea", "user"], _keys.Names);
        Assert.True(_keys.Remove("user"));
        Assert.False(_keys.Remove("user"));
    }

    [Fact]
    public void Nothing_is_left_after_dispose_and_the_text_shows_no_secret()
    {
        Ed25519KeyPair node = _keys.FindEd25519("node")!;
        SeaPair sea = _keys.FindSea("sea")!;
        Secrets.AssertAbsent(_seed, _keys.ToString());
        Secrets.AssertAbsent(Secrets.Field(sea, "_priv"), _keys.ToString());

        _keys.Dispose();

        Assert.DoesNotContain(Secrets.Field(node, "_seed"), one => one != 0);
        Assert.DoesNotContain(Secrets.Field(sea, "_priv"), one => one != 0);
        Assert.Empty(_keys.Names);
    }

    private static KeyFile Ok(KeyFileRead read)
    {
        Assert.Equal(KeyFileStatus.Ok, read.Status);
        Assert.Equal("", read.Problem);
        return read.Keys!;
    }

    private static byte[] Random()
    {
        byte[] random = new byte[KeyFileCodec.RandomLength];
        KeyGenerator.Fill(random);
        return random;
    }

    private byte[] Sealed() => KeyFileCodec.Seal(_crypto, _keys, "correct horse"u8, Random(), FewRounds);

    private KeyFileRead Read(string text, string passphrase = "") =>
        KeyFileCodec.Read(_crypto, Encoding.UTF8.GetBytes(text), Encoding.UTF8.GetBytes(passphrase));

    private void AssertSame(KeyFile read)
    {
        Assert.Equal(_keys.Names, read.Names);
        foreach (string name in (string[])["node", "user"])
        {
            Assert.Equal(_keys.FindEd25519(name)!.PublicKey, read.FindEd25519(name)!.PublicKey);
        }

        byte[] seed = new byte[32];
        read.FindEd25519("node")!.CopySeedTo(seed);
        Assert.Equal(_seed, seed);
        Assert.Equal(_keys.FindSea("sea")!.Pub, read.FindSea("sea")!.Pub);
        Assert.Equal(_keys.FindSea("sea")!.Epub, read.FindSea("sea")!.Epub);
    }
}
