using System.Text;
using Weft.Graph;
using Weft.Graph.Policy;

namespace Weft.Tests.Graph.Policy;

public sealed class PolicyDocumentCodecTests
{
    private static readonly string Key = $"{PolicyRig.Key(1)}";

    [Fact]
    public void Document_is_read_back_as_it_was_written()
    {
        Assert.True(TextPattern.TryParse("[a-z]+", out TextPattern? pattern));
        var document = new PolicyDocument
        {
            Class = PolicyClass.Protected,
            Owner = PolicyRig.Key(1),
            Writers = [PolicyRig.Key(3), PolicyRig.Key(2)],
            Readers = "weft:group/x/y",
            ExpiresMs = 1.5e12,
            Merge = new([new("best", MergeMethod.Max), new("*", MergeMethod.First), new("low*", MergeMethod.Min)]),
            Rules = new RuleSet
            {
                RefusesOthers = true,
                Fields = new(
                [
                    new("name", new FieldRule
                    {
                        Types = FieldTypes.Text | FieldTypes.Number, IsRequired = true, LengthMin = 1, LengthMax = 20,
                            Pattern = pattern,
                        Min = -0.5, Max = 7, Choices = ["a", 5, true], Links = ["people/"], Use = "luhn",
                    }),
                    new("*", new FieldRule { Types = FieldTypes.Link }),
                ]),
            },
        };

        string text = PolicyDocumentCodec.Write(document, PolicyRig.Crypto);
        PolicyDocument? back = PolicyDocumentCodec.Read(text, PolicyRig.Crypto, out string? fault);

        Assert.Null(fault);
        Assert.Equal(text, PolicyDocumentCodec.Write(back!, PolicyRig.Crypto));
        Assert.Equal(document.Writers, back!.Writers);
        Assert.Equal((MergeMethod.Max, MergeMethod.Min, MergeMethod.First), (back.MethodOf("best"), back.MethodOf(
            "lowest"), back.MethodOf("x")));
        Assert.True(back.Rules.Fields.TryFind("name", out FieldRule? rule));
        Assert.Equal(["a", 5, true], rule.Choices);
        Assert.Equal(("[a-z]+", -0.5, 20, "luhn", true), (rule.Pattern?.Text, rule.Min, rule.LengthMax, rule.Use,
            rule.IsRequired));
        Assert.Equal(["name"], back.Rules.Required);
    }

    [Fact]
    public void What_people_write_is_brought_into_the_stored_form()
    {
        string? text = PolicyDocumentCodec.Canonicalize(
            """{ "weft": 1.0, "rules": {"v":1, "fields":{"\u0061":{"type":"text"}}}, "class":"public" }"""u8,
            PolicyRig.Crypto, out string? fault);

        Assert.Null(fault);
        Assert.StartsWith(
            "{\"class\":\"public\",\"rules\":{\"fields\":{\"a\":{\"type\":\"text\"}},\"v\":1},\"rulesHash\":\"", text);
        Assert.EndsWith("\",\"weft\":1}", text);
        Assert.NotNull(PolicyDocumentCodec.Read(text!, PolicyRig.Crypto, out _));
        Assert.Null(PolicyDocumentCodec.Canonicalize("{'weft':1}"u8, PolicyRig.Crypto, out fault));
        Assert.NotNull(fault);
        Assert.Null(PolicyDocumentCodec.Canonicalize("{\"class\":\"public\",\"weft\":1,\"moon\":1}"u8,
            PolicyRig.Crypto, out fault));
        Assert.Contains("moon", fault);
    }

    public static TheoryData<string> Wrong =>
    [
        "", "[]", "{}", "null", "{'weft':1}", "{'class':'public'}", "{'weft':1,'class':'public'}",
        "{'class':'public', 'weft':1}", "{'class':'public','weft':1} ", "{'class':'public','class':'public','weft':1}",
        "{'class':'public','weft':1.0}", "{'class':5,'weft':1}", "{'class':'public','weft':'1'}",
        "{'class':'public','owner':'short','weft':1}", "{'class':'public','weft':1,'writers':[]}",
        "{'class':'public','weft':1,'writers':['x']}", "{'class':'public','expires':'soon','weft':1}",
        "{'class':'public','merge':{},'weft':1}", "{'class':'public','readers':'','weft':1}",
        "{'class':'public','rules':{'v':1},'weft':1}", "{'class':'public','rulesHash':'x','weft':1}",
        "{'class':'private','merge':{'f':'max'},'weft':1}", "{'class':'\\u0070ublic','weft':1}",
        "{'class':'public','weft':1", "{'a':[[[[[[[[[[1]]]]]]]]]],'class':'public','weft':1}",
    ];

    [Theory]
    [MemberData(nameof(Wrong))]
    public void What_is_no_document_is_refused_with_a_reason(string json)
    {
        Assert.Null(PolicyDocumentCodec.Read(json.Replace('\'', '"'), PolicyRig.Crypto, out string? fault));
        Assert.NotNull(fault);
    }

