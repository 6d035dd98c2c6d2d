using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using Weft.Crypto;
using Weft.Primitives;
using Weft.Storage.Sealing;
using Weft.Storage.Tier;

namespace Weft.Integration.Tests.Storage;

/// <summary>The seal itself: what it binds, that no nonce comes twice, and that secrets stay hidden.</summary>
public sealed class SealerTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Both_providers_open_what_either_sealed(bool managedSeals)
    {
        ICrypto platform = PlatformCrypto.Create();
        ICrypto managed = new BouncyCastleCrypto();
        using Sealer seals = Make(managedSeals ? managed : platform);
        using Sealer opens = Make(managedSeals ? platform : managed);
        byte[] sealedBytes = Sealed(seals, SealKind.Page, "plain text"u8, "page 7"u8);
        byte[] plain = new byte[10];

        Assert.True(opens.TryOpen(SealKind.Page, sealedBytes, "page 7"u8, plain));
        Assert.Equal("plain text"u8, plain);
        Assert.Equal(-1, sealedBytes.AsSpan().IndexOf("plain"u8));
    }

    [Fact]
    public void A_flipped_bit_another_place_and_another_kind_do_not_open()
    {
        using Sealer sealer = Make(PlatformCrypto.Create());
        byte[] good = Sealed(sealer, SealKind.Page, "plain text"u8, "page 7"u8);
        byte[] plain = new byte[10];
        for (int bit = 0; bit < good.Length * 8; bit++)
        {
            byte[] bytes = [.. good];
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(sealer.TryOpen(SealKind.Page, bytes, "page 7"u8, plain), $"bit {bit}");
        }

        Assert.False(sealer.TryOpen(SealKind.Page, good, "page 8"u8, plain));
        Assert.False(sealer.TryOpen(SealKind.LogRecord, good, "page 7"u8, plain));
        using var other = new Sealer(PlatformCrypto.Create(), new byte[32]);
        Assert.False(other.TryOpen(SealKind.Page, good, "page 7"u8, plain));
        Assert.True(sealer.TryOpen(SealKind.Page, good, "page 7"u8, plain));
    }

    [Fact]
    public async Task No_epoch_and_number_comes_twice_among_threads_opens_and_epochs()
    {
        var seen = new ConcurrentDictionary<string, int>();
        for (int open = 0; open < 4; open++)
        {
            using var sealer = new Sealer(PlatformCrypto.Create(), Key(), sealsMax: 100);
            await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() =>
            {
                for (int i = 0; i < 500; i++)
                {
                    byte[] sealedBytes = Sealed(sealer, SealKind.LogRecord, "same"u8, []);
                    Assert.True(seen.TryAdd(Convert.ToHexString(sealedBytes.AsSpan(^24..)), 0));
                    Assert.True(sealer.TryOpen(SealKind.LogRecord, sealedBytes, [], new byte[4]));
                }
            })));
        }

        Assert.Equal(4 * 8 * 500, seen.Count);
        Assert.Equal(4 * 40, seen.Keys.Select(key => key[..32]).Distinct().Count());
        Assert.All(seen.Keys, key => Assert.InRange(
            BinaryPrimitives.ReadUInt64LittleEndian(Convert.FromHexString(key[32..])), 1UL, 100UL));
    }

    [Fact]
    public void A_key_file_is_32_bytes_raw_or_as_base64()
    {
        byte[] key = RandomNumberGenerator.GetBytes(32);
        string base64 = Convert.ToBase64String(key);
        (string Name, byte[] Content)[] good =
        [
            ("raw", key), ("base64", Bytes(base64)), ("line", Bytes(base64 + "\r\n")),
            ("url", Bytes(base64.Replace('+', '-').Replace('/', '_').TrimEnd('='))),
        ];
        foreach ((string name, byte[] content) in good)
        {
            File.WriteAllBytes(_folder.At(name), content);
            using StoreSecret read = StoreSecret.ReadKeyFile(_folder.At(name));
            Assert.Equal(key, read.Bytes.ToArray());
            Assert.False(read.IsPassphrase);
        }

        byte[][] bad = [[], key[..31], [.. key, 1], Bytes(base64[1..]), Bytes(new string('!', 44)), new byte[5_000]];
        foreach (byte[] content in bad)
        {
            File.WriteAllBytes(_folder.At("bad"), content);
            WeftException refused = Assert.Throws<WeftException>(() => StoreSecret.ReadKeyFile(_folder.At("bad")));
            Assert.Equal(WeftError.StoreKeyUnusable, refused.Error);
        }

        Assert.Equal(
            WeftError.StoreKeyUnusable,
            Assert.Throws<WeftException>(() => StoreSecret.ReadKeyFile(_folder.At("missing"))).Error);
    }

    [Fact]
    public void A_passphrase_is_the_first_line_of_its_file()
    {
        foreach (string content in (string[])["p\u00e4ss phrase", "p\u00e4ss phrase\n", "p\u00e4ss phrase\r\nmore\n"])
        {
            File.WriteAllText(_folder.At("phrase"), content);
            using StoreSecret read = StoreSecret.ReadPassphraseFile(_folder.At("phrase"));
            using StoreSecret typed = StoreSecret.FromPassphrase("p\u00e4ss phrase");
            Assert.Equal(typed.Bytes.ToArray(), read.Bytes.ToArray());
        }

        foreach (string content in (string[])["", "\nsecond line", new string('x', 1_025)])
        {
            File.WriteAllText(_folder.At("phrase"), content);
            Assert.Equal(
                WeftError.StoreKeyUnusable,
                Assert.Throws<WeftException>(() => StoreSecret.ReadPassphraseFile(_folder.At("phrase"))).Error);
        }
    }

    [Fact]
    public void A_secret_prints_nothing_and_is_cleared()
    {
        StoreSecret secret = StoreSecret.FromPassphrase("hidden words");

        Assert.DoesNotContain("words", secret.ToString());
        Assert.DoesNotContain("words", new StoreEncryption(PlatformCrypto.Create(), secret).ToString());
        secret.Dispose();
        Assert.Equal(new byte[12], secret.Bytes.ToArray());
        byte[] dataKey = Key();
        new Sealer(PlatformCrypto.Create(), dataKey).Dispose();
        Assert.Equal(new byte[32], dataKey);
    }

    [Fact]
    public void The_offsets_of_a_sealed_log_go_there_and_back()
    {
        using Sealer sealer = Make(PlatformCrypto.Create());
        using SealedFile database = SealedFile.Database(sealer);
        using SealedFile log = database.Log();
        const int Frame = 24 + Db.PageBytes;
        foreach (long shown in (long[])[0, 32, 32 + 24, 32 + Frame, 32 + Frame + 24, 32 + (700L * Frame)])
        {
            Assert.Equal(shown, log.Shown(log.Stored(shown)));
            Assert.Equal(shown, database.Shown(database.Stored(shown)));
        }

        Assert.Equal(32 + (700L * (64 + Db.PageBytes)), log.Stored(32 + (700L * Frame)));
        Assert.Equal(32 + (3L * Frame), log.Shown(32 + (3L * (64 + Db.PageBytes)) + 20)); // A torn head is not there.
    }

    private static byte[] Key() => "the key of every test: 32 bytes!"u8.ToArray();

    private static Sealer Make(ICrypto crypto) => new(crypto, Key());

    private static byte[] Bytes(string text) => System.Text.Encoding.ASCII.GetBytes(text);

    private static byte[] Sealed(Sealer sealer, SealKind kind, ReadOnlySpan<byte> plain, ReadOnlySpan<byte> bound)
    {
        byte[] target = new byte[plain.Length + Sealer.Overhead];
        sealer.Seal(kind, plain, bound, target);
        return target;
    }
}
