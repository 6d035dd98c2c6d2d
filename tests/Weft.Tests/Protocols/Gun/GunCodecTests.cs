using System.Buffers;
using System.Text;
using Weft.Graph;
using Weft.Graph.Access;
using Weft.Primitives;
using Weft.Protocols.Gun;

namespace Weft.Tests.Protocols.Gun;

public sealed class GunCodecTests
{
    private readonly GunCodec _codec = new(new GunLimits());
    private readonly List<GunMessage> _messages = [];

    [Theory]
    [InlineData("""{"#":"1","put":{"s":{"_":{"#":"s",">":{"x":5}},"x":1}}}""")]
    [InlineData(""" [ {"#":"1","put":{"s":{"_":{">":{"x":5},"#":"s"},"x":1}}} ] """)]
    [InlineData(
        """{"put":{"s":{"x":1,"_":{"#":"s",">":{"x":5}}}},"#":"1","FOO":{"a":[1]},"ok":{"@":9,"/":1},"##":7}""")]
    [InlineData("""["{\"#\":\"1\",\"put\":{\"s\":{\"_\":{\"#\":\"s\",\">\":{\"x\":5}},\"x\":1}}}"]""")]
    [InlineData("""{"\u0023":"1","p\u0075t":{"\u0073":{"\u005f":{"#":"s",">":{"x":5}},"x":1}}}""")]
    public void Every_form_of_a_put_gives_the_same_write(string frame)
    {
        GunMessage message = Only(frame);

        Assert.Equal(new FieldWrite("s", "x", WeftValue.Number(1), 5), Assert.Single(message.Writes!));
        Assert.Equal("1", message.Id);
    }

    [Theory]
    [InlineData("null", "null")]
    [InlineData("true", "true")]
    [InlineData("false", "false")]
    [InlineData("0", "0")]
    [InlineData("-0", "0")]
    [InlineData("-0.0", "0")]
    [InlineData("-7", "-7")]
    [InlineData("999999999999999", "999999999999999")]
    [InlineData("12345678901234567890", "12345678901234567000")]
    [InlineData("1.50", "1.5")]
    [InlineData("1E3", "1000")]
    [InlineData("1e21", "1e+21")]
    [InlineData("5e-324", "5e-324")]
    [InlineData("\"\"", "\"\"")]
    [InlineData("\"\\u0041\\/\\n\\u000a\\u001f\"", "\"A/\\n\\n\\u001f\"")]
    [InlineData("\"\\u2028\"", "\"\u2028\"")]
    [InlineData("\"\\ud83d\\ude00\"", "\"😀\"")]
    [InlineData("\"\\uD83D\"", "\"\\ud83d\"")]
    [InlineData("\"\\ude00\\ud83d\"", "\"\\ude00\\ud83d\"")]
    [InlineData("{\"#\":\"b\"}", "{\"#\":\"b\"}")]
    [InlineData("{ \"#\" : \"\\u0062\" }", "{\"#\":\"b\"}")]
    [InlineData("{\"#\":\"a\",\"#\":\"b\"}", "{\"#\":\"b\"}")]
    public void Values_are_kept_as_JavaScript_writes_them(string json, string kept)
    {
        GunMessage message = Only(
            """{"#":"1","put":{"s":{"_":{"#":"s",">":{"x":1}},"x":VALUE}}}""".Replace("VALUE", json));

        Assert.Equal(WeftError.None, message.Refusal);
        Assert.Equal(kept, Assert.Single(message.Writes!).Value.ToString());
    }

