using System.Security.Cryptography;
using Weft.Crypto.Keys;
using Weft.Primitives;

namespace Weft;

/// <content>Sealing the keys of an encrypted data folder, and giving them another passphrase together with it.</content>
public sealed partial class IdentityFolder
{
    private const string ResealedExtension = ".resealed";
    private const string AsideExtension = ".old";

    /// <summary>Seals every key of the folder that is not sealed yet: the node's, the users', prepared and old ones.</summary>
    /// <param name="passphrase">UTF-8, not empty.</param>
    /// <returns>The files that were sealed. Such as cannot be read are left as they are.</returns>
    /// <exception cref="WeftException">DiskFailed: a file is as it was.</exception>
    public IReadOnlyList<string> SealAll(ReadOnlySpan<byte> passphrase)
    {
        ThrowIfEmpty(passphrase);
        var changed = new List<string>();
        foreach (string path in KeyFiles())
        {
            // Whatever is sealed already has a passphrase that somebody chose for it.
            if (TryOpen(path, []) is not { } keys)
            {
                continue;
            }

            using (keys)
            {
                WriteTo(path, keys, passphrase);
            }

            changed.Add(path);
        }

        return changed;
    }

    /// <summary>
    /// Writes, beside every key that <paramref name="old"/> opens, a copy that <paramref name="fresh"/> opens. It takes
    /// its place with <see cref="FinishReseal"/>, or, when that never comes, the first time the fresh passphrase is used;
    /// so one of the two opens the key at every moment.
    /// </summary>
    /// <param name="old">UTF-8, not empty: what opens the keys now.</param>
    /// <param name="fresh">UTF-8, not empty: what shall open them.</param>
    /// <returns>How many keys will change.</returns>
    /// <exception cref="WeftException">DiskFailed: every key is as it was.</exception>
    public int PrepareReseal(ReadOnlySpan<byte> old, ReadOnlySpan<byte> fresh)
    {
        ThrowIfEmpty(old);
        ThrowIfEmpty(fresh);
        int count = 0;
        foreach (string path in KeyFiles())
        {
            File.Delete(path + ResealedExtension);
            if (TryOpen(path, []) is { } open)
            {
                open.Dispose();
                continue;
            }

            if (TryOpen(path, old) is { } keys)
            {
                using (keys)
                {
                    WriteTo(path + ResealedExtension, keys, fresh);
                }

                count++;
            }
        }

        return count;
    }

    /// <summary>Puts what <see cref="PrepareReseal"/> wrote in its place.</summary>
    /// <exception cref="WeftException">DiskFailed; what is left is put in its place when it is used.</exception>
    public void FinishReseal()
    {
        foreach (string path in KeyFiles())
        {
            if (File.Exists(path + ResealedExtension))
            {
                Adopt(path);
            }
        }
    }

    /// <summary>Takes back what <see cref="PrepareReseal"/> wrote, because nothing came of it.</summary>
    public void DropResealed()
    {
        foreach (string path in KeyFiles())
        {
            File.Delete(path + ResealedExtension);
        }
    }

    private static void ThrowIfEmpty(ReadOnlySpan<byte> passphrase)
    {
        if (passphrase.IsEmpty)
        {
            throw new ArgumentException("A passphrase has at least one byte.", nameof(passphrase));
        }
    }

    private static void Adopt(string path)
    {
        try
        {
            File.Move(path + ResealedExtension, path, overwrite: true);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw Failed(path, failure);
        }
    }

    /// <summary>Reads a key file of this folder, or the copy that a broken-off change of the passphrase left.</summary>
    private KeyFile ReadOwn(string path, ReadOnlySpan<byte> passphrase)
    {
        try
        {
            return ReadFile(path, passphrase);
        }
        catch (WeftException failure) when (
            failure.Error == WeftError.KeySealed && File.Exists(path + ResealedExtension))
        {
            if (TryOpen(path + ResealedExtension, passphrase) is not { } keys)
            {
                throw;
            }

            Adopt(path);
            return keys;
        }
    }

    private KeyFile? TryOpen(string path, ReadOnlySpan<byte> passphrase)
    {
        byte[] content = [];
        try
        {
            content = ReadBytes(path);
            return KeyFileCodec.Read(crypto, content, passphrase).Keys;
        }
        catch (WeftException failure) when (failure.Error is WeftError.KeyUnreadable or WeftError.Absent)
        {
            return null;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(content);
        }
    }

    private List<string> KeyFiles()
    {
        var files = new List<string>();
        if (Directory.Exists(folder))
        {
            files.AddRange(Directory.GetFiles(folder, Path.GetFileNameWithoutExtension(NodeFile) + "*")
                .Where(path => Path.GetFileName(path) is NodeFile or NodeNextFile || IsAside(path)));
        }

        string users = Path.Combine(folder, UsersFolder);
        if (Directory.Exists(users))
        {
            files.AddRange(Directory.GetFiles(users)
                .Where(path => Path.GetExtension(path) is UsersExtension or UsersNextExtension || IsAside(path)));
        }

        files.Sort(StringComparer.Ordinal);
        return files;

        static bool IsAside(string path) => Path.GetExtension(path) == AsideExtension;
    }
}
