using Weft.Crypto;
using Weft.Graph;
using Weft.Graph.Access;
using Weft.Graph.Policy;
using Weft.Primitives;

namespace Weft.Tests.Graph.Policy;

public sealed class PolicyBookTests
{
    private const string Everybody = "{'weft':1,'class':'public'}";
    private const string OwnerOnly = "{'weft':1,'class':'protected'}";

    private static readonly string Mine = $"notes${PolicyRig.Key(1)}";

    private readonly PolicyRig _rig = new();

    [Fact]
    public void Without_any_policy_the_soul_says_who_writes()
    {
        Assert.Equal(WeftError.None, _rig.Judge("trip", "f", "v", 5).Error);
        Assert.Equal(WeftError.None, _rig.JudgeBy(2, "trip", "f", "v", 5));
        Assert.Equal(WeftError.None, _rig.JudgeBy(1, $"{Mine}/a", "f", "v", 5));
        Assert.Equal(WeftError.NotOwner, _rig.JudgeBy(2, $"{Mine}/a", "f", "v", 5));
        Assert.Equal(WeftError.SignatureMissing, _rig.Judge($"{Mine}/a", "f", "v", 5).Error);
        Assert.Equal(WeftError.OwnedByNobody, _rig.Judge("weft:other", "f", "v", 5).Error);
        Assert.True(_rig.Book.IsEmpty);
        Assert.Null(_rig.Book.Find("trip", 5));
    }

    [Fact]
    public void Longest_prefix_judges_a_node_beats_it_and_the_state_picks_the_version()
    {
        _rig.StorePolicy("", 1, 1, OwnerOnly);
        _rig.StorePolicy("a/", 1, 10, Everybody);
        _rig.StorePolicy("a/", 2, 20, OwnerOnly);
        _rig.StorePolicy("a/b", 1, 15, Everybody);
        _rig.Store(PolicyRig.NodeSoul("a/b/node"), "1", PolicyRig.Text(OwnerOnly), 16);

        (string?, int)?[] found =
        [
            Found("z", 5), Found("a/x", 9.9), Found("a/x", 10), Found("a/x", 20), Found("a/bx", 14), Found("a/bx", 15),
            Found("a/b/node", 15), Found("a/b/node", 16), Found("a/b/node/x", 16), Found("z", 0.5),
        ];

        Assert.Equal(
            [("", 1), ("", 1), ("a/", 1), ("a/", 2), ("a/", 1), ("a/b", 1), ("a/b", 1), ("a/b/node", 1), ("a/b", 1),
                null],
            found);
    }

    [Fact]
    public void Policy_governs_only_souls_of_the_owner_who_signed_it()
    {
        _rig.StorePolicy("notes", 1, 1, Everybody);
        _rig.StorePolicy(Mine, 1, 1, Everybody);

        Assert.NotNull(_rig.Book.Find($"{Mine}/a", 5));
        Assert.Equal(Mine, _rig.Book.Find($"{Mine}/a", 5)!.Scope);

        // Begins with "notes", but has an owner of its own.
        Assert.Null(_rig.Book.Find($"notes${PolicyRig.Key(2)}", 5));

        // Begins with my text, but 44 characters are no key.
        Assert.Equal("notes", _rig.Book.Find($"{Mine}X", 5)!.Scope);
        Assert.Null(_rig.Book.Find($"{Mine}X~{new string('x', 42)}A.{new string('y', 42)}A", 5));
        Assert.Null(_rig.Book.Find("weft:policy/prefix/notes", 5));
    }

    [Fact]
    public void Protected_lets_owner_writers_and_named_owner_write()
    {
        _rig.StorePolicy("news/", 1, 10,
            $"{{'weft':1,'class':'protected','owner':'{PolicyRig.Key(3)}','writers':['{PolicyRig.Key(4)}']}}");

        Assert.Equal(WeftError.None, _rig.JudgeBy(9, "news/a", "f", "v", 9));
        Assert.Equal(WeftError.NotOwner, _rig.JudgeBy(9, "news/a", "f", "v", 10));
        Assert.Equal(WeftError.SignatureMissing, _rig.Judge("news/a", "f", "v", 10).Error);
        Assert.Equal(WeftError.None, _rig.JudgeBy(200, "news/a", "f", "v", 10));
        Assert.Equal(WeftError.None, _rig.JudgeBy(3, "news/a", "f", "v", 10));
        Assert.Equal(WeftError.None, _rig.JudgeBy(4, "news/a", "f", "v", 10));
    }

