using System.Text;
using Weft.Graph.Policy;

namespace Weft.Tests.Graph.Policy;

public sealed class HistoryRuleTests
{
    [Theory]
    [InlineData("\"none\"", "none")]
    [InlineData("\"log\"", "log")]
    [InlineData("{\"last\":10}", "last 10")]
    [InlineData("{\"days\":30.5}", "30.5 days")]
    [InlineData("{\"coldDays\":90}", "log, cold after 90 days")]
    public void A_policy_says_what_is_kept_and_people_read_it(string json, string text)
    {
        PolicyDocument? document = Read(json, out string? fault);

        Assert.Null(fault);
        HistoryRule rule = Assert.NotNull(document!.History);
        Assert.Equal(text, rule.ToString());
        Assert.True(HistoryRule.TryParse(text, out HistoryRule parsed));
        Assert.Equal(rule, parsed);
        PolicyDocument? again = PolicyDocumentCodec.Read(
            PolicyDocumentCodec.Write(document, PolicyRig.Crypto), PolicyRig.Crypto, out _);
        Assert.Equal(rule, again!.History);
    }

    [Theory]
    [InlineData("{\"last\":0}", false)]
    [InlineData("{\"last\":1.5}", false)]
    [InlineData("{\"last\":1000001}", false)]
    [InlineData("{\"days\":-1}", false)]
    [InlineData("{\"days\":\"30\"}", false)]
    [InlineData("{}", false)]
    [InlineData("{\"days\":1,\"last\":1}", false)]
    [InlineData("7", false)]
    [InlineData("\"for ever\"", true)]
    [InlineData("{\"hours\":1}", true)]
    public void What_is_wrong_is_refused_and_what_is_new_is_not_known(string json, bool isUnknown)
    {
        PolicyDocument? document = Read(json, out string? fault);

        Assert.NotNull(fault);
        Assert.Equal(isUnknown, document?.IsUnknown ?? false);
    }

    [Fact]
    public void A_document_without_the_word_leaves_it_to_the_node()
    {
        PolicyDocument? document = PolicyDocumentCodec.Read(
            "{\"class\":\"public\",\"weft\":1}", PolicyRig.Crypto, out string? fault);

        Assert.Null(fault);
        Assert.Null(document!.History);
        Assert.DoesNotContain("history", PolicyDocumentCodec.Write(document, PolicyRig.Crypto), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("last")]
    [InlineData("last 0")]
    [InlineData("last -1")]
    [InlineData("0 days")]
    [InlineData("log cold")]
    public void Text_that_is_no_rule_is_none(string text) => Assert.False(HistoryRule.TryParse(text, out _));

    [Fact]
    public void The_last_versions_are_counted_from_the_newest()
    {
        var rule = new HistoryRule(HistoryKind.Last, 3);

        Assert.Equal([1L, 1, 1, 2, 8], new long[] { 1, 2, 3, 4, 10 }.Select(rule.FloorOf));
        Assert.Equal(1, new HistoryRule(HistoryKind.Log).FloorOf(1_000));
    }

    private static PolicyDocument? Read(string history, out string? fault) => PolicyDocumentCodec.Read(
        Encoding.UTF8.GetString(Encoding.UTF8.GetBytes($"{{\"class\":\"public\",\"history\":{history},\"weft\":1}}")),
        PolicyRig.Crypto, out fault);
}
