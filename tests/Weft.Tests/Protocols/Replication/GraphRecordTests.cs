using System.Text;
using Weft.Graph;
using Weft.Protocols.Replication;
using Weft.Tests.Graph.Policy;

namespace Weft.Tests.Protocols.Replication;

public sealed class GraphRecordTests
{
    private const string Soul = "room/1";

    [Fact]
    public void A_record_is_read_back_under_its_own_key_alone()
    {
        byte[] value = ReplicationRig.Value(3, new(Soul, "a", 1, 10), new(Soul, "b", "text", 11));

        GraphRecord? read = Read(Soul, value);

        Assert.Equal((3, 1, 2, Soul), (read!.Copies, read.Depths, read.Fields.Count, read.Soul));
        Assert.Equal("text", read.Fields[1].Value.AsText());
        Assert.Null(Read("room/2", value));
        Assert.Null(GraphRecord.Read(PolicyRig.Crypto, PolicyRig.NetworkId, ReplicationRig.KeyOf(Soul), value));
        Assert.Null(GraphRecord.Read(
            PolicyRig.Crypto, ReplicationRig.Network, ReplicationRig.KeyOf(Soul, 1, 0), value));
    }

    [Fact]
    public void Every_other_form_is_no_record()
    {
        byte[] value = ReplicationRig.Value(3, new(Soul, "a", 1, 10), new(Soul, "b", "text", 11));

        Assert.Null(Read(Soul, ReplicationRig.Value(3, new(Soul, "b", 1, 10), new(Soul, "a", 1, 10))));
        Assert.Null(Read(Soul, ReplicationRig.Value(3, new(Soul, "a", 1, 10), new(Soul, "a", 1, 11))));
        Assert.Null(Read(Soul, ReplicationRig.Value(3, new(Soul, "a", 1, 10), new("room/2", "b", 1, 11))));
        Assert.Null(Read(Soul, ReplicationRig.Value(0, new(Soul, "a", 1, 10), new(Soul, "b", 1, 11))));
        Assert.Null(Read(Soul, ReplicationRig.Value(21, new(Soul, "a", 1, 10), new(Soul, "b", 1, 11))));
        for (int length = 0; length < value.Length; length++)
        {
            Assert.Null(Read(Soul, value[..length]));
        }

        for (int at = 0; at < value.Length; at++)
        {
            byte[] other = [.. value];
            other[at] ^= 0x80;
            if (Read(Soul, other) is { } read)
            {
                Assert.Equal(other, read.Write()); // Another state or value, perhaps, but one form of it.
            }
        }
    }

    [Theory]
    [InlineData("/weft/graph/")]
    [InlineData("/weft/graph/short")]
    [InlineData("/weft/graph/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.7.0")]
    [InlineData("/weft/graph/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.1.2")]
    [InlineData("/weft/graph/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.1.")]
    [InlineData("/weft/graph/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.1.-1")]
    public void A_key_that_is_none_holds_nothing(string key) => Assert.Null(GraphRecord.Read(
        PolicyRig.Crypto, ReplicationRig.Network, Encoding.UTF8.GetBytes(key),
        ReplicationRig.Value(3, new FieldWrite(Soul, "a", 1, 10))));

    [Fact]
    public void A_large_state_is_cut_into_pages_that_hold_all_of_it()
    {
        FieldWrite[] fields = [.. Enumerable.Range(0, 300).Select(i =>
            new FieldWrite(Soul, $"f{i:000}", new string('x', 500), 10 + i))];

        IReadOnlyList<KeyValuePair<byte[], byte[]>>? records = GraphRecord.Cut(
            PolicyRig.Crypto, ReplicationRig.Network, fields, 3);

        Assert.True(records!.Count > 4, $"{records.Count} records");
        Assert.All(records, record => Assert.True(record.Value.Length <= 48 << 10));
        GraphRecord[] read = [.. records.Select(record => GraphRecord.Read(
            PolicyRig.Crypto, ReplicationRig.Network, record.Key, record.Value)!)];
        Assert.Equal(fields.Select(field => field.Field).Order(),
            read[..^1].SelectMany(page => page.Fields).Select(field => field.Field).Order());
        Assert.Equal(ReplicationRig.KeyOf(Soul), records[^1].Key);
        Assert.True(read[^1].Depths > 1);
    }

    [Fact]
    public void What_is_too_large_for_all_pages_is_not_cut_at_all()
    {
        FieldWrite[] fields = [.. Enumerable.Range(0, 100).Select(i =>
            new FieldWrite(Soul, $"f{i:000}", new string('x', 35_000), 10 + i))];

        Assert.Null(GraphRecord.Cut(PolicyRig.Crypto, ReplicationRig.Network, fields, 3));
    }

    [Fact]
    public void Merging_takes_the_winner_of_every_field_in_any_order()
    {
        var rig = new ReplicationRig();
        GraphRecord[] states =
        [
            new(2, 1, [new(Soul, "a", 1, 10), new(Soul, "c", "old", 5)]),
            new(3, 1, [new(Soul, "a", 2, 9), new(Soul, "b", true, 7)]),
            new(2, 5, [new(Soul, "c", "new", 6), new(Soul, "d", 4, 1)]),
        ];

        byte[] one = states[0].Merge(rig.Book, states[1]).Merge(rig.Book, states[2]).Write();
        byte[] other = states[2].Merge(rig.Book, states[0].Merge(rig.Book, states[1])).Write();
        byte[] again = states[1].Merge(rig.Book, states[2].Merge(rig.Book, states[0])).Merge(rig.Book, states[1]).Write();

        Assert.Equal(one, other);
        Assert.Equal(one, again);
        GraphRecord merged = Read(Soul, one)!;
        Assert.Equal((3, 5, 4), (merged.Copies, merged.Depths, merged.Fields.Count));
        Assert.Equal(1, merged.Fields[0].Value.AsNumber());
        Assert.Equal("new", merged.Fields[2].Value.AsText());
    }

    private static GraphRecord? Read(string soul, byte[] value) => GraphRecord.Read(
        PolicyRig.Crypto, ReplicationRig.Network, ReplicationRig.KeyOf(soul), value);
}