    [Fact]
    public void Owner_may_open_his_prefix_to_everybody()
    {
        _rig.StorePolicy(Mine, 1, 10, Everybody);

        Assert.Equal(WeftError.NotOwner, _rig.JudgeBy(2, $"{Mine}/a", "f", "v", 9));
        Assert.Equal(WeftError.None, _rig.JudgeBy(2, $"{Mine}/a", "f", "v", 10));
        Assert.Equal(WeftError.None, _rig.Judge($"{Mine}/a", "f", "v", 10).Error);
    }

    [Fact]
    public void Only_the_owner_signs_policies_and_only_in_the_form_of_one()
    {
        string soul = PolicyRig.PrefixSoul(Mine);
        string text = PolicyRig.Text(OwnerOnly);

        Assert.Equal(WeftError.None, _rig.JudgeBy(1, soul, "1", text, 5));
        Assert.Equal(WeftError.None, _rig.JudgeBy(1, soul, "64", text, 5));
        Assert.Equal(WeftError.NotOwner, _rig.JudgeBy(2, soul, "1", text, 5));
        Assert.Equal(WeftError.NotOwner, _rig.JudgeBy(200, soul, "1", text, 5));
        Assert.Equal(WeftError.SignatureMissing, _rig.Judge(soul, "1", text, 5).Error);
        foreach (string field in (string[])["0", "65", "01", "x", "+1", "1 ", "100"])
        {
            Assert.Equal(WeftError.PolicyInvalid, _rig.JudgeBy(1, soul, field, text, 5));
        }

        Assert.Equal(WeftError.PolicyInvalid, _rig.JudgeBy(1, soul, "1", WeftValue.Null, 5));
        Assert.Equal(WeftError.PolicyInvalid, _rig.JudgeBy(1, soul, "1", text + " ", 5));
        Assert.Equal(WeftError.None, _rig.JudgeBy(200, PolicyRig.PrefixSoul("news/"), "1", text, 5));
        Assert.Equal(WeftError.NotOwner, _rig.JudgeBy(1, PolicyRig.PrefixSoul("news/"), "1", text, 5));
        Assert.Equal(WeftError.OwnedByNobody, _rig.JudgeBy(200, PolicyRig.PrefixSoul("weft:key/"), "1", text, 5));
        Assert.Equal(WeftError.OwnedByNobody, _rig.JudgeBy(200, PolicyRig.NodeSoul(""), "1", text, 5));
    }

    [Fact]
    public void Policy_with_something_unknown_is_taken_and_everything_under_it_refused()
    {
        const string Unknown = "{\"class\":\"public\",\"moon\":1,\"weft\":1}";
        Assert.Equal(WeftError.None, _rig.JudgeBy(200, PolicyRig.PrefixSoul("n/"), "1", Unknown, 5));
        _rig.Store(PolicyRig.PrefixSoul("n/"), "1", Unknown, 5);

        Assert.Equal(WeftError.None, _rig.JudgeBy(200, "n/a", "f", "v", 4));
        Assert.Equal(WeftError.RuleUnknown, _rig.JudgeBy(200, "n/a", "f", "v", 5));

        _rig.StorePolicy("n/", 2, 7, Everybody);
        Assert.Equal(WeftError.RuleUnknown, _rig.JudgeBy(200, "n/a", "f", "v", 6));
        Assert.Equal(WeftError.None, _rig.JudgeBy(9, "n/a", "f", "v", 7));
    }

    [Fact]
    public void Nothing_is_written_under_a_policy_that_has_ended()
    {
        _rig.StorePolicy("n/", 1, 5, "{'weft':1,'class':'public','expires':10}");

        Assert.Equal(WeftError.None, _rig.JudgeBy(9, "n/a", "f", "v", 10));
        Assert.Equal(WeftError.OwnedByNobody, _rig.JudgeBy(200, "n/a", "f", "v", 10.5));
    }

