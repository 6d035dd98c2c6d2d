using System.Buffers.Binary;
using System.Security.Cryptography;
using Weft.Crypto;
using Weft.Node.Commits;
using Weft.Primitives;
using Weft.Storage.Files;

namespace Weft.Storage.Sealing;

/// <summary>
/// The file <c>keys</c> of an encrypted store: its random data key, wrapped by the passphrase or the key file. Two
/// equal copies of <c>"WEFTKEYS" | version u32 | kind u32 | rounds u32 | 0 u32 | salt 32 | wrapped 48 | 0 … | crc
/// u32</c>.
/// </summary>
/// <remarks>
/// The wrapping key is PBKDF2-HMAC-SHA-256 of the passphrase (600,000 rounds) or HKDF of the key file, both with the
/// salt, which is new at each wrapping; so the nonce may be zero. A backup carries the same bytes at its end. Source:
/// docs/spec/storage.md, "Encryption at rest".
/// </remarks>
internal sealed class KeysFile
{
    public const string Name = "keys";
    public const int Bytes = 2 * CopyBytes;
    public const uint FormatVersion = 1;

    /// <summary>Rounds of PBKDF2 for a passphrase: a few tenths of a second of one core, once per start.</summary>
    public const int Rounds = 600_000;

    private const int RoundsMax = 100_000_000;
    private const int CopyBytes = 128;
    private const int BoundBytes = 56;
    private const int SaltAt = 24;
    private const int SaltBytes = 32;
    private const int WrappedBytes = StoreSecret.KeyBytes + 16;
    private const uint PassphraseKind = 1;
    private const uint KeyKind = 2;

    private readonly byte[] _content;

    private KeysFile(byte[] content) => _content = content;

    private static ReadOnlySpan<byte> Magic => "WEFTKEYS"u8;

    /// <summary>Both copies.</summary>
    public ReadOnlySpan<byte> Content => _content;

    /// <summary>True when the store opens by a passphrase.</summary>
    public bool WantsPassphrase => BinaryPrimitives.ReadUInt32LittleEndian(_content.AsSpan(12)) == PassphraseKind;

    /// <summary>Draws a data key and wraps it.</summary>
    public static KeysFile Create(StoreEncryption encryption, out Sealer sealer)
    {
        byte[] dataKey = GC.AllocateArray<byte>(StoreSecret.KeyBytes, pinned: true);
        RandomNumberGenerator.Fill(dataKey);
        KeysFile keys = Wrap(encryption, dataKey);
        sealer = new Sealer(encryption.Crypto, dataKey);
        return keys;
    }

    /// <summary>Reads the file of a folder.</summary>
    /// <returns>Null when there is none: the store is not encrypted.</returns>
    /// <exception cref="WeftException">FormatNewer, FileDamaged, FolderUnusable.</exception>
    public static KeysFile? Read(string folder)
    {
        string path = Path.Combine(folder, Name);
        if (!File.Exists(path))
        {
            return null;
        }

        try
        {
            return Parse(File.ReadAllBytes(path), path);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new WeftException(WeftError.FolderUnusable, $"'{path}' cannot be read: {failure.Message}", failure);
        }
    }

    /// <summary>Takes the bytes of a file; one good copy is enough.</summary>
    /// <exception cref="WeftException">FormatNewer, FileDamaged.</exception>
    public static KeysFile Parse(ReadOnlySpan<byte> bytes, string path)
    {
        for (int at = 0; at <= bytes.Length - CopyBytes && at < Bytes; at += CopyBytes)
        {
            ReadOnlySpan<byte> copy = bytes.Slice(at, CopyBytes);
            if (!copy.StartsWith(Magic)
                || BinaryPrimitives.ReadUInt32LittleEndian(copy[^4..]) != Crc32C.Compute(copy[..^4]))
            {
                continue;
            }

            uint version = BinaryPrimitives.ReadUInt32LittleEndian(copy[8..]);
            if (version > FormatVersion)
            {
                throw new WeftException(WeftError.FormatNewer,
                    $"'{path}' has format {version}; this version of weft understands up to {FormatVersion}. "
                    + "Nothing was touched.");
            }

            byte[] content = new byte[Bytes];
            copy.CopyTo(content);
            copy.CopyTo(content.AsSpan(CopyBytes));
            return new KeysFile(content);
        }

        throw StorageErrors.Damaged(
            Path.GetFileName(path), "both copies", "a checksum does not fit; without it the store cannot be opened");
    }

