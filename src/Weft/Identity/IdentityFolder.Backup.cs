using System.Security.Cryptography;
using Weft.Crypto.Keys;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft;

/// <content>Key files in backups: never open in a plain one.</content>
public sealed partial class IdentityFolder
{
    /// <summary>Packs the node's key and those of users for a backup.</summary>
    /// <param name="passphrase">UTF-8, seals the keys that stand open; empty for none.</param>
    /// <param name="mayBeOpen">True when the backup is encrypted itself.</param>
    /// <returns>Key files under the names of their keys. Such as are sealed already stay as they are.</returns>
    /// <exception cref="WeftException">
    /// KeySealed: a key stands open, and there is nothing to seal it with; KeyUnreadable; Absent: there is no key.
    /// </exception>
    internal IReadOnlyList<BackupFile> Pack(ReadOnlySpan<byte> passphrase, bool mayBeOpen)
    {
        var files = new List<BackupFile>();
        foreach (string name in Names())
        {
            byte[] content = ReadBytes(FileOf(name));
            KeyFileRead read = KeyFileCodec.Read(crypto, content, []);
            using KeyFile? keys = read.Keys;
            if (keys is not null && !mayBeOpen)
            {
                CryptographicOperations.ZeroMemory(content);
                content = SealForBackup(name, keys, passphrase);
            }
            else if (keys is null && read.Status != KeyFileStatus.PassphraseNeeded)
            {
                throw new WeftException(
                    WeftError.KeyUnreadable, $"The key in {FileOf(name)} cannot be read: {read.Problem}.");
            }

            files.Add(new(name, content));
        }

        return files.Count > 0
            ? files
            : throw new WeftException(WeftError.Absent, $"There are no keys in {folder}.");
    }

    /// <summary>Puts keys of a backup into the folder, readable by its owner only. What is there stays.</summary>
    /// <param name="files">What a restore brought.</param>
    /// <returns>The names of the keys that were put back.</returns>
    /// <exception cref="WeftException">
    /// FileDamaged: one is no key file, or its name none; TargetNotEmpty: there is a key of that name; DiskFailed. Keys before
    /// it have been put back.
    /// </exception>
    public IReadOnlyList<string> Unpack(IReadOnlyList<BackupFile> files)
    {
        ArgumentNullException.ThrowIfNull(files);
        foreach (BackupFile file in files)
        {
            // A backup may have been made by anybody: nothing in it leads out of the folder.
            KeyFileRead read = KeyFileCodec.Read(crypto, file.Content.Span, []);
            read.Keys?.Dispose();
            if (!IsName(file.Name) || read.Status is not (KeyFileStatus.Ok or KeyFileStatus.PassphraseNeeded))
            {
                throw new WeftException(WeftError.FileDamaged, "The backup has a key file that is none.");
            }

            if (Has(file.Name))
            {
                throw new WeftException(
                    WeftError.TargetNotEmpty, $"There is a key \"{file.Name}\" already: {FileOf(file.Name)}.");
            }
        }

        foreach (BackupFile file in files)
        {
            try
            {
                OwnerFile.Replace(FileOf(file.Name), file.Content.Span);
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                throw Failed(FileOf(file.Name), failure);
            }
        }

        return [.. files.Select(file => file.Name)];
    }

    private byte[] SealForBackup(string name, KeyFile keys, ReadOnlySpan<byte> passphrase)
    {
        if (passphrase.IsEmpty)
        {
            throw new WeftException(
                WeftError.KeySealed,
                $"The key \"{name}\" is not sealed, nor is this store; a passphrase is needed to put it into a backup.");
        }

        Span<byte> random = stackalloc byte[KeyFileCodec.RandomLength];
        Weft.Crypto.KeyGenerator.Fill(random);
        return KeyFileCodec.Seal(crypto, keys, passphrase, random);
    }

    private IEnumerable<string> Names()
    {
        if (Has(NodeName))
        {
            yield return NodeName;
        }

        string users = Path.Combine(folder, UsersFolder);
        string[] paths = Directory.Exists(users) ? Directory.GetFiles(users, "*" + UsersExtension) : [];
        foreach (string name in paths.Select(Path.GetFileNameWithoutExtension).Order(StringComparer.Ordinal)!)
        {
            if (IsName(name) && name != NodeName)
            {
                yield return name;
            }
        }
    }
}
