using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using Weft.Primitives;
using Weft.Server.Api;
using Weft.Server.Http;

namespace Weft.Server.Access;

/// <summary>
/// The file of further tokens, readable by its owner only. It holds digests: who reads it can use none of them.
/// </summary>
internal static class TokenFile
{
    /// <summary>Its name in the data folder.</summary>
    internal const string Name = "tokens.json";

    private const int BytesMax = 64 << 20;

    /// <summary>Reads it; an absent file holds none.</summary>
    /// <exception cref="WeftException">FileDamaged or FolderUnusable.</exception>
    internal static IReadOnlyList<TokenRecord> Read(string path)
    {
        try
        {
            if (!File.Exists(path))
            {
                return [];
            }

            OwnerFile.Restrict(path);
            if (new FileInfo(path).Length > BytesMax)
            {
                throw Damaged(path, "it is larger than any such file", null);
            }

            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
            return [.. document.RootElement.GetProperty("tokens").EnumerateArray().Select(ReadRecord)];
        }
        catch (Exception broken) when (broken is JsonException or FormatException or InvalidOperationException
            or KeyNotFoundException)
        {
            throw Damaged(path, broken.Message, broken);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new WeftException(
                WeftError.FolderUnusable, $"The file of tokens {path} cannot be read: {failure.Message}", failure);
        }
    }

    /// <summary>Replaces it.</summary>
    /// <exception cref="WeftException">DiskFailed; the old file is as it was.</exception>
    internal static void Write(string path, IEnumerable<TokenRecord> tokens)
    {
        var bytes = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(bytes, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteNumber("weft", 1);
            json.WriteStartArray("tokens");
            foreach (TokenRecord token in tokens)
            {
                json.WriteStartObject();
                TokensApi.WriteMembers(json, token);
                json.WriteString("sha256", Base64Url.EncodeToString(token.Digest));
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        try
        {
            OwnerFile.Replace(path, bytes.WrittenSpan);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new WeftException(
                WeftError.DiskFailed, $"The file of tokens {path} cannot be written: {failure.Message}", failure);
        }
    }

    private static TokenRecord ReadRecord(JsonElement token)
    {
        Scopes scopes = Scopes.None;
        foreach (JsonElement scope in token.GetProperty("scopes").EnumerateArray())
        {
            Scopes known = ScopeNames.Find(scope.GetString());
            scopes |= known != Scopes.None ? known : throw new FormatException("a scope is unknown");
        }

        byte[] digest = Base64Url.DecodeFromChars(token.GetProperty("sha256").GetString());
        return digest.Length == SHA256.HashSizeInBytes
            ? new TokenRecord(
                Text(token, "id"), Text(token, "name"), scopes,
                token.TryGetProperty("prefix", out JsonElement prefix) ? prefix.GetString() ?? "" : "",
                Time(Text(token, "createdAt")),
                token.TryGetProperty("expiresAt", out JsonElement at) && at.GetString() is { } expires
                    ? Time(expires) : null,
                digest)
            : throw new FormatException("a digest is too short");
    }

    private static string Text(JsonElement token, string name) =>
        token.GetProperty(name).GetString() ?? throw new FormatException($"\"{name}\" is null");

    private static DateTimeOffset Time(string text) =>
        DateTimeOffset.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind);

    private static WeftException Damaged(string path, string why, Exception? inner) => new(
        WeftError.FileDamaged,
        $"The file of tokens {path} cannot be read: {why}. Put your copy back, or move the file away: then no token "
        + "but the first is known any more.",
        inner);
}