    [Theory]
    [InlineData("[]", WeftError.ValueInvalid)]
    [InlineData("[[[[1]]]]", WeftError.ValueInvalid)]
    [InlineData("{}", WeftError.ValueInvalid)]
    [InlineData("{\"a\":1}", WeftError.ValueInvalid)]
    [InlineData("{\"#\":\"b\",\"x\":1}", WeftError.ValueInvalid)]
    [InlineData("{\"#\":1}", WeftError.ValueInvalid)]
    [InlineData("{\"#\":\"\"}", WeftError.SoulInvalid)]
    [InlineData("1e999", WeftError.ValueInvalid)]
    [InlineData("-1e999", WeftError.ValueInvalid)]
    public void A_bad_value_refuses_the_whole_message(string json, WeftError error)
    {
        GunMessage message = Only(
            """{"#":"1","put":{"s":{"_":{"#":"s",">":{"y":1,"x":1}},"y":1,"x":VALUE,"z":[{"deep":{}}]}}}"""
                .Replace("VALUE", json));

        Assert.Equal(error, message.Refusal);
        Assert.NotNull(message.RefusalText);
        Assert.Null(message.Writes);
        Assert.Equal("1", message.Id);
    }

    [Theory]
    [InlineData("""{"s":{"_":{"#":"t",">":{"x":1}},"x":1}}""", WeftError.NodeMalformed)]
    [InlineData("""{"s":{"x":1}}""", WeftError.NodeMalformed)]
    [InlineData("""{"s":{"_":{">":{"x":1}},"x":1}}""", WeftError.NodeMalformed)]
    [InlineData("""{"s":{"_":7,"x":1}}""", WeftError.NodeMalformed)]
    [InlineData("""{"s":7}""", WeftError.NodeMalformed)]
    [InlineData("7", WeftError.NodeMalformed)]
    [InlineData("[]", WeftError.NodeMalformed)]
    [InlineData("""{"s":{"_":{"#":"s"},"x":1}}""", WeftError.StateInvalid)]
    [InlineData("""{"s":{"_":{"#":"s",">":{"y":1}},"x":1}}""", WeftError.StateInvalid)]
    [InlineData("""{"s":{"_":{"#":"s",">":{"x":"123"}},"x":1}}""", WeftError.StateInvalid)]
    [InlineData("""{"s":{"_":{"#":"s",">":{"x":1e999}},"x":1}}""", WeftError.StateInvalid)]
    [InlineData("""{"s":{"_":{"#":"s",">":{"x":null}},"x":1}}""", WeftError.StateInvalid)]
    [InlineData("""{"":{"_":{"#":"",">":{"x":1}},"x":1}}""", WeftError.SoulInvalid)]
    [InlineData("""{"\ud800":{"_":{"#":"\ud800",">":{"x":1}},"x":1}}""", WeftError.SoulInvalid)]
    [InlineData("""{"s":{"_":{"#":"s",">":{"":1}},"":1}}""", WeftError.FieldInvalid)]
    [InlineData("""{"s":{"_":{"#":"s",">":{"\udc00":1}},"\udc00":1}}""", WeftError.FieldInvalid)]
    public void A_bad_graph_is_refused_with_its_reason(string put, WeftError error)
    {
        GunMessage message = Only($$"""{"put":{{put}},"#":"after"}""");

        Assert.Equal(error, message.Refusal);
        Assert.Equal("after", message.Id);
    }

    [Fact]
    public void Of_duplicate_keys_the_last_one_counts()
    {
        GunMessage message = Only(
            """
            {"#":"a","#":"b","put":{"s":{"_":{"#":"s",">":{"x":1}},"x":1},"t":{"_":{"#":"t",">":{"y":1}},"y":1},
             "s":{"_":{"#":"no","#":"s",">":{"x":9,"y":1,"x":2}},"x":"first","y":3,"x":"last"}}}
            """);

        Assert.Equal("b", message.Id);
        Assert.Equal(
            [new FieldWrite("t", "y", WeftValue.Number(1), 1), new FieldWrite("s", "y", WeftValue.Number(3), 1),
                new FieldWrite("s", "x", WeftValue.Text("last"), 2)],
            message.Writes!);
    }

    [Fact]
    public void Duplicate_keys_are_found_among_many_too()
    {
        string states = string.Join(',', Enumerable.Range(0, 40).Select(i => $"\"f{i}\":{i}"));
        string values = string.Join(',', Enumerable.Range(0, 40).Select(i => $"\"f{39 - i}\":{i}"));

        GunMessage message = Only("""{"put":{"s":{"_":{"#":"s",">":{VALUE,"f3":99}},OTHER,"f5":"last"}}}"""
            .Replace("VALUE", states).Replace("OTHER", values));

        Assert.Equal(40, message.Writes!.Length);
        Assert.Equal(99, message.Writes.Single(write => write.Field == "f3").State);
        Assert.Equal("last", message.Writes.Single(write => write.Field == "f5").Value.AsText());
    }

