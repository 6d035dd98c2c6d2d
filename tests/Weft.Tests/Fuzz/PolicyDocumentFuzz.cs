using System.Text;
using System.Text.Unicode;
using Weft.Crypto;
using Weft.Fuzz;
using Weft.Graph;
using Weft.Graph.Policy;

namespace Weft.Tests.Fuzz;

/// <summary>
/// Policy documents: what is read is in the one stored form, is written as itself again, and judges without failing.
/// </summary>
internal sealed class PolicyDocumentFuzz : FuzzTarget
{
    private static readonly ICrypto Crypto = new BouncyCastleCrypto();

    public override string Name => "policy-document";

    public override IEnumerable<byte[]> Seeds =>
    [
        "{\"class\":\"public\",\"weft\":1}"u8.ToArray(),
        """
        {"class":"protected","expires":5,"merge":{"*":"first","a*":"max"},
        "weft":1,"writers":["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]}
        """u8.ToArray(),
        "{\"class\":\"private\",\"readers\":\"weft:group/x\",\"moon\":[1,{\"a\":null}],\"weft\":1}"u8.ToArray(),
        """
        {"weft":1,"class":"public","rules":{"v":1,"other":"refuse","fields":{"f":{"type":["text","number"],
        "required":true,"min":-1,"max":1e3,"minLength":1,"maxLength":9,"pattern":"(a|[^b-d])*\\d{2,3}",
        "enum":[1,"a",true],"links":["p/"],"use":"n"}}}}
        """u8.ToArray(),
    ];

    public override IReadOnlyList<byte[]> Words =>
    [
        "\"rules\":"u8.ToArray(), "\"fields\":"u8.ToArray(), "\"class\":"u8.ToArray(),
            "\"pattern\":\"(a*)*\""u8.ToArray(),
        "{1000}"u8.ToArray(), "\\ud800"u8.ToArray(), "1e999"u8.ToArray(), "\"max\":"u8.ToArray(), "[["u8.ToArray(),
            "]]"u8.ToArray(),
        "\"weft\":1"u8.ToArray(), "\"v\":1"u8.ToArray(), "((((("u8.ToArray(), "|||||"u8.ToArray(),
    ];

    // Read twice as people write it and as it is stored, hashed, and judged by.
    public override int AllocationFactor => 256;

    // A pattern of a few characters may stand for 1,024 parts, read four times.
    public override long AllocationBase => 4L << 20;

    public override ulong Run(ReadOnlyMemory<byte> input)
    {
        string? text = PolicyDocumentCodec.Canonicalize(input.Span, Crypto, out string? fault);
        PolicyDocument? stored = Utf8.IsValid(input.Span)
            ? PolicyDocumentCodec.Read(Encoding.UTF8.GetString(input.Span), Crypto, out _)
            : null;
        if (text is null)
        {
            FuzzFailure.Unless(fault is not null, "Refused without a reason.");
            return stored is null ? 1UL + (ulong)(fault!.Length % 64) : 2UL + ((ulong)fault!.Length << 8);
        }

        FuzzFailure.Unless(fault is null, "Taken, and yet something is wrong.");
        PolicyDocument? document = PolicyDocumentCodec.Read(text, Crypto, out _);
        FuzzFailure.Unless(document is not null, "The stored form is not read.");
        string again = PolicyDocumentCodec.Write(document!, Crypto);
        FuzzFailure.Unless(PolicyDocumentCodec.Read(again, Crypto, out _) is not null, "What was written is not read.");
        FuzzFailure.Unless(stored is null || Encoding.UTF8.GetByteCount(text) == input.Length,
            "What is not the stored form was read as one.");
        PolicyVerdict verdict = Judge(document!);
        return 3UL + ((ulong)document!.Rules.Fields.Items.Count << 8) + ((ulong)document.Merge.Items.Count << 16)
            + ((ulong)verdict.Error << 24);
    }

    private static PolicyVerdict Judge(PolicyDocument document)
    {
        PolicyVerdict last = default;
        foreach (WeftValue value in (WeftValue[])["aab12", 5, true, WeftValue.Link("p/x"), default])
        {
            last = RuleJudge.Judge(document.Rules, new FieldWrite("s", "f", value, 1), value, readable: true,
                new Dictionary<string, IValidationRule>());
        }

        return last;
    }
}
