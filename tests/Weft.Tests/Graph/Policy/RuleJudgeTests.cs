using System.Diagnostics;
using Weft.Graph;
using Weft.Graph.Policy;
using Weft.Primitives;

namespace Weft.Tests.Graph.Policy;

public sealed class RuleJudgeTests
{
    private static readonly WeftValue[] Kinds = ["text", 5, true, WeftValue.Link("people/eve")];

    [Theory]
    [InlineData("{'type':'text'}", "text")]
    [InlineData("{'type':['number','link']}", "5 {\"#\":\"people/eve\"}")]
    [InlineData("{'type':'any'}", "text 5 true {\"#\":\"people/eve\"}")]
    [InlineData("{'min':5,'type':'number'}", "5")]
    [InlineData("{'max':4.9,'type':'number'}", "")]
    [InlineData("{'maxLength':3,'type':'text'}", "")]
    [InlineData("{'minLength':4,'maxLength':4,'type':'text'}", "text")]
    [InlineData("{'pattern':'t.x.','type':'text'}", "text")]
    [InlineData("{'pattern':'t.x','type':'text'}", "")]
    [InlineData("{'enum':['text',true]}", "text true")]
    [InlineData("{'links':['people/'],'type':'link'}", "{\"#\":\"people/eve\"}")]
    [InlineData("{'links':['places/'],'type':'link'}", "")]
    [InlineData("{'max':4}", "text true {\"#\":\"people/eve\"}")]
    public void Rule_lets_pass_exactly_what_it_says(string rule, string passes)
    {
        var rig = new PolicyRig();
        rig.StorePolicy("n/", 1, 1, $"{{'weft':1,'class':'public','rules':{{'v':1,'fields':{{'f':{rule}}}}}}}");

        IEnumerable<string> passed = Kinds
            .Where(value => rig.Judge("n/a", "f", value, 5).IsAllowed)
            .Select(value => value.AsText() ?? value.ToString());

        Assert.Equal(passes, string.Join(' ', passed));
        Assert.True(rig.Judge("n/a", "f", WeftValue.Null, 5).IsAllowed);
        Assert.True(rig.Judge("n/a", "other", "anything", 5).IsAllowed);
    }

    [Fact]
    public void Length_is_counted_in_code_units_as_javascript_does()
    {
        var rig = new PolicyRig();
        rig.StorePolicy("n/", 1, 1, "{'weft':1,'class':'public','rules':{'v':1,'fields':{'f':{'maxLength':2}}}}");

        Assert.True(rig.Judge("n/a", "f", "\ud83d\ude00", 5).IsAllowed);
        Assert.Equal(WeftError.RuleBroken, rig.Judge("n/a", "f", "\ud83d\ude00x", 5).Error);
    }

    [Fact]
    public void Exact_field_beats_the_longest_start_and_the_star()
    {
        var rig = new PolicyRig();
        rig.StorePolicy("n/", 1, 1,
            "{'weft':1,'class':'public','rules':{'v':1,'fields':{'*':{'type':'number'},'a*':{'type':'text'},"
            + "'ab*':{'type':'boolean'},'abc':{'type':'link'}}}}");

        Assert.True(rig.Judge("n/x", "z", 5, 5).IsAllowed);
        Assert.True(rig.Judge("n/x", "a", "t", 5).IsAllowed);
        Assert.True(rig.Judge("n/x", "abz", true, 5).IsAllowed);
        Assert.True(rig.Judge("n/x", "abc", WeftValue.Link("s"), 5).IsAllowed);
        Assert.False(rig.Judge("n/x", "abc", true, 5).IsAllowed);
    }

    [Fact]
    public void Unknown_fields_may_be_refused()
    {
        var rig = new PolicyRig();
        rig.StorePolicy("n/", 1, 1, "{'weft':1,'class':'public','rules':{'v':1,'fields':{'f':{}},'other':'refuse'}}");

        Assert.True(rig.Judge("n/x", "f", 5, 5).IsAllowed);
        PolicyVerdict refused = rig.Judge("n/x", "g", "a secret", 5);
        Assert.Equal(WeftError.RuleBroken, refused.Error);
        Assert.Contains("\"g\"", refused.Text);
        Assert.DoesNotContain("secret", refused.Text);
    }