    /// <summary>Unwraps the data key.</summary>
    /// <param name="encryption">Null when none was given.</param>
    /// <param name="place">What is opened, for the error.</param>
    /// <exception cref="WeftException">StoreKeyNeeded, StoreKeyWrong.</exception>
    public Sealer Open(StoreEncryption? encryption, string place)
    {
        string wants = WantsPassphrase ? "a passphrase (--passphrase-file, or a prompt)" : "a key file (--key-file)";
        if (encryption is null)
        {
            throw new WeftException(WeftError.StoreKeyNeeded,
                $"'{place}' is encrypted; it opens with {wants}. Nothing was touched.");
        }

        byte[] dataKey = GC.AllocateArray<byte>(StoreSecret.KeyBytes, pinned: true);
        if (encryption.Secret.IsPassphrase != WantsPassphrase || !TryUnwrap(encryption, dataKey))
        {
            CryptographicOperations.ZeroMemory(dataKey);
            throw new WeftException(WeftError.StoreKeyWrong,
                $"The key does not fit '{place}': it was made with {wants}, and not with this one. "
                + "Nothing was touched.");
        }

        return new Sealer(encryption.Crypto, dataKey);
    }

    /// <summary>The same data key under another passphrase or key file.</summary>
    /// <exception cref="WeftException">StoreKeyWrong.</exception>
    public KeysFile Rewrap(StoreEncryption old, StoreSecret fresh, string place)
    {
        byte[] dataKey = GC.AllocateArray<byte>(StoreSecret.KeyBytes, pinned: true);
        try
        {
            return old.Secret.IsPassphrase == WantsPassphrase && TryUnwrap(old, dataKey)
                ? Wrap(old with { Secret = fresh }, dataKey)
                : throw new WeftException(
                    WeftError.StoreKeyWrong, $"The old key does not fit '{place}'. Nothing was touched.");
        }
        finally
        {
            CryptographicOperations.ZeroMemory(dataKey);
        }
    }

    /// <summary>Writes the file whole or not at all, for its owner only.</summary>
    public void Write(string folder)
    {
        string path = Path.Combine(folder, Name);
        string fresh = path + ".new";
        File.Delete(fresh);
        using (IFile file = DiskFileSystem.Instance.Open(fresh, create: true))
        {
            file.Write(0, _content);
            file.Sync();
        }

        File.Move(fresh, path, overwrite: true);
        DiskFileSystem.Instance.SyncFolder(folder);
    }

    private static KeysFile Wrap(StoreEncryption encryption, ReadOnlySpan<byte> dataKey)
    {
        byte[] content = new byte[Bytes];
        Span<byte> copy = content.AsSpan(0, CopyBytes);
        bool isPassphrase = encryption.Secret.IsPassphrase;
        Magic.CopyTo(copy);
        BinaryPrimitives.WriteUInt32LittleEndian(copy[8..], FormatVersion);
        BinaryPrimitives.WriteUInt32LittleEndian(copy[12..], isPassphrase ? PassphraseKind : KeyKind);
        BinaryPrimitives.WriteUInt32LittleEndian(copy[16..], isPassphrase ? (uint)Rounds : 0);
        RandomNumberGenerator.Fill(copy.Slice(SaltAt, SaltBytes));
        Span<byte> wrapping = stackalloc byte[StoreSecret.KeyBytes];
        Derive(encryption, copy, wrapping);
        encryption.Crypto.SealAesGcm(
            wrapping, stackalloc byte[12], dataKey, copy[..BoundBytes], copy.Slice(BoundBytes, WrappedBytes));
        CryptographicOperations.ZeroMemory(wrapping);
        BinaryPrimitives.WriteUInt32LittleEndian(copy[^4..], Crc32C.Compute(copy[..^4]));
        copy.CopyTo(content.AsSpan(CopyBytes));
        return new KeysFile(content);
    }

    private static void Derive(StoreEncryption encryption, ReadOnlySpan<byte> copy, Span<byte> wrapping)
    {
        ReadOnlySpan<byte> salt = copy.Slice(SaltAt, SaltBytes);
        uint rounds = BinaryPrimitives.ReadUInt32LittleEndian(copy[16..]);
        if (encryption.Secret.IsPassphrase)
        {
            encryption.Crypto.Pbkdf2Sha256(
                encryption.Secret.Bytes, salt, (int)Math.Clamp(rounds, 1u, (uint)RoundsMax), wrapping);
        }
        else
        {
            encryption.Crypto.HkdfSha256(encryption.Secret.Bytes, salt, "weft/at-rest/wrap/1"u8, wrapping);
        }
    }

    private bool TryUnwrap(StoreEncryption encryption, Span<byte> dataKey)
    {
        ReadOnlySpan<byte> copy = _content.AsSpan(0, CopyBytes);
        Span<byte> wrapping = stackalloc byte[StoreSecret.KeyBytes];
        Derive(encryption, copy, wrapping);
        bool opened = encryption.Crypto.OpenAesGcm(
            wrapping, stackalloc byte[12], copy.Slice(BoundBytes, WrappedBytes), copy[..BoundBytes], dataKey);
        CryptographicOperations.ZeroMemory(wrapping);
        return opened;
    }
}
