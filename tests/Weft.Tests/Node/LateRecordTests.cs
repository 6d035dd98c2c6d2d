using Weft.Crypto;
using Weft.Graph;
using Weft.Graph.Access;
using Weft.Node;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Tests.Node;

/// <summary>A record that arrives behind what it forbids, in a whole node.</summary>
public sealed class LateRecordTests
{
    private static readonly ICrypto Crypto = PlatformCrypto.Create();
    private static readonly WriteSource Link = new("gun q", 8, WriteDoor.Link);

    [Fact]
    public async Task What_lost_against_a_write_that_is_taken_back_stands_again()
    {
        using Ed25519KeyPair old = Pair(1);
        using Ed25519KeyPair next = Pair(2);
        string soul = $"${old.PublicKey}/a";
        var options = new NodeOptions { Lanes = 1 };
        await using WeftNode node = await WeftNode.StartAsync(options, new MemoryStore());
        await node.Graph.WriteAsync([Signed(old, soul, "displaced", "right", 1_000)], Link);
        await node.Graph.WriteAsync([Signed(old, soul, "displaced", "stolen", 3_000)], Link);
        await node.Graph.WriteAsync([Signed(old, soul, "late", "stolen", 3_000)], Link);
        await node.Graph.WriteAsync([Signed(old, soul, "late", "right", 1_500)], Link);

        WriteResult rotated = await node.Graph.WriteAsync(
            [Signed(old, $"weft:key/{old.PublicKey}", "next", $"{{\"key\":\"{next.PublicKey}\"}}", 2_000)], Link);
        while (node.IsRejudging)
        {
            await Task.Yield();
        }

        Assert.Equal(WeftError.None, rotated.Error);
        Assert.Equal("right", (await node.Graph.Get(soul).GetAsync("displaced")).Value.AsText());
        Assert.Equal("right", (await node.Graph.Get(soul).GetAsync("late")).Value.AsText());
        Assert.Equal(2, node.Metrics.Dropped);
    }

    private static Ed25519KeyPair Pair(byte number)
    {
        byte[] seed = new byte[32];
        seed[0] = number;
        return new Ed25519KeyPair(Crypto, seed);
    }

    private static FieldWrite Signed(Ed25519KeyPair author, string soul, string field, string value, double state)
    {
        FieldWrite[] delta = [new(soul, field, value, state)];
        var signer = new DeltaSigner(
            Crypto, new byte[32], author.PublicKey, (message, signature) => author.Sign(Crypto, message, signature));
        signer.Sign(delta, [0], (ulong)state);
        return delta[0];
    }
}
