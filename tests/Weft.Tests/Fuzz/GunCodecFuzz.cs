using System.Buffers;
using System.Text;
using Weft.Fuzz;
using Weft.Graph;
using Weft.Primitives;
using Weft.Protocols.Gun;

namespace Weft.Tests.Fuzz;

/// <summary>
/// GUN frames: whatever is taken obeys the rules of fields, and reads the same after being written again.
/// </summary>
internal sealed class GunCodecFuzz : FuzzTarget
{
    private readonly GunCodec _codec = new(new GunLimits { FrameBytesMax = 1 << 20 });
    private readonly List<GunMessage> _messages = [];

    public override string Name => "gun-json";

    public override IEnumerable<byte[]> Seeds => new[]
    {
        """{"#":"a","put":{"s":{"_":{"#":"s",">":{"x":1795161179801.001,"y":2}},"x":"v","y":{"#":"t"}}},"ok":1}""",
        """[{"#":"a","get":{"#":"s",".":{"*":"p",">":"a","<":"z"},"%":500,"-":1}},{"dam":"hi"},"{\"#\":\"n\"}"]""",
        """{"@":"a","#":"b","err":"no","%":1,"##":-7,"put":null}""", "[]",
        """{"dam":"?","pid":"x","weft":{"store":"0011","relay":true},"#":"1"}""",
    }.Select(Encoding.UTF8.GetBytes);

    public override IReadOnlyList<byte[]> Words => new[]
    {
        "\"_\":", "\"#\":", "\">\":{", "\"put\":{", "\"get\":{", "\".\":", "\"*\":", "\\ud800", "\\u0000",
        "1e999", "-0", "null",
        "[[[[", "__proto__", "{\"#\":\"", "\"@\":", "\"dam\":", "\"=\":", "}}",
    }.Select(Encoding.UTF8.GetBytes).ToArray();

    public override long AllocationBase => 256 * 1_024;

    public override int AllocationFactor => 512; // The checks below write everything out and read it again.

    public override ulong Run(ReadOnlyMemory<byte> input)
    {
        _messages.Clear();
        WeftError error = _codec.Read(input.Span, _messages);
        if (error != WeftError.None)
        {
            FuzzFailure.Unless(_messages.Count == 0, "a frame that is refused leaves nothing behind");
            return (ulong)error;
        }

        ulong kind = (ulong)Math.Min(_messages.Count, 4);
        foreach (GunMessage message in _messages.ToArray())
        {
            kind = (kind * 31) + ((ulong)message.Refusal * 16) + ((ulong)message.Verb * 2);
            kind += message.Get is null ? 0u : 1u;
            FuzzFailure.Unless(
                message.Refusal == WeftError.None || message.Writes is null, "a refused put brings nothing");
            kind += CheckWrites(message.Writes ?? []);
        }

        return kind;
    }

    private static ulong CheckWrites(FieldWrite[] writes)
    {
        foreach (FieldWrite write in writes)
        {
            FuzzFailure.Unless(FieldRules.Check(write) == WeftError.None, "what is taken obeys the rules");
        }

        foreach (IGrouping<string, FieldWrite> node in writes.GroupBy(write => write.Soul))
        {
            var writer = new ArrayBufferWriter<byte>();
            GunWriter.Write(writer, new()
            {
                Kind = GunOutputKind.SendReply, Id = "i", ReplyTo = "r", Soul = node.Key,
                Fields = [.. node.Select(write => new StoredField(write.Field, write.Value, write.State, 1))],
            }, "pid", new GunIdentity("store", true));
            var again = new List<GunMessage>();
            WeftError error = new GunCodec(new GunLimits()).Read(writer.WrittenSpan, again);
            FuzzFailure.Unless(error == WeftError.None && again is [{ Writes: { } read }] && read.SequenceEqual(node),
                "what is written reads the same");
        }

        return (ulong)Math.Min(writes.Length, 8) * 1_000;
    }
}
