using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Weft.Graph;
using Weft.Primitives;

namespace Weft.Protocols.Gun;

/// <summary>
/// Reads GUN frames. One per connection, because it caches the field names it meets; one caller at a time.
/// </summary>
/// <remarks>
/// Never throws, whatever the bytes. A frame that is not JSON gives an error for the whole frame; a message that breaks
/// a
/// rule comes out with a refusal. Duplicate keys: the last wins, as in JavaScript. Source: docs/spec/gun.md, sections
/// 1-3.
/// </remarks>
public sealed partial class GunCodec
{
    private const int ErrorLengthMax = 1_024;

    private readonly GunLimits _limits;
    private readonly JsonReaderOptions _options;
    private readonly NameCache _names = new();

    /// <summary>Makes a reader.</summary>
    public GunCodec(GunLimits limits)
    {
        _limits = limits;
        _options = new JsonReaderOptions { MaxDepth = limits.DepthMax, CommentHandling = JsonCommentHandling.Disallow };
    }

    /// <summary>Reads one frame and appends its messages.</summary>
    /// <param name="frame">UTF-8; may be changed after the call.</param>
    /// <param name="messages">Gets the messages; left as it was when the frame cannot be read.</param>
    /// <returns>
    /// None, also for frames that mean nothing (heartbeats, bare values); RequestMalformed when it is not UTF-8 JSON or
    /// too
    /// deep; TooLarge or TooComplex when a limit is passed.
    /// </returns>
    public WeftError Read(ReadOnlySpan<byte> frame, List<GunMessage> messages)
    {
        if (frame.Length > _limits.FrameBytesMax)
        {
            return WeftError.TooLarge;
        }

        int before = messages.Count;
        WeftError error = Utf8.IsValid(frame) ? ReadValid(frame, messages, nested: false) : WeftError.RequestMalformed;
        if (error != WeftError.None)
        {
            messages.RemoveRange(before, messages.Count - before);
        }

        return error;
    }

    private WeftError ReadValid(ReadOnlySpan<byte> frame, List<GunMessage> messages, bool nested)
    {
        ReadOnlySpan<byte> rest = frame.TrimStart(" \t\r\n"u8);
        if (rest.IsEmpty || rest[0] is not ((byte)'{' or (byte)'['))
        {
            return WeftError.None; // GUN ignores such frames, and so do we.
        }

        try
        {
            var reader = new Utf8JsonReader(frame, _options);
            reader.Read();
            if (reader.TokenType == JsonTokenType.StartObject)
            {
                messages.Add(ReadMessage(ref reader));
            }
            else if (ReadArray(ref reader, messages, nested) is var error and not WeftError.None)
            {
                return error;
            }

            while (reader.Read())
            {
                // Only white space may follow; anything else makes the reader throw.
            }

            return WeftError.None;
        }
        catch (JsonException)
        {
            return WeftError.RequestMalformed;
        }
    }

    private WeftError ReadArray(ref Utf8JsonReader reader, List<GunMessage> messages, bool nested)
    {
        int items = 0;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (++items > _limits.MessagesPerFrameMax)
            {
                return WeftError.TooComplex;
            }

            if (reader.TokenType == JsonTokenType.StartObject)
            {
                messages.Add(ReadMessage(ref reader));
            }
            else if (reader.TokenType == JsonTokenType.String && !nested)
            {
                // GUN also hears a message that was turned into text before it was put into the array. A broken one is
                // ignored, without harm to its neighbours.
                int before = messages.Count;
                byte[] text = Encoding.UTF8.GetBytes(TextOf(ref reader));
                if (ReadValid(text, messages, nested: true) != WeftError.None)
                {
                    messages.RemoveRange(before, messages.Count - before);
                }
            }
            else
            {
                reader.Skip();
            }
        }

