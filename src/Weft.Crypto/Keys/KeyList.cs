using System.Buffers;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json;
using Weft.Crypto.Sea;

namespace Weft.Crypto.Keys;

/// <summary>
/// The inside of a key file: [{"name","kind":"ed25519","public","seed"} or {"name","kind":"sea","pair":{…}}].
/// </summary>
internal static class KeyList
{
    private const int SeedTextLength = 43;

    internal static void Write(KeyFile keys, IBufferWriter<byte> target)
    {
        using var writer = new Utf8JsonWriter(target);
        writer.WriteStartArray();
        foreach (string name in keys.Names)
        {
            writer.WriteStartObject();
            writer.WriteString("name"u8, name);
            if (keys.FindEd25519(name) is { } key)
            {
                writer.WriteString("kind"u8, "ed25519"u8);
                writer.WriteString("public"u8, key.PublicKey.ToString());
                WriteSeed(writer, key);
            }
            else if (keys.FindSea(name) is { } pair)
            {
                writer.WriteString("kind"u8, "sea"u8);
                writer.WritePropertyName("pair"u8);
                using var secrets = new SecretBuffer();
                pair.WriteSecrets(secrets);
                writer.WriteRawValue(secrets.Written);
            }

            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    internal static KeyFileRead Read(ICrypto crypto, ReadOnlySpan<byte> json)
    {
        var keys = new KeyFile();
        string problem = Fill(crypto, json, keys);
        if (problem.Length == 0)
        {
            return new(KeyFileStatus.Ok, keys, "");
        }

        keys.Dispose();
        return KeyFileRead.Damaged(problem);
    }

    private static string Fill(ICrypto crypto, ReadOnlySpan<byte> json, KeyFile keys)
    {
        try
        {
            var reader = new Utf8JsonReader(json);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartArray)
            {
                return "its keys are no list";
            }

            while (reader.Read() && reader.TokenType == JsonTokenType.StartObject)
            {
                string problem = ReadKey(ref reader, json, crypto, keys);
                if (problem.Length > 0)
                {
                    return problem;
                }
            }

            return reader.TokenType == JsonTokenType.EndArray && !reader.Read() ? "" : "its list of keys is broken";
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            return "its list of keys is broken"; // What the exception says may quote secrets.
        }
    }

    private static string ReadKey(ref Utf8JsonReader reader, ReadOnlySpan<byte> json, ICrypto crypto, KeyFile keys)
    {
        string? name = null;
        string? kind = null;
        string? said = null;
        ReadOnlySpan<byte> seed = default;
        Range pair = default;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string member = reader.GetString()!;
            reader.Read();
            int start = (int)reader.TokenStartIndex;
            switch (member, reader.TokenType)
            {
                case ("name", JsonTokenType.String):
                    name = reader.GetString();
                    break;
                case ("kind", JsonTokenType.String):
                    kind = reader.GetString();
                    break;
                case ("public", JsonTokenType.String):
                    said = reader.GetString();
                    break;
                case ("seed", JsonTokenType.String):
                    seed = reader.ValueSpan;
                    break;
                case ("pair", JsonTokenType.StartObject):
                    reader.Skip();
                    pair = start..(int)reader.BytesConsumed;
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        if (!KeyFile.IsName(name) || keys.Has(name!) || keys.Names.Count == KeyFile.KeysMax)
        {
            return "a key has no name, or one that another key has";
        }

        return kind switch
        {
            "ed25519" => AddEd25519(crypto, keys, name!, said, seed),
            "sea" => AddSea(crypto, keys, name!, json[pair]),
            _ => $"the key \"{name}\" is of a kind that this Weft does not know",
        };
    }

    private static string AddEd25519(ICrypto crypto, KeyFile keys, string name, string? said, ReadOnlySpan<byte> text)
    {
        if (text.Length != SeedTextLength)
        {
            return $"the key \"{name}\" has {text.Length * 3 / 4} bytes, " +
                $"an Ed25519 seed has {Ed25519KeyPair.SeedLength}";
        }

        Span<byte> seed = stackalloc byte[Ed25519KeyPair.SeedLength];
        if (!Base64UrlText.TryDecode(text, seed))
        {
            return $"the seed of the key \"{name}\" is no base64url";
        }

        var key = new Ed25519KeyPair(crypto, seed);
        CryptographicOperations.ZeroMemory(seed);
        if (key.PublicKey.ToString() != said)
        {
            key.Dispose();
            return $"the seed of the key \"{name}\" does not belong to its public key";
        }

        keys.Add(name, key);
        return "";
    }

    private static string AddSea(ICrypto crypto, KeyFile keys, string name, ReadOnlySpan<byte> json)
    {
        if (SeaPair.TryParse(crypto, json) is not { } pair)
        {
            return $"the SEA pair \"{name}\" lacks a part, or its parts do not belong together";
        }

        keys.Add(name, pair);
        return "";
    }

    private static void WriteSeed(Utf8JsonWriter writer, Ed25519KeyPair key)
    {
        Span<byte> seed = stackalloc byte[Ed25519KeyPair.SeedLength];
        Span<byte> text = stackalloc byte[SeedTextLength];
        key.CopySeedTo(seed);
        Base64Url.EncodeToUtf8(seed, text);
        writer.WriteString("seed"u8, text);
        CryptographicOperations.ZeroMemory(seed);
        CryptographicOperations.ZeroMemory(text);
    }
}
