using System.Text.Json;
using Weft.Cli.App;
using Weft.Crypto;

namespace Weft.Integration.Tests.Cli;

public sealed class GrantAndGroupCommandTests(CliNode node) : IClassFixture<CliNode>
{
    private static readonly ICrypto Crypto = PlatformCrypto.Create();

    [Fact]
    public async Task A_grant_is_given_listed_and_revoked()
    {
        using Ed25519KeyPair bob = KeyGenerator.NewEd25519(Crypto);
        CliCall give = node.Call();
        Assert.Equal(0, await give.RunAsync(
            "grant", "give", bob.PublicKey.ToString(), "--right", "read", "--right", "write", "--prefix", "photos/",
            "--expires", "7d"));
        Assert.True(Grant.TryParse(give.Lines.Single(), Crypto, out Grant? grant));
        string id = System.Buffers.Text.Base64Url.EncodeToString(grant.Id.Span);
        CliCall list = node.Call();
        CliCall revoke = node.Call();
        CliCall again = node.Call();
        CliCall after = node.Call();

        Assert.Equal(bob.PublicKey, grant.Audience);
        Assert.Equal(GrantRights.Read | GrantRights.Write, grant.Terms.Rights);
        Assert.Equal(GrantVerdict.Allowed, GrantVerifier.VerifySignatures(grant, Crypto));
        Assert.Equal(0, await list.RunAsync("grant", "ls"));
        Assert.Contains(id, list.Out, StringComparison.Ordinal);
        Assert.Equal(0, await revoke.RunAsync("grant", "revoke", id, "--reason", "left the team"));
        Assert.Contains("revoked", revoke.Out, StringComparison.Ordinal);
        Assert.Equal(0, await again.RunAsync("grant", "revoke", id));
        Assert.Contains("was revoked before", again.Out, StringComparison.Ordinal);
        Assert.Equal(0, await after.RunAsync("grant", "ls", "--json"));
        JsonElement listed = after.Lines.Select(line => JsonDocument.Parse(line).RootElement)
            .Single(item => item.GetProperty("id").GetString() == id);
        Assert.NotEqual(JsonValueKind.Null, listed.GetProperty("revokedAt").ValueKind);
        Assert.False(listed.TryGetProperty("grant", out _));
    }

    [Theory]
    [InlineData(ExitCode.Usage, "grant", "give", "KEY")]
    [InlineData(ExitCode.Usage, "grant", "give", "KEY", "--prefix", "a/", "--expires", "soon")]
    [InlineData(ExitCode.Failed, "grant", "give", "KEY", "--prefix", "a/", "--right", "all")]
    [InlineData(ExitCode.Failed, "grant", "give", "nobody", "--prefix", "a/")]
    [InlineData(ExitCode.Failed, "grant", "give", "KEY", "--prefix", "a/", "--delegations", "9")]
    [InlineData(ExitCode.NothingThere, "grant", "revoke", "nothing")]
    [InlineData(ExitCode.NothingThere, "group", "rm", "nothing", "KEY")]
    [InlineData(ExitCode.NothingThere, "group", "rotate", "nothing")]
    [InlineData(ExitCode.Failed, "group", "new", "g", "nobody")]
    [InlineData(ExitCode.Failed, "group", "rm", "nothing", "nobody")]
    public async Task Mistakes_are_told(int exit, params string[] words)
    {
        using Ed25519KeyPair bob = KeyGenerator.NewEd25519(Crypto);
        CliCall call = node.Call();

        string key = bob.PublicKey.ToString();
        Assert.Equal(exit, await call.RunAsync([.. words.Select(word => word == "KEY" ? key : word)]));
        Assert.NotEqual("", call.Error);
        Assert.DoesNotContain("W9001", call.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ABCXYZ")]
    [InlineData("dhqvuy")] // Short options: the rest of the key must not become their value.
    public async Task A_key_that_begins_with_a_dash_is_no_option(string letters)
    {
        Ed25519KeyPair dashed;
        do
        {
            dashed = KeyGenerator.NewEd25519(Crypto);
        }
        while (dashed.PublicKey.ToString() is not ['-', var next, ..] || !letters.Contains(next));

        CliCall call = node.Call();

        Assert.Equal(0, await call.RunAsync("grant", "give", dashed.PublicKey.ToString(), "--prefix", "a/"));
    }

    [Fact]
    public async Task A_group_is_made_grows_shrinks_and_gets_a_new_key()
    {
        using Ed25519KeyPair bob = KeyGenerator.NewEd25519(Crypto);
        using Ed25519KeyPair eve = KeyGenerator.NewEd25519(Crypto);
        string bobs = bob.PublicKey.ToString();
        string eves = eve.PublicKey.ToString();

        Assert.Equal(0, await node.Call().RunAsync("group", "new", "family", bobs));
        Assert.Equal(0, await node.Call().RunAsync("group", "add", "family", eves, "--from-now-on"));
        Assert.Equal(0, await node.Call().RunAsync("group", "rm", "family", bobs));
        Assert.Equal(ExitCode.NothingThere, await node.Call().RunAsync("group", "rm", "family", bobs));
        Assert.Equal(0, await node.Call().RunAsync("group", "rotate", "family"));
        CliCall list = node.Call();
        Assert.Equal(0, await list.RunAsync("group", "ls", "--json"));
        JsonElement family = list.Lines.Select(line => JsonDocument.Parse(line).RootElement)
            .Single(group => group.GetProperty("name").GetString() == "family");
        Dictionary<string, bool> members = family.GetProperty("members").EnumerateArray().ToDictionary(
            member => member.GetProperty("key").GetString()!, member => member.GetProperty("isMember").GetBoolean());

        Assert.False(members[bobs]);
        Assert.True(members[eves]);
        Assert.True(members[family.GetProperty("owner").GetString()!]);
    }
}