    [Fact]
    public void Private_takes_only_sealed_values_for_its_readers()
    {
        string group = $"weft:group/{PolicyRig.Key(1)}/family";
        _rig.StorePolicy(Mine, 1, 5, $"{{'weft':1,'class':'private','readers':'{group}'}}");
        string soul = $"{Mine}/a";
        string good = $"WEFT{{\"g\":\"{group}\",\"e\":\"1\",\"n\":\"AA\",\"c\":\"BB\"}}";

        Assert.Equal(WeftError.None, _rig.JudgeBy(1, soul, "f", good, 6));
        Assert.Equal(WeftError.None, _rig.JudgeBy(1, soul, "f", WeftValue.Null, 6));
        Assert.Equal(WeftError.NotOwner, _rig.JudgeBy(2, soul, "f", good, 6));
        WeftValue[] open =
        [
            "secret", 5, true, WeftValue.Link("x"), good.Replace("family", "others"), good[..^1], "WEFT{}",
            good.Replace("\"n\"", "\"plain\":\"secret\",\"n\""), "SEA{\"ct\":\"a\",\"iv\":\"b\",\"s\":\"c\"}",
            $"WEFT{{\"g\":\"{group}\",\"e\":\"1\",\"n\":\"AA\",\"c\":[\"secret\"]}}", good + "secret",
        ];
        Assert.All(open, value => Assert.Equal(WeftError.SealRequired, _rig.JudgeBy(1, soul, "f", value, 6)));
    }

    [Fact]
    public void Late_record_says_what_to_judge_again_and_from_where()
    {
        Assert.Equal([new(PolicyOutputKind.Prefix, "a/", 10)], _rig.StorePolicy("a/", 1, 10, OwnerOnly));
        long version = _rig.Book.Version;

        Assert.Equal([new(PolicyOutputKind.Prefix, "a/", 7)], _rig.StorePolicy("a/", 1, 7, Everybody));
        Assert.Equal(
            [new(PolicyOutputKind.Node, "a/n", 8)],
            _rig.Store(PolicyRig.NodeSoul("a/n"), "1", PolicyRig.Text(OwnerOnly), 8));
        Assert.Equal(
            [new(PolicyOutputKind.Key, $"{PolicyRig.Key(1)}", 9, PolicyRig.Key(1))],
            _rig.Store($"weft:key/{PolicyRig.Key(1)}", "next", RotationRecord.Write(PolicyRig.Key(2)), 9));
        Assert.Equal(
            [new(PolicyOutputKind.Key, $"{PolicyRig.Key(1)}", 11, PolicyRig.Key(1))],
            _rig.Store($"weft:revoked/{PolicyRig.Key(1)}", $"{PolicyRig.Key(7)}", "lost", 11));
        Assert.Equal(version + 4, _rig.Book.Version);
        Assert.Empty(_rig.Store("a/x", "1", PolicyRig.Text(OwnerOnly), 8));
    }

    [Fact]
    public void Dropped_record_is_forgotten()
    {
        _rig.StorePolicy("a/", 1, 10, OwnerOnly);
        _rig.Store($"weft:key/{PolicyRig.Key(1)}", "next", RotationRecord.Write(PolicyRig.Key(2)), 9);
        _rig.Store($"weft:revoked/{PolicyRig.Key(1)}", $"{PolicyRig.Key(7)}", "lost", 11);
        Assert.False(_rig.Book.IsEmpty);

        Assert.Equal(
            [new(PolicyOutputKind.Prefix, "a/", 10)],
            _rig.Store(PolicyRig.PrefixSoul("a/"), "1", WeftValue.Null, PolicyBook.DroppedState));
        _rig.Store($"weft:key/{PolicyRig.Key(1)}", "next", WeftValue.Null, PolicyBook.DroppedState);
        _rig.Store($"weft:revoked/{PolicyRig.Key(1)}", $"{PolicyRig.Key(7)}", WeftValue.Null, PolicyBook.DroppedState);

        Assert.True(_rig.Book.IsEmpty);
    }

    [Fact]
    public void Open_network_has_nobody_to_govern_public_souls()
    {
        var book = new PolicyBook(new PolicyOptions(), PolicyRig.Crypto, networkKey: null);
        string soul = PolicyRig.PrefixSoul("a/");

        PolicyVerdict verdict = book.JudgeWrite(
            new FieldWrite(soul, "1", PolicyRig.Text(OwnerOnly), 5), WriterId.Native(PolicyRig.Key(1)), new(
                Ownership.Of(soul)));

        Assert.Equal(WeftError.OwnedByNobody, verdict.Error);
    }

