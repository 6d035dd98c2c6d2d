using System.Security.Cryptography;
using System.Text;
using Weft.Primitives;

namespace Weft.Server.Http;

/// <summary>The token of the API. It never prints itself.</summary>
internal sealed class ApiToken
{
    private const int RandomBytes = 32;
    private const int LengthMin = 1;
    private const int LengthMax = 512;

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
        return file is null ? new(NewToken(), null) : FromFile(Path.GetFullPath(file));
    }

    /// <summary>Compares in a time that does not depend on where the two differ.</summary>
    public bool Matches(ReadOnlySpan<char> offered)
    {
        if (offered.Length is 0 or > LengthMax)
        {
            return false;
        }

        // Digests have one length, so that not even the length of the token shows in the time.
        Span<byte> bytes = stackalloc byte[LengthMax * 3];
        int length = Encoding.UTF8.GetBytes(offered, bytes);
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(bytes[..length], digest);
        return CryptographicOperations.FixedTimeEquals(digest, _digest);
    }

    /// <summary>Not the token.</summary>
    public override string ToString() => "(token)";

    private static ApiToken FromFile(string file)
    {
        try
        {
            if (System.IO.File.Exists(file))
            {
                if (!OperatingSystem.IsWindows())
                {
                    System.IO.File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
                }

                return new(Checked(ReadFile(file), file), file);
            }

            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            string token = NewToken();
            var creation = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
            if (!OperatingSystem.IsWindows())
            {
                creation.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            }

            string fresh = file + ".new"; // A crash must not leave an empty token behind.
            System.IO.File.Delete(fresh);
            using (var stream = new FileStream(fresh, creation))
            {
                stream.Write(Encoding.ASCII.GetBytes(token + "\n"));
                stream.Flush(flushToDisk: true);
            }

            System.IO.File.Move(fresh, file);
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

    private static string NewToken() =>
        Convert.ToBase64String(
            RandomNumberGenerator.GetBytes(RandomBytes)).TrimEnd('=').Replace('+', '-').Replace('/', '_');

    private static string Checked(string token, string where) =>
        token.Length is >= LengthMin and <= LengthMax && token.All(unit => unit is > ' ' and < '\x7f')
            ? token
            : throw new WeftException(
                WeftError.Usage,
                $"The token from {where} is not usable; allowed: {LengthMin} to {LengthMax} visible ASCII characters.");

    private static string? NonEmpty(string? text) => string.IsNullOrWhiteSpace(text) ? null : text.Trim();
}
