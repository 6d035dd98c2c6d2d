using System.Buffers.Text;
using Weft.Crypto;
using Weft.Primitives;
using static Weft.Tests.Crypto.GroupKit;

namespace Weft.Tests.Crypto;

public sealed class GroupEpochTests
{
    private static readonly (GroupEpoch Epoch, string Text) Made = Make(Owner, Family);

    [Fact]
    public void An_epoch_reads_back_from_its_field()
    {
        Assert.True(GroupEpoch.TryDecode(
            Made.Epoch.Name, Made.Text, Family, GroupAuthority.Of(Family), Network, Provider, out GroupEpoch? read));

        Assert.Equal(1u, read.Number);
        Assert.Equal(GroupEpoch.NameLength, read.Name.Length);
        Assert.True(GroupEpoch.IsName(read.Name));
        Assert.Equal(Made.Epoch.Members, read.Members);
        Assert.True(read.HasKeyFor(Bob.PublicKey));
        Assert.Null(read.Find(Eve.PublicKey));
        Assert.Single(read.Unwrap(Provider, Bob, Network));
        Assert.Empty(read.Unwrap(Provider, Eve, Network));
        Assert.Empty(read.Unwrap(Provider, Bob, new byte[32]));
    }

    [Fact]
    public void An_epoch_counts_only_in_its_field_its_group_and_its_network()
    {
        string otherName = Made.Epoch.Name[..^1] + (Made.Epoch.Name[^1] == 'A' ? 'Q' : 'A');

        Assert.False(Reads(otherName, Made.Text, Family, Network));
        Assert.False(Reads(Made.Epoch.Name.Replace("e0000000001", "e0000000002"), Made.Text, Family, Network));
        Assert.False(Reads(Made.Epoch.Name, Made.Text, Family with { Name = "friends" }, Network));
        Assert.False(Reads(Made.Epoch.Name, Made.Text, Family with { Owner = Bob.PublicKey }, Network));
        Assert.False(Reads(Made.Epoch.Name, Made.Text, Family, new byte[32]));
        Assert.True(Reads(Made.Epoch.Name, Made.Text, Family, Network));
    }

    [Fact]
    public void An_epoch_signed_by_somebody_else_does_not_count()
    {
        (GroupEpoch forged, string text) = Make(Eve, new(Eve.PublicKey, "family"));

        Assert.False(Reads(forged.Name, text, Family, Network));
    }

    [Fact]
    public void Not_one_bit_of_an_epoch_can_be_changed_even_under_a_name_that_fits()
    {
        byte[] record = Base64Url.DecodeFromChars(Made.Text.AsSpan(5));
        for (int bit = 0; bit < record.Length * 8; bit++)
        {
            record[bit / 8] ^= (byte)(1 << (bit % 8));
            string name = GroupEpoch.NameOf(NumberIn(record), record, Provider);
            Assert.False(Reads(name, "wge1." + Base64Url.EncodeToString(record), Family, Network), $"bit {bit}");
            record[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    [Fact]
    public void Random_and_cut_texts_are_refused_and_never_throw()
    {
        var random = new WeftRandom(seed: 8);
        for (int i = 0; i < 5_000; i++)
        {
            byte[] bytes = Base64Url.DecodeFromChars(Made.Text.AsSpan(5));
            random.Fill(bytes.AsSpan(71 + random.Next(bytes.Length - 71)));
            bytes = bytes[..random.Next(1, bytes.Length + 1)];
            string name = GroupEpoch.NameOf(1, bytes, Provider);
            Assert.False(Reads(name, "wge1." + Base64Url.EncodeToString(bytes), Family, Network));
        }

        foreach (string text in new[] { "", "wge1.", "wge1.!", "wge1.\ud800", new string('A', 2_000_000), "wge2.AAAA" })
        {
            Assert.False(Reads(Made.Epoch.Name, text, Family, Network));
        }

        Assert.False(Reads("", Made.Text, Family, Network));
        Assert.False(Reads("members", Made.Text, Family, Network));
    }

    [Theory]
    [InlineData("family", true)]
    [InlineData("f", true)]
    [InlineData("a/b $~ \u00e9", true)]
    [InlineData("", false)]
    public void The_soul_of_a_group_names_owner_and_group(string name, bool isName)
    {
        Assert.Equal(isName, GroupName.IsName(name));
        Assert.Equal(isName, GroupName.TryParse($"weft:group/{Owner.PublicKey}/{name}", out GroupName group));
        Assert.Equal(isName ? new GroupName(Owner.PublicKey, name) : default, group);
    }

    [Fact]
    public void A_name_with_half_a_surrogate_pair_is_none()
    {
        Assert.False(GroupName.IsName("a\ud800"));
        Assert.False(GroupName.TryParse($"weft:group/{Owner.PublicKey}/a\ud800", out _));
    }

    [Theory]
    [InlineData("weft:group/")]
    [InlineData("weft:group/AAAA/family")]
    [InlineData("weft:groups/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/family")]
    [InlineData("weft:group/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA-family")]
    [InlineData("weft:group/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB/family")]
    [InlineData("weft:group/!AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/family")]
    public void Other_souls_name_no_group(string soul) => Assert.False(GroupName.TryParse(soul, out _));

    private static uint NumberIn(byte[] record) =>
        System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(record.AsSpan(1));

    private static bool Reads(string field, string text, GroupName group, byte[] network)
    {
        bool reads = GroupEpoch.TryDecode(
            field, text, group, GroupAuthority.Of(group), network, Provider, out GroupEpoch? epoch);
        Assert.Equal(reads, epoch is not null);
        return reads;
    }

    private static (GroupEpoch Epoch, string Text) Make(Ed25519KeyPair owner, GroupName group)
    {
        var state = new GroupState(group);
        GroupPlan plan = state.Plan([Bob.PublicKey], []);
        GroupRecipient[] recipients = [.. plan.Members.Select(member => new GroupRecipient(
            member, SealingKeyOf(member.Key == Bob.PublicKey ? Bob : owner), []))];
        GroupEpoch? epoch = state.Create(
            Provider, Network, owner, plan, recipients, Bytes(32, 1), Bytes(32, 2), out string? text);
        Assert.NotNull(epoch);
        return (epoch, text!);
    }
}
