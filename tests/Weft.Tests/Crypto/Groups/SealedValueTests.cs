using System.Text;
using Weft.Crypto;
using Weft.Primitives;
using static Weft.Tests.Crypto.GroupKit;

namespace Weft.Tests.Crypto;

public sealed class SealedValueTests
{
    private const string Secret = "\"the Ritz, room 12\"";

    private static readonly string[] Epochs =
        [$"e0000000001-{new string('A', 22)}", $"e0000000002-{new string('B', 21)}A"];

    private static readonly EpochKey[] Keys = [new(Epochs[0], Bytes(32, 1)), new(Epochs[1], Bytes(32, 2))];

    [Fact]
    public void What_is_sealed_opens_with_the_keys_in_its_place()
    {
        string text = Seal(Keys[..1]);

        Assert.True(SealedValue.TryParse(text, out SealedValue? value));
        Assert.Equal(Family, value.Group);
        Assert.Equal([Epochs[0]], value.Epochs);
        Assert.Equal(Secret, OpenText(value, Keys[..1]));
        Assert.DoesNotContain("Ritz", text);
    }

    [Fact]
    public void Two_keys_are_needed_both()
    {
        Assert.True(SealedValue.TryParse(Seal([Keys[1], Keys[0]]), out SealedValue? value));

        Assert.Equal(Epochs, value.Epochs);
        Assert.Equal(Secret, OpenText(value, Keys));
        Assert.Null(OpenText(value, Keys[..1]));
        Assert.Null(OpenText(value, Keys[1..]));
        Assert.Null(OpenText(value, [Keys[0], new(Epochs[1], Keys[0].Key)]));
        Assert.Null(OpenText(value, [Keys[1], Keys[0]]));
    }

    [Fact]
    public void A_sealed_value_cannot_be_moved()
    {
        Assert.True(SealedValue.TryParse(Seal(Keys[..1]), out SealedValue? value));
        byte[] otherNetwork = Bytes(32, 5);

        Assert.Null(value.Open(Provider, otherNetwork, Keys[..1], "trip", "hotel"));
        Assert.Null(value.Open(Provider, Network, Keys[..1], "trips", "hotel"));
        Assert.Null(value.Open(Provider, Network, Keys[..1], "trip", "hotels"));
        Assert.Null(value.Open(Provider, Network, Keys[..1], "trip/hotel", ""));
        Assert.Null(value.Open(Provider, Network, Keys[..1], "hotel", "trip"));
    }

    [Fact]
    public void A_sealed_value_cannot_be_given_to_another_group_or_epoch()
    {
        string text = Seal(Keys[..1]);
        string otherGroup = text.Replace("/family", "/friends");
        string otherEpoch = text.Replace(Epochs[0], Epochs[1]);

        Assert.True(SealedValue.TryParse(otherGroup, out SealedValue? moved));
        Assert.Null(OpenText(moved, Keys[..1]));
        Assert.True(SealedValue.TryParse(otherEpoch, out moved));
        Assert.Null(OpenText(moved, [new(Epochs[1], Keys[0].Key)]));
    }

    [Fact]
    public void Ten_thousand_flipped_bits_open_nothing()
    {
        var random = new WeftRandom(seed: 3);
        byte[] original = Encoding.UTF8.GetBytes(Seal(Keys));
        int opened = 0;
        int parsed = 0;
        for (int i = 0; i < 10_000; i++)
        {
            byte[] bytes = (byte[])original.Clone();
            int bit = random.Next(bytes.Length * 8);
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            if (SealedValue.TryParse(Encoding.Latin1.GetString(bytes), out SealedValue? value))
            {
                parsed++;
                opened += value.Open(
                    Provider, Network, [.. value.Epochs.Zip(Keys, (name, key) => new EpochKey(name, key.Key))], "trip",
                    "hotel") is null ? 0 : 1;
            }
        }

        Assert.Equal(0, opened);
        Assert.InRange(parsed, 1_000, 10_000);
    }

    [Fact]
    public void Text_in_any_other_form_is_not_sealed_and_never_throws()
    {
        string good = Seal(Keys[..1]);
        string[] bad =
        [
            "", "WEFT", "WEFT{", "WEFT{}", "SEA{}", good[1..], good[..^1], good + " x", good.Replace("\"e\"", "\"g\""),
            good.Replace("\"e\"", "\"x\""), good.Replace("WEFT{", "WEFT{\"v\":1,"),
            good.Replace("\"n\":\"", "\"n\":\"A"),
            good.Replace($"\"{Epochs[0]}\"", "1"), good.Replace($"\"{Epochs[0]}\"", "[]"),
            good.Replace(Epochs[0], $"{Epochs[1]} {Epochs[0]}"), good.Replace(Epochs[0], $"{Epochs[0]} {Epochs[0]}"),
            good.Replace(Epochs[0], "e1-A"), good.Replace("weft:group/", "weft:grou/"), good.Replace("/family", ""),
            good.Replace("/family", "/\\ud800"), good.Replace("/family", "/" + new string('n', 129)),
            "WEFT{\"g\":\"\ud800\"}", "WEFT" + new string('{', 100_000), "WEFT{" + new string('x', 2_000_000),
        ];

        Assert.True(SealedValue.IsSealed(good));
        foreach (string text in bad)
        {
            Assert.False(SealedValue.IsSealed(text), text[..Math.Min(200, text.Length)]);
        }
    }

    [Fact]
    public void The_longest_value_that_is_sealed_fits_into_one_field()
    {
        byte[] plain = new byte[SealedValue.PlainBytesMax];
        var group = new GroupName(Owner.PublicKey, new string('\u4e2d', 128));
        EpochKey[] eight = [.. Enumerable.Range(0, 8)
            .Select(i => new EpochKey($"e000000000{i}-{new string('A', 22)}", Bytes(32, (ulong)i + 1)))];

        string text = SealedValue.Seal(Provider, Network, group, eight, "trip", "hotel", plain, Bytes(24, 1));

        Assert.InRange(text.Length, 1_000_000, 1_048_576);
        Assert.True(SealedValue.TryParse(text, out SealedValue? value));
        Assert.Equal(plain, value.Open(Provider, Network, eight, "trip", "hotel"));
        var longer = new byte[plain.Length + 1];
        Assert.Throws<ArgumentOutOfRangeException>(
            () => SealedValue.Seal(Provider, Network, group, eight, "trip", "hotel", longer, Bytes(24, 1)));
    }

    [Fact]
    public void Two_seals_of_one_value_have_nothing_in_common() =>
        Assert.NotEqual(Seal(Keys, salt: 1)[^40..], Seal(Keys, salt: 2)[^40..]);

    private static string Seal(EpochKey[] keys, ulong salt = 9) => SealedValue.Seal(
        Provider, Network, Family, keys, "trip", "hotel", Encoding.UTF8.GetBytes(Secret), Bytes(24, salt));

    private static string? OpenText(SealedValue value, EpochKey[] keys) =>
        value.Open(Provider, Network, keys, "trip", "hotel") is byte[] plain ? Encoding.UTF8.GetString(plain) : null;
}
