using System.Buffers;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Weft.Primitives;

namespace Weft.Storage.Sealing;

/// <summary>
/// What opens an encrypted store: a passphrase, or a key of 32 bytes. Cleared when disposed; never printed.
/// </summary>
public sealed class StoreSecret : IDisposable
{
    /// <summary>Bytes of a key.</summary>
    public const int KeyBytes = 32;

    /// <summary>The longest passphrase, in UTF-8 bytes.</summary>
    public const int PassphraseBytesMax = PassphraseFile.BytesMax;

    private readonly byte[] _bytes;

    private StoreSecret(byte[] bytes, bool isPassphrase)
    {
        _bytes = bytes;
        IsPassphrase = isPassphrase;
    }

    /// <summary>True for a passphrase, from which a key is derived slowly; false for a key.</summary>
    public bool IsPassphrase { get; }

    internal ReadOnlySpan<byte> Bytes => _bytes;

    /// <summary>Takes a passphrase; the caller clears its own copy.</summary>
    /// <param name="passphrase">1 to 1,024 bytes as UTF-8, used as they are.</param>
    /// <exception cref="WeftException">StoreKeyUnusable: empty or too long.</exception>
    public static StoreSecret FromPassphrase(ReadOnlySpan<char> passphrase)
    {
        byte[] bytes = Fixed(Encoding.UTF8.GetByteCount(passphrase));
        Encoding.UTF8.GetBytes(passphrase, bytes);
        if (bytes.Length is 0 or > PassphraseBytesMax)
        {
            CryptographicOperations.ZeroMemory(bytes);
            throw new WeftException(
                WeftError.StoreKeyUnusable,
                $"The passphrase has {bytes.Length} bytes; allowed are 1 to {PassphraseBytesMax}.");
        }

        return new StoreSecret(bytes, isPassphrase: true);
    }

    /// <summary>Takes a key; the caller clears its own copy.</summary>
    /// <param name="key">32 random bytes.</param>
    /// <exception cref="WeftException">StoreKeyUnusable: another length.</exception>
    public static StoreSecret FromKey(ReadOnlySpan<byte> key)
    {
        if (key.Length != KeyBytes)
        {
            throw new WeftException(WeftError.StoreKeyUnusable, $"A key has {KeyBytes} bytes, not {key.Length}.");
        }

        byte[] bytes = Fixed(KeyBytes);
        key.CopyTo(bytes);
        return new StoreSecret(bytes, isPassphrase: false);
    }

    /// <summary>Reads a passphrase: the first line of a file, without the end of the line.</summary>
    /// <param name="path">The file; others than its owner should not be able to read it.</param>
    /// <exception cref="WeftException">StoreKeyUnusable: missing, unreadable, empty or too long.</exception>
    public static StoreSecret ReadPassphraseFile(string path) =>
        new(PassphraseFile.Read(path, WeftError.StoreKeyUnusable), isPassphrase: true);

    /// <summary>Reads a key file: 32 raw bytes, or their base64 in one line.</summary>
    /// <param name="path">The file; others than its owner should not be able to read it.</param>
    /// <exception cref="WeftException">StoreKeyUnusable: missing, unreadable, of another length.</exception>
    public static StoreSecret ReadKeyFile(string path)
    {
        byte[] content = ReadFile(path);
        byte[] key = Fixed(KeyBytes + 4);
        try
        {
            if (content.Length == KeyBytes)
            {
                return FromKey(content);
            }

            ReadOnlySpan<byte> text = content.AsSpan().TrimEnd("\r\n \t"u8);
            if (text.Length is 43 or 44
                && Base64Url.DecodeFromUtf8(Plain(text), key, out _, out int written) == OperationStatus.Done
                && written == KeyBytes)
            {
                return FromKey(key.AsSpan(0, KeyBytes));
            }

            throw new WeftException(
                WeftError.StoreKeyUnusable, $"The key file '{path}' holds neither 32 bytes nor 32 bytes as base64.");
        }
        finally
        {
            CryptographicOperations.ZeroMemory(content);
            CryptographicOperations.ZeroMemory(key);
        }
    }

    /// <summary>What seals the key files beside the store: the passphrase, or the 32 bytes of the key.</summary>
    /// <returns>1 to 1,024 bytes; the caller clears them.</returns>
    public byte[] ToPassphrase()
    {
        byte[] passphrase = Fixed(_bytes.Length);
        _bytes.CopyTo(passphrase, 0);
        return passphrase;
    }

    /// <summary>Says what it is, never what it holds.</summary>
    public override string ToString() => IsPassphrase ? "passphrase (hidden)" : "key (hidden)";

    /// <summary>Clears the bytes.</summary>
    public void Dispose() => CryptographicOperations.ZeroMemory(_bytes);

    // Pinned, so that the garbage collector leaves no copies behind when it moves things.
    private static byte[] Fixed(int length) => GC.AllocateArray<byte>(length, pinned: true);

    // Both alphabets of base64 are taken; the padding is dropped.
    private static byte[] Plain(ReadOnlySpan<byte> text)
    {
        byte[] plain = text.TrimEnd((byte)'=').ToArray();
        plain.AsSpan().Replace((byte)'+', (byte)'-');
        plain.AsSpan().Replace((byte)'/', (byte)'_');
        return plain;
    }

    private static byte[] ReadFile(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        try
        {
            using var file = File.OpenHandle(path);
            byte[] content = Fixed(PassphraseBytesMax + 2);
            int read = 0;
            while (read < content.Length && RandomAccess.Read(file, content.AsSpan(read), read) is int more and > 0)
            {
                read += more;
            }

            byte[] exact = Fixed(read);
            content.AsSpan(0, read).CopyTo(exact);
            CryptographicOperations.ZeroMemory(content);
            return exact;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new WeftException(
                WeftError.StoreKeyUnusable, $"The key file '{path}' cannot be read: {failure.Message}", failure);
        }
    }
}
