using Weft.Primitives;
using Weft.Protocols.Replication;
using Weft.Tests.Graph.Policy;

namespace Weft.Tests.Protocols.Replication;

public sealed class ReadChoiceTests
{
    [Fact]
    public void Who_follows_the_prefix_is_asked_before_anybody_else()
    {
        IReadOnlyList<int> chosen = ReadChoice.Choose([At(1, false, 1), At(2, true, 80), At(3, false, 1)]);

        Assert.Equal([1], chosen);
    }

    [Fact]
    public void Near_peers_are_asked_first_until_questions_wait_there()
    {
        Assert.Equal([1, 2], ReadChoice.Choose([At(1, true, 30), At(2, true, 10), At(3, true, 20)]));
        Assert.Equal([2, 0], ReadChoice.Choose([At(1, true, 30), At(2, true, 10, waiting: 4), At(3, true, 20)]));
    }

    [Fact]
    public void No_more_are_asked_than_the_ceiling_and_an_unmeasured_one_counts_like_50_milliseconds()
    {
        ReadCandidate[] all = [.. Enumerable.Range(1, 9).Select(i => At((byte)i, false, 100 - i)), At(10, false, 0)];

        IReadOnlyList<int> chosen = ReadChoice.Choose(all);

        Assert.Equal(ReadChoice.OthersMax, chosen.Count);
        Assert.Equal([9, 8, 7, 6], chosen);
        Assert.Empty(ReadChoice.Choose([]));
    }

    private static ReadCandidate At(byte peer, bool hasAnnounced, int milliseconds, int waiting = 0) => new(
        PeerId.FromEd25519(PolicyRig.Key(peer).Span), hasAnnounced, TimeSpan.FromMilliseconds(milliseconds), waiting);
}
