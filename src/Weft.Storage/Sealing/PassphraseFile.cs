using System.Security.Cryptography;
using Weft.Primitives;

namespace Weft.Storage.Sealing;

/// <summary>
/// Reads a passphrase, of a store or of a key, from a file: its first line, without the end of the line.
/// </summary>
public static class PassphraseFile
{
    /// <summary>Bytes of the longest passphrase.</summary>
    public const int BytesMax = 1_024;

    /// <summary>Reads it.</summary>
    /// <param name="path">The file; others than its owner should not be able to read it.</param>
    /// <param name="error">What a file that cannot be used is: KeySealed for that of a key.</param>
    /// <returns>1 to 1,024 bytes; the caller clears them.</returns>
    /// <exception cref="WeftException">The error named: it is missing, unreadable, empty or too long.</exception>
    public static byte[] Read(string path, WeftError error = WeftError.KeySealed)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        byte[] content = GC.AllocateArray<byte>(BytesMax + 2, pinned: true);
        try
        {
            int length;
            using (var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0))
            {
                length = file.ReadAtLeast(content, content.Length, throwOnEndOfStream: false);
            }

            ReadOnlySpan<byte> line = content.AsSpan(0, length);
            int end = line.IndexOfAny((byte)'\n', (byte)'\r');
            line = end < 0 ? line : line[..end];
            if (line.Length is 0 or > BytesMax)
            {
                throw new WeftException(
                    error, $"The first line of {path} is no passphrase; allowed: 1 to {BytesMax} bytes.");
            }

            byte[] passphrase = GC.AllocateArray<byte>(line.Length, pinned: true);
            line.CopyTo(passphrase);
            return passphrase;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new WeftException(
                error, $"The passphrase file {path} cannot be read: {failure.Message}", failure);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(content);
        }
    }
}
