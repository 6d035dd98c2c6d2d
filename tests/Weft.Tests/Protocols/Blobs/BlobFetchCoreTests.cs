using Weft.Primitives;
using Weft.Protocols.Blobs;

namespace Weft.Tests.Protocols.Blobs;

public sealed class BlobFetchCoreTests
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(10);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(65_536)]
    [InlineData(2_000_000)]
    public void A_blob_comes_whole_from_one_peer(int size)
    {
        var rig = new BlobFetchRig(TestBlob.Bytes(size, seed: 5));
        rig.Want(0, int.MaxValue);
        rig.Add(rig.Peer(1, BlobManner.Honest));
        rig.Run(Long);

        Assert.True(rig.IsDone);
        Assert.All(rig.Got, Assert.NotNull);
        Assert.Empty(rig.Dropped);
        Assert.Equal(0, rig.Core.Repeated);
    }

    [Fact]
    public void Several_peers_share_the_work_and_nothing_comes_twice()
    {
        var rig = new BlobFetchRig(TestBlob.Bytes(100 * 65_536, seed: 6), new BlobFetchOptions { AskChunks = 4 });
        PeerId[] peers = [.. Enumerable.Range(1, 4).Select(number => rig.Peer((byte)number, BlobManner.Honest))];
        rig.Want(0, int.MaxValue);
        Array.ForEach(peers, rig.Add);
        rig.Run(Long);

        Assert.True(rig.IsDone);
        Assert.All(peers, peer => Assert.True(rig.Asked[peer] >= 16));
        Assert.Equal(100, rig.Asked.Values.Sum());
        Assert.Equal(0, rig.Core.Repeated);
    }

    [Theory]
    [InlineData(BlobManner.WrongChunk, BlobFault.WrongBytes)]
    [InlineData(BlobManner.WrongParents, BlobFault.WrongBytes)]
    [InlineData(BlobManner.WrongRoot, BlobFault.WrongBytes)]
    [InlineData(BlobManner.WrongSize, BlobFault.WrongBytes)]
    [InlineData(BlobManner.Endless, BlobFault.Malformed)]
    [InlineData(BlobManner.Garbage, BlobFault.Malformed)]
    [InlineData(BlobManner.HeadTwice, BlobFault.Malformed)]
    [InlineData(BlobManner.Silent, BlobFault.Slow)]
    [InlineData(BlobManner.Absent, BlobFault.Absent)]
    public void A_bad_peer_is_dropped_and_another_is_used(BlobManner manner, BlobFault fault)
    {
        var rig = new BlobFetchRig(TestBlob.Bytes(40 * 65_536, seed: 8), new BlobFetchOptions { AskChunks = 8 });
        PeerId bad = rig.Peer(1, manner);
        rig.Want(0, int.MaxValue);
        rig.Add(bad);
        rig.Run(TimeSpan.FromSeconds(fault == BlobFault.Slow ? 15 : 1));
        rig.Add(rig.Peer(2, BlobManner.Honest));
        rig.Run(Long);

        Assert.True(rig.IsDone);
        Assert.All(rig.Got, Assert.NotNull);
        Assert.Equal(fault, rig.Dropped[bad]);
        Assert.Equal(fault is BlobFault.WrongBytes or BlobFault.Malformed ? 1 : 0, rig.Core.Liars);
    }

    [Fact]
    public void A_liar_stays_out_and_somebody_who_had_nothing_may_come_back()
    {
        var rig = new BlobFetchRig(TestBlob.Bytes(10 * 65_536, seed: 9));
        PeerId liar = rig.Peer(1, BlobManner.WrongRoot);
        PeerId late = rig.Peer(2, BlobManner.Absent);
        rig.Want(0, int.MaxValue);
        rig.Add(liar);
        rig.Add(late);
        rig.Run(TimeSpan.FromSeconds(5));
        Assert.Equal(2, rig.Dropped.Count);
        Assert.Equal(2, rig.PeersWanted); // At the start, and when both were of no use.

        int questions = rig.Questions;
        rig.Change(late, BlobManner.Honest);
        rig.Add(liar);
        Assert.Equal(questions, rig.Questions);
        rig.Add(late);
        rig.Run(Long);

        Assert.True(rig.IsDone);
    }

    [Fact]
    public void A_peer_that_trickles_is_overtaken()
    {
        var rig = new BlobFetchRig(TestBlob.Bytes(20 * 65_536, seed: 10), new BlobFetchOptions { AskChunks = 16 });
        rig.Want(0, int.MaxValue);
        rig.Add(rig.Peer(1, BlobManner.Trickling));
        rig.Run(TimeSpan.FromSeconds(5)); // It has proved that it has the blob, and owes the first part.
        rig.Add(rig.Peer(2, BlobManner.Honest));
        rig.Run(Long);

        Assert.True(rig.IsDone);
        Assert.True(rig.Now < new WeftInstant(0) + TimeSpan.FromSeconds(15), $"done at {rig.Now}");
    }

    [Fact]
    public void A_peer_that_is_slower_than_the_deadline_of_a_question_is_dropped()
    {
        var options = new BlobFetchOptions { AskChunks = 64, AskDeadline = TimeSpan.FromSeconds(20) };
        var rig = new BlobFetchRig(TestBlob.Bytes(64 * 65_536, seed: 11), options);
        PeerId slow = rig.Peer(1, BlobManner.Trickling);
        rig.Want(0, int.MaxValue);
        rig.Add(slow);
        rig.Run(TimeSpan.FromSeconds(60));

        Assert.Equal(BlobFault.Slow, rig.Dropped[slow]);
        Assert.False(rig.IsDone);
    }

    [Fact]
    public void A_broken_stream_is_opened_again_and_what_came_is_not_asked_for_twice()
    {
        var rig = new BlobFetchRig(TestBlob.Bytes(30 * 65_536, seed: 12), new BlobFetchOptions { AskChunks = 8 });
        PeerId peer = rig.Peer(1, BlobManner.Breaking);
        rig.Want(0, int.MaxValue);
        rig.Add(peer);
        rig.Run(Long);

        Assert.True(rig.IsDone);
        Assert.Empty(rig.Dropped);
        Assert.Equal(0, rig.Core.Repeated);
    }

    [Fact]
    public void A_busy_peer_is_asked_again_later()
    {
        var rig = new BlobFetchRig(TestBlob.Bytes(3 * 65_536, seed: 13));
        rig.Want(0, int.MaxValue);
        rig.Add(rig.Peer(1, BlobManner.Busy));
        rig.Run(Long);

        Assert.True(rig.IsDone);
        Assert.True(rig.Now >= new WeftInstant(0) + TimeSpan.FromSeconds(1));
    }

    [Fact]
    public void Only_the_range_that_is_wanted_is_asked_for_and_where_somebody_reads_comes_first()
    {
        var rig = new BlobFetchRig(TestBlob.Bytes(50 * 65_536, seed: 14), new BlobFetchOptions { AskChunks = 2 });
        rig.Want(20, 24);
        rig.Add(rig.Peer(1, BlobManner.Honest));
        rig.Run(Long);

        Assert.True(rig.IsDone);
        Assert.Equal([20, 21, 22, 23], Enumerable.Range(0, 50).Where(chunk => rig.Got[chunk] is not null));

        rig.Core.Prefer(40);
        rig.Want(30, 50);
        rig.Run(TimeSpan.FromMilliseconds(90));
        Assert.NotNull(rig.Got[40]);
        Assert.Null(rig.Got[30]);
        rig.Run(Long);
        Assert.Equal(24, rig.Got.Count(chunk => chunk is not null));
    }

    [Fact]
    public void A_fetch_goes_on_where_an_earlier_one_ended()
    {
        byte[] content = TestBlob.Bytes(40 * 65_536, seed: 15);
        var first = new BlobFetchRig(content, new BlobFetchOptions { AskChunks = 10 });
        first.Want(0, 15);
        first.Add(first.Peer(1, BlobManner.Honest));
        first.Run(Long);
        var second = new BlobFetchRig(content);
        PeerId peer = second.Peer(2, BlobManner.Honest);
        second.Core.Resume(first.Core.Tree!, chunk => first.Got[chunk] is not null);
        second.Want(0, int.MaxValue);
        second.Add(peer);
        second.Run(Long);

        Assert.True(second.IsDone);
        Assert.Equal(25, second.Asked[peer]);
        Assert.Equal(25, second.Got.Count(chunk => chunk is not null));
    }

    [Fact]
    public void A_blob_beyond_the_ceiling_is_not_fetched_and_its_size_is_proved_first()
    {
        var rig = new BlobFetchRig(TestBlob.Bytes(3 * 65_536, seed: 16), bytesMax: 100_000);
        rig.Want(0, int.MaxValue);
        rig.Add(rig.Peer(1, BlobManner.WrongSize));
        rig.Run(TimeSpan.FromSeconds(1));
        Assert.Null(rig.Failed); // The word of a liar ends nothing.
        rig.Add(rig.Peer(2, BlobManner.Honest));
        rig.Run(Long);

        Assert.Equal(BlobFault.TooLarge, rig.Failed);
    }

    [Fact]
    public void Without_anybody_else_it_fails_and_names_the_reason()
    {
        var rig = new BlobFetchRig(TestBlob.Bytes(100, seed: 17));
        rig.Want(0, int.MaxValue);
        rig.Add(rig.Peer(1, BlobManner.Absent));
        rig.Run(TimeSpan.FromSeconds(1));
        rig.NobodyElse();

        Assert.Equal(BlobFault.Absent, rig.Failed);
    }

    [Fact]
    public void Peers_beyond_the_ceiling_take_the_place_of_those_without_the_blob()
    {
        var rig = new BlobFetchRig(TestBlob.Bytes(100, seed: 18), new BlobFetchOptions { PeersMax = 3, ActiveMax = 2 });
        rig.Want(0, int.MaxValue);
        for (byte number = 1; number <= 20; number++)
        {
            rig.Add(rig.Peer(number, BlobManner.Absent));
            rig.Run(TimeSpan.FromMilliseconds(100));
        }

        rig.Add(rig.Peer(99, BlobManner.Honest));
        rig.Run(Long);

        Assert.True(rig.IsDone);
    }

    [Fact]
    public void Any_mix_of_peers_with_one_honest_one_gives_the_blob_and_never_a_wrong_byte()
    {
        BlobManner[] manners = Enum.GetValues<BlobManner>();
        for (ulong seed = 1; seed <= 40; seed++)
        {
            var random = new WeftRandom(seed);
            var rig = new BlobFetchRig(
                TestBlob.Bytes(random.Next(0, 60 * 65_536), seed),
                new BlobFetchOptions { AskChunks = random.Next(1, 20), ActiveMax = random.Next(1, 6) });
            int count = random.Next(1, 8);
            int honest = random.Next(0, count);
            rig.Want(0, int.MaxValue);
            for (int number = 0; number < count; number++)
            {
                rig.Add(rig.Peer((byte)number, number == honest ? default : manners[random.Next(manners.Length)]));
                rig.Run(TimeSpan.FromMilliseconds(random.Next(0, 200)));
            }

            rig.Run(TimeSpan.FromHours(2));
            Assert.True(rig.Got.All(chunk => chunk is not null), $"seed {seed}: {rig.Core.Missing} are missing");
        }
    }
}
