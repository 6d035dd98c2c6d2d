using System.Security.Cryptography;
using System.Text;
using Weft.Crypto;
using Weft.Graph;
using Weft.Graph.Access;
using Weft.Primitives;
using static Weft.Integration.Tests.Access.AdmissionSigners;

namespace Weft.Integration.Tests.Access;

/// <summary>One line of the table: a write, and what every way in must say to it.</summary>
/// <param name="Name">What it shows.</param>
/// <param name="Make">
/// Makes the write; the text makes its field unlike that of any other case, the number is the time.
/// </param>
/// <param name="Error">The verdict.</param>
/// <param name="Local">The verdict where this node signs what comes without a proof; null for the same.</param>
internal sealed record AdmissionCase(
    string Name, Func<string, double, FieldWrite> Make, WeftError Error, WeftError? Local = null);

/// <summary>The one table of who may write what.</summary>
internal static class AdmissionCases
{
    public static IReadOnlyList<AdmissionCase> All { get; } =
    [
        .. Owners(), .. Proofs(), .. Grants(), .. LookAlikes(), .. SeaUsers(), .. Certificates(), .. Names(),
        .. Policies(),
    ];

    private static string Own => SoulOf(Alice) + "/profile";

    private static FieldWrite Write(string soul, string field, double state, string value = "v") =>
        new(soul, field, value, state);

    private static IEnumerable<AdmissionCase> Owners() =>
    [
        new("owner", (f, now) => Sign(Alice, Write(Own, f, now)), WeftError.None),
        new("stranger", (f, now) => Sign(Eve, Write(Own, f, now)), WeftError.NotOwner),
        new("no proof", (f, now) => Write(Own, f, now), WeftError.SignatureMissing, WeftError.NotOwner),
        new("public, no proof", (f, now) => Write("plain", f, now), WeftError.None),
        new("public, proof", (f, now) => Sign(Eve, Write("plain", f, now)), WeftError.None),
        new("public, wrong proof",
            (f, now) => Sign(Eve, Write("plain", f, now)) with { Value = "w" },
            WeftError.SignatureRefused),
        new("reserved soul", (f, now) => Sign(Alice, Write("weft:anything", f, now)), WeftError.OwnedByNobody),
        new("reserved soul, no proof", (f, now) => Write("weft:", f, now), WeftError.OwnedByNobody),
        new("records of another key",
            (f, now) => Sign(Eve, Write($"weft:revoked/{Alice.PublicKey}", f, now)),
            WeftError.NotOwner),
        new("policy of another's prefix", (f, now) =>
            Sign(Eve, Write($"weft:policy/prefix/{Own}", "7", now, """{"weft":1,"class":"public"}""")),
            WeftError.NotOwner),
        new("network policy without a network key", (f, now) =>
            Sign(Eve, Write("weft:policy/prefix/chat/", "7", now, """{"weft":1,"class":"public"}""")),
            WeftError.OwnedByNobody),
        new("far in the future", (f, now) => Sign(Alice, Write(Own, f, now + 1e9)), WeftError.StateTooFarAhead),
    ];

    private static IEnumerable<AdmissionCase> Proofs() =>
    [
        new("tampered value",
            (f, now) => Sign(Alice, Write(Own, f, now)) with { Value = "w" },
            WeftError.SignatureRefused),
        new("moved to another soul",
            (f, now) => Sign(Alice, Write(Own, f, now)) with { Soul = Own + "2" },
            WeftError.SignatureRefused),
        new("moved to another field",
            (f, now) => Sign(Alice, Write(Own, "x" + f, now)) with { Field = f },
            WeftError.SignatureRefused),
        new("replayed with a newer state",
            (f, now) => Sign(Alice, Write(Own, f, now - 9)) with { State = now },
            WeftError.SignatureRefused),
        new("of another network", (f, now) =>
            Sign(Alice, Write(Own, f, now), network: [.. Enumerable.Repeat((byte)9, 32)]), WeftError.SignatureRefused),
        new("stranger under the owner's name",
            (f, now) => Renamed(Sign(Eve, Write(Own, f, now)), Alice),
            WeftError.SignatureRefused),
        new("proof of another write", (f, now) =>
            Write(Own, f, now) with { Extras = Sign(Alice, Write(Own, "x" + f, now)).Extras },
            WeftError.SignatureRefused),
        new("proof cut short", (f, now) => Cut(Sign(Alice, Write(Own, f, now))), WeftError.ProofMalformed),
        new("expiry moved", (f, now) => Expiring(Sign(Alice, Write(Own, f, now))), WeftError.SignatureRefused),
    ];