        return WeftError.None;
    }

    private GunMessage ReadMessage(ref Utf8JsonReader reader)
    {
        var message = new GunMessage();
        long start = reader.TokenStartIndex;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            ReadOnlySpan<byte> name = NameOf(ref reader);
            if (name.Length == 1)
            {
                ReadShort(ref reader, message, name[0]);
            }
            else if (name.SequenceEqual("put"u8))
            {
                reader.Read();
                ReadGraph(ref reader, message);
            }
            else if (name.SequenceEqual("get"u8))
            {
                reader.Read();
                ReadGet(ref reader, message);
            }
            else
            {
                ReadRare(ref reader, message);
            }
        }

        message.Bytes = (int)(reader.BytesConsumed - start);
        return message;
    }

    private void ReadShort(ref Utf8JsonReader reader, GunMessage message, byte name)
    {
        reader.Read();
        switch (name)
        {
            case (byte)'#':
                message.Id = IdOf(ref reader) ?? "";
                break;
            case (byte)'@':
                message.ReplyTo = IdOf(ref reader);
                break;
            case (byte)'%':
                message.More = IsTruthy(ref reader);
                reader.Skip();
                break;
            default:
                reader.Skip();
                break;
        }
    }

    private void ReadRare(ref Utf8JsonReader reader, GunMessage message)
    {
        ReadOnlySpan<byte> name = NameOf(ref reader);
        bool isDam = name.SequenceEqual("dam"u8);
        bool isPid = name.SequenceEqual("pid"u8);
        bool isError = name.SequenceEqual("err"u8);
        bool isWeft = name.SequenceEqual("weft"u8);
        bool isProof = name.SequenceEqual("proof"u8);
        reader.Read();
        if (isDam && reader.TokenType == JsonTokenType.String)
        {
            message.Verb = TextOf(ref reader) switch
            {
                "hi" => GunVerb.Hi,
                "?" => GunVerb.Hello,
                "!" => GunVerb.Error,
                "weft" => GunVerb.Proof,
                _ => GunVerb.Other,
            };
        }
        else if (isDam && reader.TokenType != JsonTokenType.Null)
        {
            message.Verb = GunVerb.Other;
            reader.Skip();
        }
        else if (isPid)
        {
            message.Pid = IdOf(ref reader);
        }
        else if (isProof)
        {
            message.Proof = IdOf(ref reader);
        }
        else if (isError && reader.TokenType == JsonTokenType.String)
        {
            string text = TextOf(ref reader);
            message.ErrorText = text.Length > ErrorLengthMax ? text[..ErrorLengthMax] : text;
        }
        else if (isWeft && reader.TokenType == JsonTokenType.StartObject)
        {
            message.Identity = ReadIdentity(ref reader);
        }
        else
        {
            reader.Skip();
        }
    }

    private GunIdentity? ReadIdentity(ref Utf8JsonReader reader)
    {
        string? store = null;
        string? key = null;
        string? nonce = null;
        bool isRelay = false;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = NameOf(ref reader) is { Length: <= 5 } known ? Encoding.UTF8.GetString(known) : "";
            reader.Read();
            switch (name)
            {
                case "store":
                    store = IdOf(ref reader);
                    break;
                case "key":
                    key = IdOf(ref reader);
                    break;
                case "nonce":
                    nonce = IdOf(ref reader);
                    break;
                case "relay":
                    isRelay = reader.TokenType == JsonTokenType.True;
                    reader.Skip();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return store is null ? null : new GunIdentity(store, isRelay, key, nonce);
    }

    /// <summary>A text that names a message or a process; anything unfit counts as absent.</summary>
    private string? IdOf(ref Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.String && reader.ValueSpan.Length <= _limits.IdLengthMax)
        {
            string id = TextOf(ref reader);
            return FieldRules.CheckSoul(id) == WeftError.None ? id : null;
        }

        reader.Skip();
        return null;
    }

    private static bool IsTruthy(ref Utf8JsonReader reader) => reader.TokenType switch
    {
        JsonTokenType.False or JsonTokenType.Null => false,
        JsonTokenType.String => reader.ValueSpan.Length > 0,
        JsonTokenType.Number => !(reader.TryGetDouble(out double number) && number == 0),
        _ => true,
    };

    private static string TextOf(ref Utf8JsonReader reader) => reader.ValueIsEscaped
        ? JsonText.Unescape(reader.ValueSpan)
        : Encoding.UTF8.GetString(reader.ValueSpan);

    private static ReadOnlySpan<byte> NameOf(ref Utf8JsonReader reader) => reader.ValueIsEscaped
        ? Encoding.UTF8.GetBytes(JsonText.Unescape(reader.ValueSpan))
        : reader.ValueSpan;

    private static void Refuse(GunMessage message, WeftError error, string text)
    {
        if (message.Refusal == WeftError.None)
        {
            message.Refusal = error; // The first thing wrong is the one to tell.
            message.RefusalText = text;
        }
    }
}
