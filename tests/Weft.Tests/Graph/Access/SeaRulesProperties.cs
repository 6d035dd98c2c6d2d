using System.Text;
using Weft.Crypto;
using Weft.Crypto.Sea;
using Weft.Graph;
using Weft.Graph.Access;
using Weft.Graph.Policy;
using Weft.Primitives;

namespace Weft.Tests.Graph.Access;

/// <summary>Values of SEA souls, damaged in every way: none is accepted, and none throws.</summary>
public sealed class SeaRulesProperties
{
    private const double Now = 1_790_000_000_000;

    private static readonly ICrypto Crypto = PlatformCrypto.Create();
    private static readonly SeaKeyCache Keys = new(Crypto, 16);

    [Fact]
    public void One_flipped_bit_in_a_signed_value_is_never_accepted()
    {
        var random = new WeftRandom(11);
        using SeaPair alice = Pair(1);
        using SeaPair bob = Pair(2);
        string soul = $"~{alice.Pub}/inbox";
        FieldWrite[] signed =
        [
            SeaSigner.Sign(Crypto, alice, new(soul, "k", "hello", Now)),
            SeaSigner.Sign(Crypto, alice, new(soul, "k", WeftValue.Link("x"), Now)),
            SeaSigner.Sign(Crypto, bob, new(soul, "k", 5, Now), Certificate(alice, bob)),
        ];
        Assert.All(signed, write => Assert.Equal(WeftError.None, Judge(write)));
        var accepted = new List<string>();
        for (int i = 0; i < 5_000; i++)
        {
            FieldWrite write = signed[i % signed.Length];
            byte[] text = Encoding.UTF8.GetBytes(write.Value.AsText()!);
            text[random.Next(text.Length)] ^= (byte)(1 << random.Next(7)); // ASCII stays ASCII: the text stays a text.
            FieldWrite flipped = write with { Value = Encoding.UTF8.GetString(text) };
            if (Judge(flipped) == WeftError.None)
            {
                accepted.Add($"{write.Value} became {flipped.Value}");
            }
        }

        Assert.True(accepted.Count == 0, string.Join('\n', accepted));
    }

    [Fact]
    public void Reading_in_one_pass_says_what_the_general_way_says()
    {
        var random = new WeftRandom(13);
        using SeaPair alice = Pair(1);
        string soul = $"~{alice.Pub}/inbox";
        WeftValue[] values =
        [
            "hello", "a \"quoted\" \\ text\n", "\u0001 \ud800 é 😀", 5, -1.5e300, true, WeftValue.Null,
            WeftValue.Link("x"),
        ];
        string[] names = ["k", "a\"b", "\ud800", "é"];
        string[] pieces =
        [
            "{", "}", " ", "\"", ":", ",", "\\", "\\u0041", "\\u003a", "\\ud800", "\\/", "\n", "1e999", "\":\":1,",
            "\"~\":2,", "\"*\":0,", "\"+\":{},", "\"a\":[{\"b\":1}],", "{\"b\":1,\"a\":{\"2\":0,\"1\":0}}",
            new string('[', 70), "é", "=",
        ];
        int usual = 0;
        for (int i = 0; i < 8_000; i++)
        {
            string field = names[random.Next(names.Length)];
            FieldWrite write = SeaSigner.Sign(Crypto, alice, new(soul, field, values[i % values.Length], Now));
            var text = new StringBuilder(write.Value.AsText());
            for (int change = random.Next(0, 3); change > 0; change--)
            {
                int at = random.Next(text.Length);
                int length = random.Next(2) == 0 ? 0 : Math.Min(random.Next(3), text.Length - at);
                text.Remove(at, length).Insert(at, pieces[random.Next(pieces.Length)]);
            }

            write = write with { Value = text.ToString(), State = random.Next(50) == 0 ? 0 : Now };
            usual += SeaEnvelope.Read(write, alice.Pub.ToString(), out _) == SeaForm.Usual ? 1 : 0;
            SoulOwner owner = Ownership.Of(soul);
            WeftError quick = SeaRules.Read(write, owner, out SeaClaim? quickClaim);
            WeftError general = SeaRules.ReadAny(write, alice.Pub.ToString(), out SeaClaim? generalClaim);

            Assert.True(general == quick, $"{write.Value}: {general}, but {quick}");
            Assert.Equal(generalClaim?.Author, quickClaim?.Author);
            Assert.Equal(generalClaim?.Signatures, quickClaim?.Signatures);
        }

        Assert.InRange(usual, 2_000, 7_600);
    }