    private static IEnumerable<AdmissionCase> Grants()
    {
        string shared = SoulOf(Alice) + "/shared/";
        return
        [
            new("holder of a grant",
                (f, now) => Sign(Bob, Write(shared + "a", f, now), Grant(Alice, Bob, shared, now)),
                WeftError.None),
            new("grant has expired", (f, now) =>
                Sign(Bob, Write(shared + "a", f, now), Grant(Alice, Bob, shared, now, -60_000)),
                WeftError.GrantExpired),
            new("grant for another prefix", (f, now) =>
                Sign(Bob, Write(Own, f, now), Grant(Alice, Bob, shared, now)), WeftError.GrantRefused),
            new("grant of a stranger", (f, now) =>
                Sign(Bob, Write(shared + "a", f, now), Grant(Eve, Bob, shared, now)), WeftError.GrantRefused),
            new("grant for somebody else", (f, now) =>
                Sign(Eve, Write(shared + "a", f, now), Grant(Alice, Bob, shared, now)), WeftError.GrantRefused),
            new("grant the owner needs none of, tampered", (f, now) =>
                Tampered(Sign(Alice, Write(shared + "a", f, now), Grant(Alice, Bob, shared, now))),
                WeftError.GrantRefused),
        ];
    }

    // Names that look like Alice's are other souls: none of them is hers, and none of them opens hers.
    private static IEnumerable<AdmissionCase> LookAlikes()
    {
        string key = Alice.PublicKey.ToString();
        return
        [
            new("full-width dollar", (f, now) => Write("＄" + key, f, now), WeftError.None),
            new("longer run of letters", (f, now) => Write("$" + key + "x", f, now), WeftError.None),
            new("shorter run of letters", (f, now) => Write("$" + key[..42], f, now), WeftError.None),
            new("zero-width space in the key",
                (f, now) => Write("$" + key[..20] + "\u200B" + key[20..], f, now),
                WeftError.None),
            new("cyrillic letter behind the key",
                (f, now) => Sign(Eve, Write("$" + key + "/profilе", f, now)),
                WeftError.NotOwner),
            new("key in other case", (f, now) => Sign(Alice, Write("$" + OtherCase(key), f, now)), WeftError.NotOwner),
            new("bits to spare at the key's end",
                (f, now) => Sign(Alice, Write("$" + SpareBits(key), f, now)),
                WeftError.OwnedByNobody),
            new("two keys, the second is the writer's", (f, now) =>
                Sign(Eve, Write($"$" + key + "/" + SoulOf(Eve), f, now)), WeftError.NotOwner),
            new("SEA key behind a native one", (f, now) =>
                Sign(SeaEve, Write("$" + key + "/" + SoulOf(SeaEve), f, now)), WeftError.SignatureMissing,
                WeftError.NotOwner),
        ];
    }

    private static IEnumerable<AdmissionCase> SeaUsers()
    {
        string soul = SoulOf(SeaAlice);
        return
        [
            new("SEA: owner", (f, now) => Sign(SeaAlice, Write(soul, f, now)), WeftError.None),
            new("SEA: owner, deeper soul", (f, now) => Sign(SeaAlice, Write(soul + "/a/b", f, now)), WeftError.None),
            new("SEA: stranger", (f, now) => Sign(SeaEve, Write(soul, f, now)), WeftError.SignatureRefused),
            new("SEA: bare value", (f, now) => Write(soul, f, now), WeftError.SignatureMissing),
            new("SEA: moved to another soul", (f, now) =>
                Sign(SeaAlice, Write(soul, f, now)) with { Soul = soul + "/x" }, WeftError.SignatureRefused),
            new("SEA: replayed with a newer state", (f, now) =>
                Sign(SeaAlice, Write(soul, f, now - 5)) with { State = now }, WeftError.SignatureRefused),
            new("SEA: another name under pub", (f, now) =>
                Write(soul, "pub", now, SeaEve.Pub.ToString()), WeftError.NameMismatch),
            new("SEA: what looks like a key is none",
                (f, now) => Write("~hello/world", f, now),
                WeftError.OwnedByNobody),
            new("SEA: names a writer, shows no certificate",
                (f, now) => Starred(Sign(SeaEve, Write(soul, f, now)), SeaEve.Pub.ToString()),
                WeftError.NotOwner),
        ];
    }

