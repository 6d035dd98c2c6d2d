using Weft.Crypto;
using Weft.Graph;
using Weft.Node;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Tests.Node;

public sealed class GrantDirectoryTests : IAsyncLifetime
{
    private readonly GroupRig _rig = new();
    private readonly DateTimeOffset _expires = TimeProvider.System.GetUtcNow().AddHours(1);
    private WeftNode _ada = null!;
    private WeftNode _bob = null!;
    private WeftNode _eve = null!;

    private string Notes => $"notes/${_ada.Identity.PublicKey}/";

    public async Task InitializeAsync()
    {
        _ada = await _rig.StartAsync(1);
        _bob = await _rig.StartAsync(2);
        _eve = await _rig.StartAsync(3);
    }

    public async Task DisposeAsync() => await _rig.DisposeAsync();

    [Fact]
    public async Task A_granted_write_is_taken_by_every_peer_and_another_is_not()
    {
        Grant grant = await _ada.Grants.IssueAsync(Offer(_bob));

        WriteResult granted = await WriteAsync(_bob, grant, Notes + "a", "text");
        await GroupRig.CarryAsync(_bob, _ada);

        Assert.Equal(WeftError.None, granted.Error);
        Assert.Equal("hello", (await _ada.Graph.Get(Notes + "a").GetAsync("text")).Value.AsText());
        Assert.Equal(WeftError.NotOwner, (await WriteAsync(_bob, null, Notes + "a", "text")).Error);
        Assert.Equal(WeftError.GrantRefused, (await WriteAsync(_eve, grant, Notes + "a", "text")).Error);
        Assert.Equal(
            WeftError.GrantRefused, (await WriteAsync(_bob, grant, $"other/${_ada.Identity.PublicKey}", "text")).Error);
        Assert.Equal(WeftError.GrantRefused, (await WriteAsync(_bob, grant, Notes + "a", "other")).Error);
    }

    [Fact]
    public async Task A_grant_handed_on_allows_the_part_that_was_handed_on()
    {
        Grant forBob = await _ada.Grants.IssueAsync(Offer(_bob));
        Grant forEve = await _bob.Grants.DelegateAsync(
            forBob, Offer(_eve) with { Prefixes = [Notes + "eve/"], Delegations = 0 });

        Assert.Equal(WeftError.None, (await WriteAsync(_eve, forEve, Notes + "eve/1", "text")).Error);
        Assert.Equal(WeftError.GrantRefused, (await WriteAsync(_eve, forEve, Notes + "bob", "text")).Error);
        await Assert.ThrowsAsync<ArgumentException>(async () => await _bob.Grants.DelegateAsync(
            forBob, Offer(_eve) with { Prefixes = [""], Delegations = 0 }));
        await Assert.ThrowsAsync<ArgumentException>(async () => await _eve.Grants.DelegateAsync(forEve, Offer(_ada)));
    }

    [Fact]
    public async Task What_ended_long_ago_leaves_the_list_bit_by_bit_and_what_did_not_stays()
    {
        var time = new ManualTime();
        WeftNode issuer = await _rig.StartAsync(9, time: time);
        for (int i = 0; i < 150; i++)
        {
            await issuer.Grants.IssueAsync(Offer(_bob) with { Expires = time.GetUtcNow().AddHours(1) });
        }

        Grant lasting = await issuer.Grants.IssueAsync(Offer(_bob) with { Expires = time.GetUtcNow().AddYears(1) });
        time.Advance(GrantDirectory.EndedKept);
        await issuer.Grants.IssueAsync(Offer(_bob) with { Expires = time.GetUtcNow().AddHours(1) });
        Assert.Equal(152, (await issuer.Grants.ListAsync()).Count); // Nothing ended a month ago yet.

        time.Advance(TimeSpan.FromHours(2));
        await issuer.Grants.IssueAsync(Offer(_bob) with { Expires = time.GetUtcNow().AddHours(1) });
        int left = (await issuer.Grants.ListAsync()).Count;
        Assert.InRange(left, 153 - 64, 152); // One grant issued, at most 64 looked at.
        for (int i = 0; i < 6; i++)
        {
            await issuer.Grants.IssueAsync(Offer(_bob) with { Expires = time.GetUtcNow().AddHours(1) });
        }

        IReadOnlyList<IssuedGrant> kept = await issuer.Grants.ListAsync();
        Assert.Equal(9, kept.Count);
        Assert.Contains(kept, issued => issued.Grant.Id.Span.SequenceEqual(lasting.Id.Span));
    }

    [Fact]
    public async Task A_revoked_grant_writes_nothing_more_where_the_revocation_is_known()
    {
        Grant forBob = await _ada.Grants.IssueAsync(Offer(_bob));
        Grant forEve = await _bob.Grants.DelegateAsync(forBob, Offer(_eve) with { Delegations = 0 });
        Assert.Equal(WeftError.None, (await WriteAsync(_eve, forEve, Notes + "a", "text")).Error);

        WriteResult revoked = await _ada.Grants.RevokeAsync(forBob, "lost phone");
        WriteResult again = await _ada.Grants.RevokeAsync(forBob);
        await GroupRig.CarryAsync(_ada, _eve);

        Assert.True(revoked.IsAccepted && again.IsAccepted);
        Assert.Equal(revoked.State, again.State);
        Assert.Equal(WeftError.GrantRevoked, (await WriteAsync(_eve, forEve, Notes + "b", "text")).Error);
        Assert.Equal(WeftError.NotOwner, (await _eve.Grants.RevokeAsync(forBob)).Error);
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(
            async () => await _ada.Grants.RevokeAsync(forBob, new string('x', 201)));
    }

    [Fact]
    public async Task What_was_issued_is_listed_with_its_revocation_and_nobody_else_reads_the_list()
    {
        Grant first = await _ada.Grants.IssueAsync(Offer(_bob));
        Grant second = await _ada.Grants.IssueAsync(Offer(_eve) with { Prefixes = [Notes + "secret-plan/"] });
        await _ada.Grants.RevokeAsync(second);

        IReadOnlyList<IssuedGrant> listed = await _ada.Grants.ListAsync();
        await GroupRig.CarryAsync(_ada, _eve);

        Assert.Equal(
            new[] { first.ToText(), second.ToText() }.Order(), listed.Select(issued => issued.Grant.ToText()).Order());
        Assert.Null(listed.Single(issued => issued.Grant.ToText() == first.ToText()).RevokedAt);
        Assert.NotNull(listed.Single(issued => issued.Grant.ToText() == second.ToText()).RevokedAt);
        Assert.Single(await _ada.Grants.ListAsync(grantsMax: 1));
        Assert.Empty(await _eve.Grants.ListAsync());
        string dump = await GroupRig.DumpAsync(_eve);
        Assert.DoesNotContain("secret-plan", dump);
        Assert.DoesNotContain(first.ToText()[4..60], dump);
    }

    private GrantOffer Offer(WeftNode audience) => new()
    {
        Audience = audience.Identity.PublicKey,
        Rights = GrantRights.Write,
        Prefixes = [Notes],
        Fields = ["text"],
        Expires = _expires,
        Delegations = 1,
    };

    private static ValueTask<WriteResult> WriteAsync(WeftNode node, Grant? grant, string soul, string field) =>
        node.Graph.WriteAsync(
            [new FieldWrite(soul, field, "hello", double.NaN)],
            WriteSource.Local.With(new WriteIdentity { Key = node.Identity, Grant = grant }));
}
