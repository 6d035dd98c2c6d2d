using Weft.Graph.Policy;

namespace Weft.Tests.Graph.Policy;

public sealed class ReplicationWordsTests
{
    [Theory]
    [InlineData("everyone", true, 0, false)]
    [InlineData("responsible(3)", false, 3, false)]
    [InlineData("everyone+responsible(20)", true, 20, false)]
    [InlineData("local", false, 0, true)]
    public void Words_are_read_and_written_in_their_one_form(string text, bool isEveryone, int copies, bool isLocal)
    {
        Assert.True(ReplicationWords.TryParse(text, out ReplicationWords words, out bool isKnown));

        Assert.True(isKnown);
        Assert.Equal((isEveryone, copies, isLocal), (words.IsEveryone, words.Copies, words.IsLocal));
        Assert.Equal(text, words.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("responsible(0)")]
    [InlineData("responsible(21)")]
    [InlineData("responsible(03)")]
    [InlineData("responsible(3)+everyone")]
    [InlineData("everyone+everyone")]
    [InlineData("everyone+local")]
    public void What_is_wrong_or_in_another_form_is_no_policy(string text)
    {
        Assert.False(ReplicationWords.TryParse(text, out _, out bool isKnown));
        Assert.True(isKnown);
        Assert.Null(PolicyDocumentCodec.Read(Document(text), PolicyRig.Crypto, out string? fault));
        Assert.Contains("replicate", fault, StringComparison.Ordinal);
    }

    [Fact]
    public void A_word_of_a_later_version_leaves_the_policy_in_force_and_everything_under_it_refused()
    {
        PolicyDocument? document = PolicyDocumentCodec.Read(Document("moon"), PolicyRig.Crypto, out _);

        Assert.True(document!.IsUnknown);
        Assert.Null(document.Replication);
    }

    [Fact]
    public void What_is_protected_goes_both_ways_unless_it_says_otherwise()
    {
        PolicyDocument Read(string json) => PolicyDocumentCodec.Read(PolicyRig.Text(json), PolicyRig.Crypto, out _)!;

        Assert.Null(Read("{'weft':1,'class':'public'}").Replication);
        Assert.Equal(ReplicationWords.Protected, Read("{'weft':1,'class':'protected'}").Replication);
        Assert.Equal("everyone+responsible(5)", Read("{'weft':1,'class':'private'}").Replication.ToString());
        PolicyDocument local = Read("{'weft':1,'class':'protected','replicate':'local'}");
        Assert.True(local.Replication!.Value.IsLocal);
        Assert.Equal(local.Replicate, PolicyDocumentCodec.Read(
            PolicyDocumentCodec.Write(local, PolicyRig.Crypto), PolicyRig.Crypto, out _)!.Replicate);
    }

    private static string Document(string words) => $$"""{"class":"public","replicate":"{{words}}","weft":1}""";
}