    private static IEnumerable<AdmissionCase> Certificates()
    {
        string soul = SoulOf(SeaAlice);
        string c = SeaBob.Pub.ToString();
        return
        [
            new("certificate", (f, now) => Sign(SeaBob, Write(soul + "/inbox", f, now), Certificate(SeaAlice,
                Terms(c))), WeftError.None),
            new("certificate for another path",
                (f, now) => Sign(SeaBob, Write(soul + "/outbox", f, now), Certificate(SeaAlice,
                Terms(c))), WeftError.CertificateRefused),
            new("certificate of somebody else",
                (f, now) => Sign(SeaEve, Write(soul + "/inbox", f, now), Certificate(SeaAlice,
                Terms(c))), WeftError.CertificateRefused),
            new("certificate has expired",
                (f, now) => Sign(SeaBob, Write(soul + "/inbox", f, now), Certificate(SeaAlice,
                Terms(c, $"\"e\":{(long)now - 60_000},"))), WeftError.CertificateExpired),
            new("certificate by a stranger",
                (f, now) => Sign(SeaBob, Write(soul + "/inbox", f, now), Certificate(SeaEve,
                Terms(c))), WeftError.SignatureRefused),
        ];
    }

    private static IEnumerable<AdmissionCase> Names() =>
    [
        new("alias", (f, now) => new("~@alice", "~k" + f, WeftValue.Link("~k" + f), now), WeftError.None),
        new("alias, other link",
            (f, now) => new("~@alice", "~k" + f, WeftValue.Link("~other"), now),
            WeftError.NameMismatch),
        new("content by its hash", (f, now) => Write("docs#", Hash("v" + f), now, "v" + f), WeftError.None),
        new("content, other hash", (f, now) => Write("docs#", Hash("w" + f), now, "v" + f), WeftError.ContentHashWrong),
        new("young enough", (f, now) => Write("log<?60", f, now - 5), WeftError.None),
        new("too old", (f, now) => Write("log<?60", f, now - 120_000), WeftError.StateTooOld),
    ];

    private static IEnumerable<AdmissionCase> Policies() =>
    [
        new("rule holds", (f, now) => Sign(Alice, new(SoulOf(Alice) + "/typed/a", "age" + f, 5, now)), WeftError.None),
        new("rule broken",
            (f, now) => Sign(Alice, new(SoulOf(Alice) + "/typed/a", "age" + f, "old", now)),
            WeftError.RuleBroken),
        new("rule unknown", (f, now) => Sign(Alice, Write(SoulOf(Alice) + "/zodiac/a", f, now)), WeftError.RuleUnknown),
        new("private and not sealed",
            (f, now) => Sign(Alice, Write(SoulOf(Alice) + "/secret/a", f, now)),
            WeftError.SealRequired),
        new("public by policy", (f, now) => Write(SoulOf(Alice) + "/open/a", f, now), WeftError.None),
        new("listed writer", (f, now) => Sign(Bob, Write(SoulOf(Alice) + "/typed/b", f, now)), WeftError.None),
        new("not a listed writer",
            (f, now) => Sign(Eve, Write(SoulOf(Alice) + "/typed/b", f, now)),
            WeftError.NotOwner),
        new("old key after its rotation", (f, now) => Sign(Carol, Write(SoulOf(Carol), f, now)), WeftError.KeyRotated),
        new("old key before its rotation",
            (f, now) => Sign(Carol, Write(SoulOf(Carol), f, now - 7_200_000)),
            WeftError.None),
        new("new key after the rotation", (f, now) => Sign(Dave, Write(SoulOf(Carol), f, now)), WeftError.None),
        new("new key before the rotation",
            (f, now) => Sign(Dave, Write(SoulOf(Carol), f, now - 7_200_000)),
            WeftError.NotOwner),
    ];

    private static FieldWrite Renamed(FieldWrite write, Ed25519KeyPair to) =>
        write with { Extras = write.Extras! with { Author = to.PublicKey.Span.ToArray() } };

    private static FieldWrite Cut(FieldWrite write) =>
        write with { Extras = write.Extras! with { Signature = write.Extras.Signature[..^1] } };

    private static FieldWrite Expiring(FieldWrite write) =>
        write with { Extras = write.Extras! with { ExpiresAtMs = 9e15 } };

    private static FieldWrite Tampered(FieldWrite write)
    {
        byte[] blob = write.Extras!.Signature.ToArray();
        blob[^1] ^= 1; // The last byte of the grant's signature.
        return write with { Extras = write.Extras with { Signature = blob } };
    }

    private static FieldWrite Starred(FieldWrite write, string writer)
    {
        string text = write.Value.AsText()!;
        return write with { Value = $"{text[..^1]},\"*\":\"{writer}\"}}" };
    }

    private static string OtherCase(string key) =>
        string.Concat(key.Select(
            (symbol, i) => i < 42 && char.IsLower(symbol) ? char.ToUpperInvariant(symbol) : symbol));

    private static string SpareBits(string key)
    {
        const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        return key[..42] + Alphabet[Alphabet.IndexOf(key[42], StringComparison.Ordinal) + 1];
    }

    private static string Terms(string holder, string more = "") =>
        $"{{\"c\":\"{holder}\",{more}\"w\":{{\"*\":\"inbox\"}}}}";

    private static string Hash(string text) => Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
