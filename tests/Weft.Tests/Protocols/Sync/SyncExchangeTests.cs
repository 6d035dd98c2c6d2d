using Weft.Crypto;
using Weft.Graph;
using Weft.Protocols.Sync;

namespace Weft.Tests.Protocols.Sync;

public sealed class SyncExchangeTests
{
    [Fact]
    public void Chosen_fields_go_both_ways_within_a_session()
    {
        var rig = new SyncRig();
        rig.Connect();
        rig.Run();
        FieldWrite ours = SyncRig.Field("s", "ours", 1, 1);
        FieldWrite theirs = SyncRig.Field("s", "theirs", 2, 1);
        rig.A.Store.Merge(ours, origin: 0); // The session is not told.
        rig.B.Store.Merge(theirs, origin: 0);

        bool isTaken = false;
        rig.Drive(rig.A, core => isTaken = core.Exchange(
            "", SyncKey.First, SyncKey.End, [IdOf(ours)], [IdOf(theirs)], rig.A.Outbox));
        rig.Run();

        Assert.True(isTaken);
        Assert.NotNull(rig.B.Store.Find("s", "ours"));
        Assert.NotNull(rig.A.Store.Find("s", "theirs"));
    }

    [Fact]
    public void What_the_peer_does_not_want_is_not_sent_and_a_busy_session_says_so()
    {
        var rig = new SyncRig(new SyncOptions { PushesMax = 16, WindowBytes = 64 << 10 });
        FieldWrite ours = SyncRig.Field("private", "f", 1, 1);
        rig.Connect(bWants: ["room/"]);
        rig.Run();
        rig.A.Store.Merge(ours, origin: 0);

        bool isTaken = true;
        rig.Drive(rig.A, core =>
        {
            for (int i = 0; i < 20; i++)
            {
                isTaken = core.Exchange("", SyncKey.First, SyncKey.End, [IdOf(ours)], [], rig.A.Outbox);
            }
        });
        Assert.False(isTaken); // Half of the places are for what the peer asks for.
        rig.Run();

        Assert.Null(rig.B.Store.Find("private", "f"));
        Assert.False(rig.A.Core!.IsClosed);
    }

    private static UInt128 IdOf(in FieldWrite write) =>
        FieldHash.Of(PlatformCrypto.Create(), write.Soul, write.Field, write.State, write.Value).Id;
}
