using System.Text;
using System.Text.Json;
using Weft.Crypto;
using Weft.Crypto.Sea;
using Weft.Graph;
using Weft.Graph.Access;
using Weft.Graph.Policy;
using Weft.Primitives;

namespace Weft.Interop.Tests;

/// <summary>Puts signed by gun.js's own SEA are judged by gun.js and by Weft: the outcomes must be the same.</summary>
public sealed class SeaRulesTests
{
    // Where Weft differs on purpose. docs/spec/ownership.md, section 4.
    private static readonly Dictionary<string, WeftError> Differences = new()
    {
        // gun.js takes it, whoever signed: the owner of the graph has no say in it.
        ["names another writer without certificate"] = WeftError.NotOwner,
    };

    // What must be refused with more than "wrong signature"; the rest is only compared with gun.js.
    private static readonly Dictionary<string, WeftError> Reasons = new()
    {
        ["another account key"] = WeftError.NameMismatch,
        ["bare text"] = WeftError.SignatureMissing,
        ["bare 5"] = WeftError.SignatureMissing,
        ["no signature"] = WeftError.SignatureMissing,
        ["tampered value"] = WeftError.SignatureRefused,
        ["stranger"] = WeftError.SignatureRefused,
        ["no key in the soul: two short parts"] = WeftError.OwnedByNobody,
        ["certificate: another path"] = WeftError.CertificateRefused,
        ["certificate: for somebody else"] = WeftError.CertificateRefused,
        ["certificate: expired"] = WeftError.CertificateExpired,
        ["certificate: expired, end as text"] = WeftError.CertificateExpired,
        ["certificate: issued by a stranger"] = WeftError.SignatureRefused,
        ["certificate: block list, blocked"] = WeftError.CertificateBlocked,
        ["certificate: block list, 1"] = WeftError.CertificateBlocked,
        ["alias list, other link"] = WeftError.NameMismatch,
        ["other content"] = WeftError.ContentHashWrong,
        ["too old"] = WeftError.StateTooOld,
        ["signed and too old"] = WeftError.StateTooOld,
    };

    [GunFact]
    public async Task Weft_takes_and_refuses_what_gun_js_takes_and_refuses()
    {
        double now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        await using NodeProcess gun = await NodeProcess.StartAsync("sea-rules.js");
        JsonElement made = await gun.AskAsync(new { id = 1, now });
        var differences = new List<string>();
        int taken = 0;
        int cases = 0;
        foreach (JsonElement item in made.GetProperty("judged").EnumerateArray())
        {
            string name = item.GetProperty("name").GetString()!;
            bool isTaken = item.GetProperty("taken").GetBoolean();
            WeftError error = Judge(item, now);
            cases++;
            taken += isTaken ? 1 : 0;
            if (Differences.Remove(name, out WeftError expected))
            {
                Assert.True(isTaken, name);
                Assert.Equal(expected, error);
            }
            else if (isTaken != (error == WeftError.None))
            {
                differences.Add($"{name}: gun {(isTaken ? "takes" : "refuses")}, Weft says {error}");
            }

            if (Reasons.Remove(name, out WeftError reason) && error != reason)
            {
                differences.Add($"{name}: {error} instead of {reason}");
            }
        }

        Assert.Empty(differences);
        Assert.Empty(Differences);
        Assert.Empty(Reasons);
        Assert.InRange(cases, 100, 200);
        Assert.InRange(taken, 50, cases - 40); // Both sides of the table are there.
    }

    [GunFact]
    public async Task What_Weft_signs_is_what_gun_js_signs()
    {
        double now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() + 0.0051;
        await using NodeProcess gun = await NodeProcess.StartAsync("sea-rules.js");
        JsonElement made = await gun.AskAsync(new { id = 1, now });
        JsonElement alice = made.GetProperty("alice");
        ICrypto crypto = PlatformCrypto.Create();
        using SeaPair pair = SeaPair.TryParse(crypto, Encoding.UTF8.GetBytes(alice.GetRawText()))!;
        var puts = new List<object>();
        WeftValue[] values =
        [
            "text", "123", "{\"a\":1}", "ü😀\u2028\"\\", 5, -0.5, true, WeftValue.Null, WeftValue.Link("x"),
        ];
        foreach (WeftValue value in values)
        {
            var write = new FieldWrite($"~{alice.GetProperty("pub").GetString()}/a", "k", value, now);
            FieldWrite signed = SeaSigner.Sign(crypto, pair, write);
            puts.Add(new
            {
                soul = signed.Soul, key = signed.Field, value = signed.Value.ToString(), state = signed.State,
            });
        }

        JsonElement judged = await gun.AskAsync(new { id = 2, puts });

        Assert.Equal(puts.Count, judged.GetArrayLength());
        Assert.All(judged.EnumerateArray(), put => Assert.True(put.GetProperty("taken").GetBoolean(), put.ToString()));
    }

    private static WeftError Judge(JsonElement item, double now)
    {
        ICrypto crypto = PlatformCrypto.Create();
        var core = new AdmissionCore(crypto, new PolicyBook(new PolicyOptions(), crypto, null), new byte[32]);
        var write = new FieldWrite(
            item.GetProperty("soul").GetString()!, item.GetProperty("key").GetString()!,
            Value(item.GetProperty("value").GetString()!), item.GetProperty("state").GetDouble());
        Admission? admission = core.JudgeNow(
            [write], null, now, new SeaKeyCache(crypto, 16), block => IsBlocked(item, block));
        return admission?.Error ?? WeftError.None;
    }

    private static bool IsBlocked(JsonElement item, SeaBlock block)
    {
        Assert.Null(block.Through);
        foreach (JsonElement nodes in item.GetProperty("graph").EnumerateArray())
        {
            if (nodes.TryGetProperty(block.Soul, out JsonElement node)
                && node.TryGetProperty(block.Field, out JsonElement value))
            {
                return SeaRules.Blocks(Value(value.GetRawText()));
            }
        }

        return false;
    }

    private static WeftValue Value(string json)
    {
        var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(json));
        reader.Read();
        Assert.Equal(WeftError.None, WeftValueReader.Read(ref reader, out WeftValue value));
        return value;
    }
}