    [Fact]
    public void Writes_with_one_certificate_ask_for_its_signature_once()
    {
        using SeaPair alice = Pair(1);
        using SeaPair bob = Pair(2);
        string soul = $"~{alice.Pub}/inbox";
        string certificate = Certificate(alice, bob);
        FieldWrite one = SeaSigner.Sign(Crypto, bob, new(soul, "k", 5, Now), certificate);
        FieldWrite two = SeaSigner.Sign(Crypto, bob, new(soul, "k", 6, Now), certificate);

        SeaRules.Read(one, Ownership.Of(soul), out SeaClaim? first);
        SeaRules.Read(two, Ownership.Of(soul), out SeaClaim? second);

        Assert.Equal([false, true], first!.Signatures.Select(signature => signature.IsShared));
        Assert.Equal(first.Signatures[1], second!.Signatures[1]);
        Assert.NotEqual(first.Signatures[0], second.Signatures[0]);
    }

    [Fact]
    public void Values_made_of_pieces_of_signed_ones_never_throw()
    {
        var random = new WeftRandom(12);
        using SeaPair alice = Pair(1);
        using SeaPair bob = Pair(2);
        string soul = $"~{alice.Pub}/inbox";
        string good = SeaSigner.Sign(Crypto, bob, new(soul, "k", 5, Now), Certificate(alice, bob)).Value.AsText()!;
        string[] pieces =
        [
            "{", "}", "[", "]", "\"", ":", ",", "\\ud800", "\\u0000", "null", "1e999", "\":\"", "\"~\"", "\"*\"",
            "\"+\"", "\"m\"", "\"s\"", "\"c\"", "\"w\"", "\"wb\"", "{\"#\":\"\\udfff\"}", "{\"=\":5}", new string('[', 80),
            good[..40],
        ];
        int unsigned = 0;
        for (int i = 0; i < 5_000; i++)
        {
            var text = new StringBuilder(good);
            for (int change = random.Next(1, 4); change > 0; change--)
            {
                int at = random.Next(text.Length);
                int length = Math.Min(random.Next(30), text.Length - at);
                text.Remove(at, length).Insert(at, pieces[random.Next(pieces.Length)]);
            }

            WeftError error = Judge(new FieldWrite(soul, "k", text.ToString(), Now));
            Assert.NotEqual(WeftError.None, error);
            unsigned += error == WeftError.SignatureMissing ? 1 : 0;
        }

        Assert.InRange(unsigned, 1_000, 4_999); // Most are no JSON any more, some still are.
    }

    [Fact]
    public void A_writer_on_the_block_list_is_refused()
    {
        using SeaPair alice = Pair(1);
        using SeaPair bob = Pair(2);
        FieldWrite write = SeaSigner.Sign(
            Crypto, bob, new($"~{alice.Pub}/inbox", "k", "v", Now), Certificate(alice, bob, ",\"wb\":\"blocked\""));
        SeaBlock? asked = null;

        WeftError blocked = Judge(write, block => (asked = block) is not null);

        Assert.Equal(WeftError.CertificateBlocked, blocked);
        Assert.Equal(new SeaBlock($"~{alice.Pub}", "blocked", bob.Pub.ToString()), asked);
        Assert.Equal(WeftError.None, Judge(write));
    }

    private static WeftError Judge(FieldWrite write, Func<SeaBlock, bool>? isBlocked = null)
    {
        var core = new AdmissionCore(Crypto, new PolicyBook(new PolicyOptions(), Crypto, null), new byte[32]);
        return core.JudgeNow([write], null, Now, Keys, isBlocked ?? (_ => false))?.Error ?? WeftError.None;
    }

    private static string Certificate(SeaPair owner, SeaPair holder, string more = "")
    {
        string terms = $"{{\"c\":\"{holder.Pub}\",\"w\":{{\"*\":\"inbox\"}}{more}}}";
        byte[] signature = new byte[64];
        owner.Sign(Crypto, Encoding.UTF8.GetBytes(terms), signature);
        return $"{{\"m\":{terms},\"s\":\"{Convert.ToBase64String(signature)}\"}}";
    }

    private static SeaPair Pair(byte number)
    {
        byte[] secret = new byte[32];
        secret[31] = number;
        return SeaPair.TryCreate(Crypto, secret, secret)!;
    }
}
