using System.Text.Json;

namespace Weft.Load;

/// <summary>The parts of a received message that a load needs; spans into the frame.</summary>
internal ref struct GunMessage
{
    public ReadOnlySpan<byte> Id;
    public ReadOnlySpan<byte> ReplyTo;

    /// <summary>The JSON of "put", or empty.</summary>
    public ReadOnlySpan<byte> Put;

    public bool HasError;
    public bool HasMore;
    public bool IsPeerQuestion;

    /// <summary>Splits one frame into its messages; anything else than objects is passed over.</summary>
    public static void Read(ReadOnlySpan<byte> frame, GunMessageHandler handler)
    {
        var reader = new Utf8JsonReader(frame);
        while (reader.Read())
        {
            if (reader.TokenType == JsonTokenType.StartObject)
            {
                ReadOne(frame, ref reader, handler);
            }
            else if (reader.TokenType == JsonTokenType.String && reader.GetString() is ['{', ..] nested)
            {
                Read(System.Text.Encoding.UTF8.GetBytes(nested), handler); // GUN may put a message in as a string.
            }
        }
    }

    private static void ReadOne(ReadOnlySpan<byte> frame, ref Utf8JsonReader reader, GunMessageHandler handler)
    {
        GunMessage message = default;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            ReadOnlySpan<byte> name = reader.ValueSpan;
            reader.Read();
            if (name.SequenceEqual("@"u8) && reader.TokenType == JsonTokenType.String)
            {
                message.ReplyTo = reader.ValueSpan;
            }
            else if (name.SequenceEqual("#"u8) && reader.TokenType == JsonTokenType.String)
            {
                message.Id = reader.ValueSpan;
            }
            else if (name.SequenceEqual("err"u8))
            {
                message.HasError = reader.TokenType is not (JsonTokenType.Null or JsonTokenType.False);
            }
            else if (name.SequenceEqual("dam"u8) && reader.TokenType == JsonTokenType.String)
            {
                message.IsPeerQuestion = reader.ValueSpan.SequenceEqual("?"u8);
            }
            else if (name.SequenceEqual("%"u8))
            {
                message.HasMore = true;
            }

            int start = (int)reader.TokenStartIndex;
            reader.Skip();
            if (name.SequenceEqual("put"u8) && frame[start] == (byte)'{')
            {
                message.Put = frame[start..(int)reader.BytesConsumed];
            }
        }

        handler(in message);
    }
}

/// <summary>Takes one received message.</summary>
internal delegate void GunMessageHandler(in GunMessage message);
