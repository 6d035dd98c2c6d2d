using System.Text.Json;

namespace Weft.Crypto.Keys;

/// <summary>
/// The outside of a key file: which kind it is and where its parts lie; nothing is opened or checked yet.
/// </summary>
internal readonly struct KeyFileShape
{
    private KeyFileShape(KeyFileStatus status, string problem)
    {
        Status = status;
        Problem = problem;
    }

    internal KeyFileStatus Status { get; }

    internal string Problem { get; } = "";

    internal bool IsSealed { get; private init; }

    internal Range Keys { get; private init; }

    internal int Rounds { get; private init; }

    internal byte[] Salt { get; private init; } = [];

    internal byte[] Nonce { get; private init; } = [];

    internal byte[] Data { get; private init; } = [];

    internal string Sum { get; private init; } = "";

    internal static KeyFileShape Read(ReadOnlySpan<byte> file)
    {
        try
        {
            var reader = new Utf8JsonReader(file);
            return reader.Read() && reader.TokenType == JsonTokenType.StartObject
                ? ReadMembers(ref reader)
                : new(KeyFileStatus.NotAKeyFile, "it is no JSON object");
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // What the exception says may quote the file, and the file is full of secrets.
            return file.IndexOf("\"weft\""u8) >= 0 && file.IndexOf("\"keys\""u8) >= 0
                ? new(KeyFileStatus.Damaged, "its JSON is broken")
                : new(KeyFileStatus.NotAKeyFile, "it is not JSON");
        }
    }

    private static KeyFileShape ReadMembers(ref Utf8JsonReader reader)
    {
        bool isOurs = false;
        double version = 0;
        var shape = new KeyFileShape(KeyFileStatus.Ok, "");
        bool hasKeys = false;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            reader.Read();
            int start = (int)reader.TokenStartIndex;
            switch (name, reader.TokenType)
            {
                case ("weft", JsonTokenType.String):
                    isOurs = reader.ValueTextEquals("keys"u8);
                    break;
                case ("version", JsonTokenType.Number):
                    version = reader.GetDouble();
                    break;
                case ("sum", JsonTokenType.String):
                    shape = shape with { Sum = reader.GetString()! };
                    break;
                case ("keys", JsonTokenType.StartArray):
                    reader.Skip();
                    hasKeys = true;
                    shape = shape with { Keys = start..(int)reader.BytesConsumed };
                    break;
                case ("sealed", JsonTokenType.StartObject):
                    shape = ReadSeal(ref reader, shape);
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        if (!isOurs)
        {
            return new(KeyFileStatus.NotAKeyFile, "it does not say that it is a key file of Weft");
        }

        if (version != KeyFileCodec.Version)
        {
            return version > KeyFileCodec.Version
                ? new(KeyFileStatus.TooNew, $"it has version {version}, this Weft reads {KeyFileCodec.Version}")
                : new(KeyFileStatus.Damaged, "it has no version");
        }

        _ = reader.Read(); // Throws when something follows the object.
        return hasKeys == shape.IsSealed
            ? new(KeyFileStatus.Damaged, "it needs keys or a seal, one of the two")
            : shape;
    }

    private static KeyFileShape ReadSeal(ref Utf8JsonReader reader, KeyFileShape shape)
    {
        shape = shape with { IsSealed = true };
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            reader.Read();
            switch (name, reader.TokenType)
            {
                case ("rounds", JsonTokenType.Number):
                    shape = shape with { Rounds = reader.TryGetInt32(out int rounds) ? rounds : 0 };
                    break;
                case ("salt", JsonTokenType.String):
                    shape = shape with { Salt = Bytes(reader.ValueSpan) };
                    break;
                case ("nonce", JsonTokenType.String):
                    shape = shape with { Nonce = Bytes(reader.ValueSpan) };
                    break;
                case ("data", JsonTokenType.String):
                    shape = shape with { Data = Bytes(reader.ValueSpan) };
                    break;
                case ("kdf", JsonTokenType.String) when !reader.ValueTextEquals("pbkdf2-hmac-sha256"u8):
                case ("cipher", JsonTokenType.String) when !reader.ValueTextEquals("chacha20-poly1305"u8):
                    shape = shape with { Rounds = 0 }; // Not a seal this version makes.
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return shape;
    }

    // Empty when it is no base64url; the sizes are judged later.
    private static byte[] Bytes(ReadOnlySpan<byte> text)
    {
        byte[] bytes = new byte[text.Length * 3 / 4];
        return Base64UrlText.TryDecode(text, bytes) ? bytes : [];
    }
}