    [Fact]
    public void Required_field_is_never_deleted_and_asked_for_on_local_ways_in()
    {
        var rig = new PolicyRig();
        rig.StorePolicy("n/", 1, 1,
            "{'weft':1,'class':'public','rules':{'v':1,'fields':{'f':{'required':true},'g':{}}}}");

        Assert.Equal(WeftError.RuleBroken, rig.Judge("n/x", "f", WeftValue.Null, 5).Error);
        Assert.True(rig.Judge("n/x", "g", 5, 5).IsAllowed);
        Assert.Equal(WeftError.RuleBroken, rig.Book.JudgeNode("n/x", 5, _ => false).Error);
        Assert.True(rig.Book.JudgeNode("n/x", 5, field => field == "f").IsAllowed);
        Assert.True(rig.Book.JudgeNode("n/x", 0, _ => false).IsAllowed);
    }

    [Fact]
    public void Rule_in_code_is_asked_by_name_and_a_missing_one_refuses()
    {
        const string Policy = "{'weft':1,'class':'public','rules':{'v':1,'fields':{'f':{'use':'even'}}}}";
        var with = new PolicyRig(plugIns: new Even());
        var without = new PolicyRig();
        with.StorePolicy("n/", 1, 1, Policy);
        without.StorePolicy("n/", 1, 1, Policy);

        Assert.True(with.Judge("n/x", "f", 4, 5).IsAllowed);
        Assert.Equal(WeftError.RuleBroken, with.Judge("n/x", "f", 5, 5).Error);
        Assert.Equal(WeftError.RuleUnknown, without.Judge("n/x", "f", 4, 5).Error);
        Assert.True(without.Judge("n/x", "g", 4, 5).IsAllowed);
    }

    [Fact]
    public void Merge_methods_refuse_what_they_cannot_order()
    {
        var rig = new PolicyRig();
        rig.StorePolicy("n/", 1, 1, "{'weft':1,'class':'public','merge':{'once':'first','top':'max'}}");

        Assert.Equal(WeftError.RuleBroken, rig.Judge("n/x", "once", WeftValue.Null, 5).Error);
        Assert.Equal(WeftError.RuleBroken, rig.Judge("n/x", "top", "9", 5).Error);
        Assert.Equal(WeftError.RuleBroken, rig.Judge("n/x", "top", WeftValue.Null, 5).Error);
        Assert.True(rig.Judge("n/x", "top", 9, 5).IsAllowed);
        Assert.Equal(
            WeftError.WrittenOnce,
            rig.Book.JudgeKnown(new("n/x", "once", "b", 6), new StoredField("once", "a", 5, 1), hadKnown: true).Error);
        Assert.Equal(
            WeftError.RuleBroken,
            rig.Book.JudgeKnown(new("n/x", "top", 8, 6), new StoredField("top", 9, 5, 1), hadKnown: true).Error);
        Assert.True(rig.Book.JudgeKnown(new("n/x", "top", 8, 6), default, hadKnown: false).IsAllowed);
    }

    [Fact]
    public void Hostile_rules_end_at_the_step_budget_and_in_bounded_time()
    {
        // Every part of the first pattern stays alive over a text of a mebibyte.
        var rig = new PolicyRig();
        rig.StorePolicy("n/", 1, 1,
            "{'weft':1,'class':'public','rules':{'v':1,'fields':{'f':{'pattern':'(a*b?){200}x'},"
            + "'g':{'pattern':'([^b][^c])*'}}}}");
        string text = new('a', FieldRules.TextBytesMax);
        long started = Stopwatch.GetTimestamp();

        PolicyVerdict verdict = rig.Judge("n/x", "f", text, 5);
        PolicyVerdict other = rig.Judge("n/x", "g", text, 5);

        Assert.Equal(WeftError.RuleBroken, verdict.Error);
        Assert.Contains("steps", verdict.Text);
        Assert.Equal(WeftError.RuleBroken, other.Error);
        Assert.InRange(Stopwatch.GetElapsedTime(started).TotalSeconds, 0, 5); // Some 10 ms on an idle machine.
    }

    private sealed class Even : IValidationRule
    {
        public string Name => "even";

        public bool Allows(in FieldWrite write, WeftValue value) => value.AsNumber() % 2 == 0;
    }
}
