using System.Security.Cryptography;
using System.Text;
using Weft.Primitives;
using Weft.Server.Access;

namespace Weft.Server.Http;

/// <summary>The token of the API. It never prints itself.</summary>
internal sealed class ApiToken
{
    private const int RandomBytes = 32;
    private const int LengthMin = 1;
    private const int LengthMax = TokenTable.TokenLengthMax;

    private readonly byte[] _digest;

    private ApiToken(string token, string? file)
    {
        _digest = SHA256.HashData(Encoding.UTF8.GetBytes(token));
        Value = token;
        File = file;
    }

    /// <summary>The file that holds it, or null when it came from elsewhere.</summary>
    public string? File { get; }

    /// <summary>The secret itself, for clients in this process.</summary>
    internal string Value { get; }

    /// <summary>Finds the token: option, WEFT_TOKEN, WEFT_TOKEN_FILE, then the file, made if missing.</summary>
    /// <exception cref="WeftException">
    /// Usage: the token is too short; FolderUnusable: the file cannot be used.
    /// </exception>
    public static ApiToken Find(ServerOptions options, Func<string, string?> environment)
    {
        if (NonEmpty(options.Token) is { } given)
        {
            return new(Checked(given, "Weft:Token"), null);
        }

        if (NonEmpty(environment("WEFT_TOKEN")) is { } variable)
        {
            return new(Checked(variable, "WEFT_TOKEN"), null);
        }

        if (NonEmpty(environment("WEFT_TOKEN_FILE")) is { } secretFile)
        {
            return new(Checked(ReadFile(secretFile), secretFile), secretFile);
        }

        string? file = options.TokenFile
            ?? (options.Peer.Store == WeftStoreKind.Engine ? Path.Combine(options.Peer.Path, "token") : null);
        return file is null ? new(New(), null) : FromFile(Path.GetFullPath(file));
    }

    /// <summary>
    /// Compares in a time that does not depend on where the two differ. Digests have one length, so that not even the
    /// length of the token shows in the time.
    /// </summary>
    /// <param name="digest">SHA-256 of the token that is offered.</param>
    public bool Matches(ReadOnlySpan<byte> digest) => CryptographicOperations.FixedTimeEquals(digest, _digest);

    /// <summary>A new token: 32 random bytes as text.</summary>
    public static string New() =>
        Convert.ToBase64String(
            RandomNumberGenerator.GetBytes(RandomBytes)).TrimEnd('=').Replace('+', '-').Replace('/', '_');

    /// <summary>Not the token.</summary>
    public override string ToString() => "(token)";

    private static ApiToken FromFile(string file)
    {
        try
        {
            if (System.IO.File.Exists(file))
            {
                OwnerFile.Restrict(file);
                return new(Checked(ReadFile(file), file), file);
            }

            string token = New();
            OwnerFile.Replace(file, Encoding.ASCII.GetBytes(token + "\n"));
            return new(token, file);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new WeftException(
                WeftError.FolderUnusable, $"The token file {file} cannot be used: {failure.Message}", failure);
        }
    }

    private static string ReadFile(string file)
    {
        try
        {
            using var reader = new StreamReader(file);
            char[] buffer = new char[(LengthMax * 2) + 2];
            int length = reader.ReadBlock(buffer);
            return new string(buffer, 0, length).Trim();
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new WeftException(
                WeftError.FolderUnusable, $"The token file {file} cannot be read: {failure.Message}", failure);
        }
    }

    private static string Checked(string token, string where) =>
        token.Length is >= LengthMin and <= LengthMax && token.All(unit => unit is > ' ' and < '\x7f')
            ? token
            : throw new WeftException(
                WeftError.Usage,
                $"The token from {where} is not usable; allowed: {LengthMin} to {LengthMax} visible ASCII characters.");

    private static string? NonEmpty(string? text) => string.IsNullOrWhiteSpace(text) ? null : text.Trim();
}
