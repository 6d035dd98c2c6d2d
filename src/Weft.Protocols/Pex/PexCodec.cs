using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using Weft.Protocols.Protobuf;

namespace Weft.Protocols.Pex;

/// <summary>One message of peer exchange.</summary>
/// <param name="IsQuestion">True for a question, false for its answer.</param>
/// <param name="Wanted">How many peers a question wants at most; 0 says nothing of it.</param>
/// <param name="Records">The signed records of an answer, one for each peer.</param>
public sealed record PexMessage(bool IsQuestion, int Wanted, IReadOnlyList<ReadOnlyMemory<byte>> Records);

/// <summary>
/// Reads and writes messages of <c>/weft/pex/1</c>: one question, one answer, each behind its length, a varint; then
/// the
/// stream ends.
/// </summary>
/// <remarks>
/// <code>
/// message Pex {
///   optional uint32 wanted = 1;   // in a question: 0 to 32
///   repeated bytes record = 2;    // in an answer: signed peer records
///   optional bool answer = 3;
/// }
/// </code>
/// Source: docs/spec/libp2p.md, "Peer exchange".
/// </remarks>
public static class PexCodec
{
    /// <summary>The protocol.</summary>
    public const string Protocol = "/weft/pex/1";

    /// <summary>Records of one answer.</summary>
    public const int RecordsMax = 32;

    /// <summary>Bytes of one record.</summary>
    public const int RecordBytesMax = 2_048;

    /// <summary>Bytes of the longest message, its length not counted.</summary>
    public const int MessageBytesMax = 32 * 1024;

    private const int WantedField = 1;
    private const int RecordField = 2;
    private const int AnswerField = 3;

    /// <summary>Writes a message, without its length; what is beyond a ceiling is left out.</summary>
    public static void Write(PexMessage message, IBufferWriter<byte> target)
    {
        ArgumentNullException.ThrowIfNull(message);
        var writer = new ProtobufWriter(target);
        if (message.IsQuestion)
        {
            writer.Number(WantedField, (ulong)Math.Clamp(message.Wanted, 0, RecordsMax));
            return;
        }

        int room = MessageBytesMax - 16;
        foreach (ReadOnlyMemory<byte> record in message.Records.Take(RecordsMax))
        {
            room -= record.Length + 4;
            if (record.Length <= RecordBytesMax && room >= 0)
            {
                writer.Bytes(RecordField, record.Span);
            }
        }

        writer.Number(AnswerField, 1);
    }

    /// <summary>Reads a message.</summary>
    /// <returns>False when it is malformed, too long, or holds more than the ceilings allow.</returns>
    public static bool TryRead(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out PexMessage? message)
    {
        message = null;
        ulong wanted = 0;
        bool isAnswer = false;
        var records = new List<ReadOnlyMemory<byte>>();
        var reader = new ProtobufReader(bytes);
        while (bytes.Length <= MessageBytesMax && reader.TryRead())
        {
            switch (reader.Field)
            {
                case WantedField when reader.Wire == ProtobufWire.Varint:
                    wanted = reader.Number;
                    break;
                case RecordField when records.Count == RecordsMax || reader.Bytes.Length > RecordBytesMax:
                    return false;
                case RecordField:
                    records.Add(reader.Bytes.ToArray());
                    break;
                case AnswerField:
                    isAnswer = reader.Number != 0;
                    break;
            }
        }

        if (!reader.IsWhole || (!isAnswer && records.Count > 0))
        {
            return false;
        }

        message = new(!isAnswer, (int)Math.Min(wanted, RecordsMax), records);
        return true;
    }
}