    [Fact]
    public void Full_book_refuses_new_records_of_others_and_takes_those_of_the_network()
    {
        var rig = new PolicyRig(options: new PolicyOptions { RecordsMax = 2, RecordsPerOwnerMax = 1 });
        string text = PolicyRig.Text(OwnerOnly);
        rig.StorePolicy($"${PolicyRig.Key(1)}", 1, 5, OwnerOnly);

        Assert.Equal(WeftError.TooComplex, rig.JudgeBy(1, PolicyRig.PrefixSoul($"${PolicyRig.Key(1)}"), "2", text, 6));
        Assert.Equal(WeftError.None, rig.JudgeBy(1, PolicyRig.PrefixSoul($"${PolicyRig.Key(1)}"), "1", text, 4));
        Assert.Equal(WeftError.None, rig.JudgeBy(2, PolicyRig.PrefixSoul($"${PolicyRig.Key(2)}"), "1", text, 6));

        rig.Store($"weft:key/{PolicyRig.Key(3)}", "next", RotationRecord.Write(PolicyRig.Key(4)), 9);
        Assert.Equal(WeftError.TooComplex, rig.JudgeBy(2, PolicyRig.PrefixSoul($"${PolicyRig.Key(2)}"), "1", text, 6));
        Assert.Equal(WeftError.TooComplex, rig.JudgeBy(5, $"weft:revoked/{PolicyRig.Key(5)}", $"{PolicyRig.Key(7)}",
            "x", 6));
        Assert.Equal(WeftError.None, rig.JudgeBy(200, PolicyRig.PrefixSoul("a/"), "1", text, 6));
    }

    [Fact]
    public void Grant_leads_from_the_owner_to_the_holder_until_one_above_takes_it_back()
    {
        string first = $"{PolicyRig.Key(70)}";
        string second = $"{PolicyRig.Key(71)}";
        var grant = new GrantClaim([new(PolicyRig.Key(1), first), new(PolicyRig.Key(2), second)], PolicyRig.Key(3));

        Assert.Equal(WeftError.None, Try(3, grant, 5));
        Assert.Equal(WeftError.GrantRefused, Try(4, grant, 5));
        Assert.Equal(WeftError.GrantRefused, Try(3, new([new(PolicyRig.Key(2), second)], PolicyRig.Key(3)), 5));
        Assert.Equal(WeftError.GrantRefused, Try(3, new([], PolicyRig.Key(3)), 5));

        _rig.Store($"weft:revoked/{PolicyRig.Key(3)}", first, "the holder has no say", 1);
        _rig.Store($"weft:revoked/{PolicyRig.Key(2)}", first, "nor has one below", 1);
        Assert.Equal(WeftError.None, Try(3, grant, 5));
        _rig.Store($"weft:revoked/{PolicyRig.Key(1)}", second, "the owner has", 6);
        Assert.Equal(WeftError.None, Try(3, grant, 6));
        Assert.Equal(WeftError.GrantRevoked, Try(3, grant, 6.001));
        byte[] id = PolicyRig.Key(71).Span.ToArray();
        Assert.Equal(6, _rig.Book.RevokedAtMs(PolicyRig.Key(1), id));

        WeftError Try(byte writer, GrantClaim claim, double state) =>
            _rig.Judge($"{Mine}/a", "f", "v", state, WriterId.Native(PolicyRig.Key(writer), claim)).Error;
    }

    [Fact]
    public void Asking_an_empty_book_allocates_nothing()
    {
        var write = new FieldWrite("ordinary/soul", "f", "v", 5);
        Ask(100);

        long before = GC.GetAllocatedBytesForCurrentThread();
        Ask(1_000);

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Ask(int times)
        {
            for (int i = 0; i < times; i++)
            {
                Assert.True(_rig.Book.JudgeWrite(write, default, default).IsAllowed);
                Assert.False(_rig.Book.Orders(write.Soul));
            }
        }
    }

    private (string?, int)? Found(string soul, double state) =>
        _rig.Book.Find(soul, state) is { } policy ? (policy.Scope, policy.Version) : null;
}
