using System.Buffers;
using System.Text;
using Weft.Primitives;
using Weft.Protocols.Kad;
using Weft.Protocols.Kad.Records;

namespace Weft.Tests.Protocols.Kad;

public sealed class RecordConversionTests
{
    [Fact]
    public void An_object_becomes_a_record_and_comes_back_and_others_do_not()
    {
        PeerId publisher = PeerId.FromEd25519(new byte[32]);
        KadRecord record = new Profile("ada", 36).ToRecord(publisher);

        Assert.Equal("/profile/ada", Encoding.UTF8.GetString(record.Key.Span));
        Assert.Equal(publisher, record.Publisher);
        Assert.True(record.FromRecord(out Profile? read));
        Assert.Equal(new Profile("ada", 36), read);
        Assert.False(KadRecord.Make("/other/ada"u8, record.Value.Span).FromRecord(out Profile? _));
        Assert.False(KadRecord.Make(record.Key.Span, "four bytes and more"u8).FromRecord(out Profile? _));
        Assert.False(default(KadRecord).FromRecord(out Profile? _));
    }

    private sealed record Profile(string Name, int Age) : IRecordSchema<Profile>
    {
        public static string Prefix => "/profile/";

        public ReadOnlyMemory<byte> RecordKey => Encoding.UTF8.GetBytes(Name);

        public void WriteValue(IBufferWriter<byte> target) => target.Write(BitConverter.GetBytes(Age));

        public static bool TryReadValue(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, out Profile? read)
        {
            read = value.Length == 4 ? new(Encoding.UTF8.GetString(key), BitConverter.ToInt32(value)) : null;
            return read is not null;
        }
    }
}