    [Fact]
    public void Names_of_JavaScript_objects_are_ordinary_keys()
    {
        GunMessage message = Only(
            """{"put":{"__proto__":{"_":{"#":"__proto__",">":{"constructor":1,"__proto__":2}},"constructor":1,"__proto__":2}}}""");

        Assert.Equal(["constructor", "__proto__"], message.Writes!.Select(write => write.Field));
    }

    [Theory]
    [InlineData("1795161179801.001")]
    [InlineData("1795161179801.0051")]
    [InlineData("0.1")]
    [InlineData("-1.5")]
    [InlineData("1e3")]
    [InlineData("9007199254740993")]
    [InlineData("123456789012345678901234567890")]
    [InlineData("0.000000000000000000000000000001")]
    [InlineData("999999999999999.9")]
    [InlineData("4.35")]
    public void States_are_read_exactly(string state)
    {
        GunMessage message = Only("""{"put":{"s":{"_":{"#":"s",">":{"x":VALUE}},"x":1}}}""".Replace("VALUE", state));

        Assert.Equal(double.Parse(state, System.Globalization.CultureInfo.InvariantCulture), message.Writes![0].State);
    }

    [Theory]
    [InlineData("")]
    [InlineData("  ")]
    [InlineData("[]")]
    [InlineData("[[],7,null,[{}]]")]
    [InlineData("hello")]
    [InlineData("42")]
    [InlineData("\"text\"")]
    public void Frames_that_mean_nothing_are_ignored(string frame)
    {
        Assert.Equal(WeftError.None, _codec.Read(Encoding.UTF8.GetBytes(frame), _messages));
        Assert.Empty(_messages);
    }

    [Theory]
    [InlineData("{")]
    [InlineData("{}{}")]
    [InlineData("[{\"#\":\"1\"},{]")]
    [InlineData("{\"#\":\"1\",}")]
    [InlineData("{\"put\":{\"a\":{\"_\":{\"#\":\"a\",\">\":{\"x\":-Infinity}},\"x\":1}}}")]
    [InlineData("{\"a\":\"\\uZZZZ\"}")]
    public void Broken_frames_give_an_error_and_no_message(string frame)
    {
        Assert.Equal(WeftError.RequestMalformed, _codec.Read(Encoding.UTF8.GetBytes(frame), _messages));
        Assert.Empty(_messages);
    }

    [Fact]
    public void Bytes_that_are_no_UTF8_are_refused() =>
        Assert.Equal(WeftError.RequestMalformed, _codec.Read("{\"#\":\"\xC3\x28\"}"u8[..5].ToArray().Append((byte)0xC3)
            .Append((byte)0x28).Append((byte)'"').Append((byte)'}').ToArray(), _messages));

    [Fact]
    public void Depth_is_bounded()
    {
        string fits = "{\"a\":" + new string('[', 63) + new string(']', 63) + "}";
        string tooDeep = "{\"a\":" + new string('[', 64) + new string(']', 64) + "}";

        Assert.Equal(WeftError.None, _codec.Read(Encoding.UTF8.GetBytes(fits), _messages));
        Assert.Equal(WeftError.RequestMalformed, _codec.Read(Encoding.UTF8.GetBytes(tooDeep), _messages));
    }