    public static TheoryData<string> WrongRules =>
    [
        "{}", "{'v':'1'}", "{'fields':{},'v':1}", "{'fields':{'f':5},'v':1}", "{'fields':{'f':{'min':'1'}},'v':1}",
        "{'fields':{'f':{'maxLength':-1}},'v':1}", "{'fields':{'f':{'maxLength':1.5}},'v':1}",
            "{'fields':{'f':{'pattern':'('}},'v':1}",
        "{'fields':{'f*':{'required':true}},'v':1}", "{'fields':{'f':{'required':false}},'v':1}",
            "{'fields':{'f':{'enum':[]}},'v':1}",
        "{'fields':{'f':{'enum':[null]}},'v':1}", "{'fields':{'f':{'links':[5]}},'v':1}",
            "{'fields':{'f':{'use':''}},'v':1}",
    ];

    [Theory]
    [MemberData(nameof(WrongRules))]
    public void Rules_that_are_none_are_refused(string rules)
    {
        byte[] json = Encoding.UTF8.GetBytes($"{{'class':'public','rules':{rules},'weft':1}}".Replace('\'', '"'));

        Assert.Null(PolicyDocumentCodec.Canonicalize(json, PolicyRig.Crypto, out string? fault));
        Assert.NotNull(fault);
    }

    public static TheoryData<string> Newer =>
    [
        "{'class':'public','moon':1,'weft':1}", "{'class':'secret','weft':1}", "{'class':'public','weft':2}",
        "{'class':'public','merge':{'f':'sum'},'weft':1}",
        "{'class':'public','rules':{'v':2},'weft':1}", "{'class':'public','rules':{'sum':1,'v':1},'weft':1}",
        "{'class':'public','rules':{'other':'ask','v':1},'weft':1}",
        "{'class':'public','rules':{'fields':{'f':{'prime':true}},'v':1},'weft':1}",
        "{'class':'public','rules':{'fields':{'f':{'type':'list'}},'v':1},'weft':1}",
    ];

    [Theory]
    [MemberData(nameof(Newer))]
    public void What_is_merely_unknown_is_a_document_that_refuses_all(string json)
    {
        string text = json.Replace('\'', '"');
        PolicyDocument? document = PolicyDocumentCodec.Read(text, PolicyRig.Crypto, out string? what);

        Assert.True(document!.IsUnknown);
        Assert.NotNull(what);
        Assert.Throws<ArgumentException>(() => PolicyDocumentCodec.Write(document, PolicyRig.Crypto));
    }

    [Fact]
    public void Bounds_are_kept()
    {
        string keys = string.Join(',', Enumerable.Repeat($"\"{Key}\"", PolicyLimits.WritersMax));
        Assert.NotNull(Read($"{{\"class\":\"public\",\"weft\":1,\"writers\":[{keys}]}}"));
        Assert.Null(Read($"{{\"class\":\"public\",\"weft\":1,\"writers\":[{keys},\"{Key}\"]}}"));
        Assert.NotNull(Read($"{{\"class\":\"public\",\"merge\":{{{Fields(PolicyLimits.FieldsMax)}}},\"weft\":1}}"));
        Assert.Null(Read($"{{\"class\":\"public\",\"merge\":{{{Fields(PolicyLimits.FieldsMax + 1)}}},\"weft\":1}}"));

        string start = "{\"class\":\"public\",\"moon\":\"";
        const string End = "\",\"weft\":1}";
        int rest = PolicyLimits.DocumentBytesMax - start.Length - End.Length;
        Assert.NotNull(Read(start + new string('x', rest) + End));
        Assert.Null(Read(start + new string('x', rest + 1) + End));
        Assert.Null(Read(start + new string('\u00e9', (rest / 2) + 1) + End));
        string ones = string.Join(',', Enumerable.Repeat("1", PolicyJson.ValuesMax));
        Assert.Null(Read($"{{\"class\":\"public\",\"moon\":[{ones}],\"weft\":1}}"));

        Assert.NotNull(Canonical(Patterns(8)));
        Assert.Null(Canonical(Patterns(9)));

        static string Patterns(int count) => "{\"class\":\"public\",\"rules\":{\"fields\":{"
            + string.Join(',', Enumerable.Range(0, count).Select(i => $"\"f{i:000}\":{{\"pattern\":\"a{{1000}}\"}}"))
            + "},\"v\":1},\"weft\":1}";
        static string? Canonical(string json) => PolicyDocumentCodec.Canonicalize(Encoding.UTF8.GetBytes(json),
            PolicyRig.Crypto, out _);
        static string Fields(int count) => string.Join(',', Enumerable.Range(0, count).Select(i =>
            $"\"f{i:000}\":\"first\""));
        static PolicyDocument? Read(string text) => PolicyDocumentCodec.Read(text, PolicyRig.Crypto, out _);
    }
}