    [Fact]
    public void Counts_are_bounded()
    {
        var codec = new GunCodec(new GunLimits
        {
            FrameBytesMax = 1_024, MessagesPerFrameMax = 2, NodesPerMessageMax = 2, FieldsPerMessageMax = 2,
        });
        string Node(string soul, int fields) =>
            $"\"{soul}\":{{\"_\":{{\"#\":\"{soul}\",\">\":{{{string.Join(',', Enumerable.Range(0, fields).Select(i => $"\"f{i}\":1"))}}}}}" +
            string.Concat(Enumerable.Range(0, fields).Select(i => $",\"f{i}\":1")) + "}";
        GunMessage Read(string frame)
        {
            var messages = new List<GunMessage>();
            Assert.Equal(WeftError.None, codec.Read(Encoding.UTF8.GetBytes(frame), messages));
            return Assert.Single(messages);
        }

        Assert.Equal(WeftError.None, Read($"{{\"put\":{{{Node("a", 1)},{Node("b", 1)}}}}}").Refusal);
        Assert.Equal(
            WeftError.TooComplex, Read($"{{\"put\":{{{Node("a", 0)},{Node("b", 0)},{Node("c", 0)}}}}}").Refusal);
        Assert.Equal(WeftError.TooComplex, Read($"{{\"put\":{{{Node("a", 3)}}}}}").Refusal);
        Assert.Equal(WeftError.TooComplex, codec.Read("[{},{},{}]"u8, _messages));
        Assert.Equal(WeftError.TooLarge, codec.Read(new byte[1_025], _messages));
        Assert.Empty(_messages);
    }

    [Fact]
    public void A_text_of_one_MiB_fits_and_one_byte_more_does_not()
    {
        string Frame(int length) => """{"put":{"s":{"_":{"#":"s",">":{"x":1}},"x":"VALUE"}}}"""
            .Replace("VALUE", new string('x', length));

        Assert.Equal(WeftError.None, Only(Frame(1 << 20)).Refusal);
        Assert.Equal(WeftError.TooLarge, Only(Frame((1 << 20) + 1)).Refusal);
    }

    [Fact]
    public void Gets_are_read_in_all_their_forms()
    {
        Assert.Equal(new GunGet { Soul = "s" }, Only("""{"get":{"#":"s"}}""").Get);
        Assert.Equal(new GunGet { Soul = "s", Field = "f" }, Only("""{"get":{".":"f","#":"s"}}""").Get);
        Assert.Equal(
            new GunGet { Soul = "s", Fields = new LexRange(Prefix: "a"), IsRange = true, Budget = 500 },
            Only("""{"get":{"#":"s",".":{"*":"a"},"%":500}}""").Get);
        Assert.Equal(
            new GunGet { Soul = "s", Fields = new LexRange(From: "a", To: "b", Reverse: true), IsRange = true },
            Only("""{"get":{"#":"s",".":{">":"a","<":"b"},"-":1}}""").Get);
        Assert.Equal(
            new GunGet { Souls = new LexRange(Prefix: "room/"), IsRange = true, Budget = 9 },
            Only("""{"get":{"#":{"*":"room/"},"%":9}}""").Get);
        Assert.Equal(WeftError.SoulInvalid, Only("""{"get":{".":"x"}}""").Refusal);
        Assert.Equal(WeftError.RequestMalformed, Only("""{"get":"s"}""").Refusal);
        Assert.Equal(WeftError.RequestMalformed, Only("""{"get":{"#":7}}""").Refusal);
        Assert.Equal(WeftError.FieldInvalid, Only("""{"get":{"#":"s",".":"_"}}""").Refusal);
    }

    [Fact]
    public void Hellos_are_read_and_other_verbs_are_known_as_such()
    {
        GunMessage hello = Only("""{"dam":"?","pid":"abc","weft":{"store":"0123456789abcdef","relay":true,"x":[1]}}""");

        Assert.Equal(GunVerb.Hello, hello.Verb);
        Assert.Equal("abc", hello.Pid);
        Assert.Equal(new GunIdentity("0123456789abcdef", true), hello.Identity);
        Assert.Equal(GunVerb.Hi, Only("""{"dam":"hi","#":"x"}""").Verb);
        Assert.Equal(GunVerb.Error, Only("""{"dam":"!","err":"no"}""").Verb);
        Assert.Equal(GunVerb.Other, Only("""{"dam":"mob","peers":{"ws://x":{}}}""").Verb);
        Assert.Equal(GunVerb.Other, Only("""{"dam":{"__proto__":1}}""").Verb);
    }

    [Fact]
    public void What_the_writer_writes_the_reader_reads()
    {
        StoredField[] fields =
        [
            new("__proto__", WeftValue.Text("a\"\\\u0001😀\u2028"), 1_795_161_179_801.001, 1),
            new("10", WeftValue.Link("ü \""), -0.5, 1), new("x", WeftValue.Number(1e300), 5e-324, 1),
        ];
        GunMessage reply = Written(new()
        {
            Kind = GunOutputKind.SendReply, Id = "i", ReplyTo = "r\"", Soul = "s\n", Fields = fields, More = true,
        });
        GunMessage push = Written(new()
        {
            Kind = GunOutputKind.SendPush, Id = "i", Push = fields.Select(field => new GunFragment("s\n", field))
                .Append(new GunFragment("t", fields[0])).ToArray(),
        });
        var get =
            new GunGet { Soul = "s", Fields = new LexRange("a", "b", "c", "d", true), IsRange = true, Budget = 7 };

        FieldWrite[] expected = [.. fields.Select(
            field => new FieldWrite("s\n", field.Field, field.Value, field.State))];
        Assert.Equal(expected, reply.Writes!);
        Assert.True(reply.More);
        Assert.Equal("r\"", reply.ReplyTo);
        Assert.Equal([.. expected, expected[0] with { Soul = "t" }], push.Writes!);
        Assert.Equal(get, Written(new() { Kind = GunOutputKind.SendGet, Id = "i", Get = get }).Get);
        Assert.Equal("W2004 no", Written(new()
        {
            Kind = GunOutputKind.SendAck, Id = "i", ReplyTo = "r", Error = WeftError.ValueInvalid, Text = "no",
        }).ErrorText);
    }

    [Fact]
    public void Proofs_go_to_Weft_peers_alone_and_come_back_as_they_were()
    {
        var proof = new FieldExtras(new byte[32], new byte[] { 1, 2, 3 }, 5);
        StoredField[] fields = [new("a\"", "x", 1, 1, proof), new("b", "y", 2, 1), new("c", "z", 3, 1, proof)];
        var reply = new GunOutput
        {
            Kind = GunOutputKind.SendReply, Id = "i", ReplyTo = "r", Soul = "s", Fields = fields,
        };
        GunFragment[] fragments = [.. fields.Select(field => new GunFragment("s", field))];
        var push = new GunOutput { Kind = GunOutputKind.SendPush, Id = "i", Push = fragments };

        foreach (GunOutput output in (GunOutput[])[reply, push])
        {
            IEnumerable<FieldExtras?> toWeft = Written(output, isWeft: true).Writes!.Select(write => write.Extras);
            Assert.Equal((FieldExtras?[])[proof, null, proof], toWeft);
            Assert.All(Written(output).Writes!, write => Assert.Null(write.Extras));
        }
    }

    [Theory]
    [InlineData("\"!!!\"")]
    [InlineData("\"\"")]
    [InlineData("\"AAAA\"")]
    [InlineData("5")]
    [InlineData("{\"a\":[1]}")]
    public void A_proof_that_cannot_be_read_is_left_to_admission_and_spoils_no_other_field(string text)
    {
        GunMessage message = Only(
            "{\"#\":\"i\",\"put\":{\"s\":{\"_\":{\"#\":\"s\",\">\":{\"f\":1,\"g\":1},\"weft\":{\"f\":"
            + text + "}},\"f\":1,\"g\":2}}}");

        Assert.Equal(WeftError.None, message.Refusal);
        Assert.Equal((FieldExtras?[])[ProofText.Unreadable, null], message.Writes!.Select(write => write.Extras));
    }

    private GunMessage Written(GunOutput output, bool isWeft = false)
    {
        var writer = new ArrayBufferWriter<byte>();
        GunWriter.Write(writer, output, "pid", new GunIdentity("store", true), isWeft);
        return Only(Encoding.UTF8.GetString(writer.WrittenSpan));
    }

    private GunMessage Only(string frame)
    {
        _messages.Clear();
        Assert.Equal(WeftError.None, _codec.Read(Encoding.UTF8.GetBytes(frame), _messages));
        return Assert.Single(_messages);
    }
}
