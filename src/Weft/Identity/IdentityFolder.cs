using System.Globalization;
using System.Security.Cryptography;
using Weft.Crypto;
using Weft.Crypto.Keys;
using Weft.Primitives;

namespace Weft;

/// <summary>
/// The keys in a data folder: <c>identity.json</c>, who the node is, and <c>users/NAME.key</c>. Readable by their
/// owner only, replaced as a whole, and sealed with a passphrase where one was given.
/// </summary>
/// <remarks>
/// Sealing and opening cost 600,000 rounds of PBKDF2-HMAC-SHA-256, about 0.2 s. Source: docs/spec/crypto.md, section 6.
/// </remarks>
/// <param name="folder">The data folder; made when a key is written.</param>
/// <param name="crypto">The primitives.</param>
public sealed partial class IdentityFolder(string folder, ICrypto crypto)
{
    /// <summary>The name of the node's own key.</summary>
    public const string NodeName = "node";

    private const string NodeFile = "identity.json";
    private const string NodeNextFile = "identity-next.json";
    private const string UsersFolder = "users";
    private const string UsersExtension = ".key";
    private const string UsersNextExtension = ".next";

    /// <summary>Where the key of that name stands.</summary>
    /// <param name="name">"node", or the name of a user: 1 to 64 of a to z, 0 to 9 and "-".</param>
    /// <exception cref="WeftException">Usage: it is no name.</exception>
    public string FileOf(string name)
    {
        ThrowIfNoName(name);
        return name == NodeName
            ? Path.Combine(folder, NodeFile)
            : Path.Combine(folder, UsersFolder, name + UsersExtension);
    }

    /// <summary>True when there is a key of that name.</summary>
    /// <exception cref="WeftException">Usage: it is no name.</exception>
    public bool Has(string name) => File.Exists(FileOf(name));

    /// <summary>Reads a key file of this folder.</summary>
    /// <param name="name">Of the key; it stands in the file under the same name.</param>
    /// <param name="passphrase">UTF-8; empty for none.</param>
    /// <returns>The caller disposes it.</returns>
    /// <exception cref="WeftException">Absent, KeyUnreadable, KeySealed, or Usage for what is no name.</exception>
    public KeyFile Read(string name, ReadOnlySpan<byte> passphrase) => ReadOwn(FileOf(name), passphrase);

    /// <summary>Reads any key file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="passphrase">UTF-8; empty for none.</param>
    /// <returns>The caller disposes it.</returns>
    /// <exception cref="WeftException">Absent, KeyUnreadable or KeySealed.</exception>
    public KeyFile ReadFile(string path, ReadOnlySpan<byte> passphrase)
    {
        byte[] content = ReadBytes(path);
        try
        {
            return Open(path, content, passphrase);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(content);
        }
    }

    /// <summary>Reads the node's own key.</summary>
    /// <param name="passphrase">UTF-8; empty for none.</param>
    /// <returns>The caller disposes it; null when there is none yet.</returns>
    /// <exception cref="WeftException">KeyUnreadable or KeySealed.</exception>
    public Ed25519KeyPair? ReadNode(ReadOnlySpan<byte> passphrase) =>
        Has(NodeName) ? KeyOf(FileOf(NodeName), NodeName, passphrase) : null;

    /// <summary>Reads the node's own key, and makes it at the first start.</summary>
    /// <param name="passphrase">UTF-8, seals a new one; empty for none.</param>
    /// <returns>The caller disposes it.</returns>
    /// <exception cref="WeftException">KeyUnreadable, KeySealed, or DiskFailed when it cannot be written.</exception>
    public Ed25519KeyPair OpenNode(ReadOnlySpan<byte> passphrase)
    {
        if (ReadNode(passphrase) is { } known)
        {
            return known;
        }

        using var keys = new KeyFile();
        keys.Add(NodeName, KeyGenerator.NewEd25519(crypto));
        Write(NodeName, keys, passphrase);
        return Copy(keys.FindEd25519(NodeName)!);
    }

    /// <summary>Writes a key file. What stood there is gone.</summary>
    /// <param name="name">"node" or the name of a user.</param>
    /// <param name="keys">The keys.</param>
    /// <param name="passphrase">UTF-8, seals it; empty for none.</param>
    /// <exception cref="WeftException">DiskFailed: the old file is as it was; Usage for what is no name.</exception>
    public void Write(string name, KeyFile keys, ReadOnlySpan<byte> passphrase) =>
        WriteTo(FileOf(name), keys, passphrase);

    /// <summary>Moves a key file out of the way, under a name that tells its day.</summary>
    /// <param name="name">"node" or the name of a user.</param>
    /// <param name="now">The wall clock.</param>
    /// <returns>Where it is now; null when there was none.</returns>
    /// <exception cref="WeftException">DiskFailed, or Usage for what is no name.</exception>
    public string? SetAside(string name, DateTimeOffset now)
    {
        string path = FileOf(name);
        if (!File.Exists(path))
        {
            return null;
        }

        string aside = AsideOf(path, now);
        try
        {
            File.Move(path, aside);
            File.Delete(path + ResealedExtension);
            return aside;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw Failed(path, failure);
        }
    }

    /// <summary>Makes the key that shall follow another one, and keeps it beside it until its record is in the graph.</summary>
    /// <param name="name">"node" or the name of a user.</param>
    /// <param name="passphrase">UTF-8, seals it; empty for none.</param>
    /// <returns>The key; the caller disposes it.</returns>
    /// <exception cref="WeftException">DiskFailed, or Usage for what is no name.</exception>
    public Ed25519KeyPair PrepareNext(string name, ReadOnlySpan<byte> passphrase)
    {
        string path = NextOf(name);
        using var keys = new KeyFile();
        keys.Add(name, KeyGenerator.NewEd25519(crypto));
        WriteTo(path, keys, passphrase);
        return Copy(keys.FindEd25519(name)!);
    }

    /// <summary>The key that was prepared to follow another one.</summary>
    /// <param name="name">"node" or the name of a user.</param>
    /// <param name="passphrase">UTF-8; empty for none.</param>
    /// <returns>The caller disposes it; null when none is prepared.</returns>
    /// <exception cref="WeftException">KeyUnreadable, KeySealed, or Usage for what is no name.</exception>
    public Ed25519KeyPair? ReadNext(string name, ReadOnlySpan<byte> passphrase)
    {
        string path = NextOf(name);
        return File.Exists(path) ? KeyOf(path, name, passphrase) : null;
    }

    /// <summary>Puts the prepared key in the place of the one it follows, which is set aside.</summary>
    /// <param name="name">"node" or the name of a user.</param>
    /// <param name="now">The wall clock.</param>
    /// <returns>Where the old key is now.</returns>
    /// <exception cref="WeftException">DiskFailed, Absent when none is prepared, or Usage for what is no name.</exception>
    public string AdoptNext(string name, DateTimeOffset now)
    {
        string path = FileOf(name);
        string aside = AsideOf(path, now);
        byte[] old = ReadBytes(path);
        try
        {
            // A copy first: at no moment is there no key, or a start would make a stranger.
            OwnerFile.Replace(aside, old);
            File.Move(NextOf(name), path, overwrite: true);
            File.Delete(path + ResealedExtension);
            return aside;
        }
        catch (FileNotFoundException failure)
        {
            throw new WeftException(WeftError.Absent, $"No key is prepared to follow {path}.", failure);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw Failed(path, failure);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(old);
        }
    }

    /// <summary>Forgets the prepared key: no record names it.</summary>
    /// <param name="name">"node" or the name of a user.</param>
    /// <exception cref="WeftException">Usage for what is no name.</exception>
    public void DropNext(string name) => File.Delete(NextOf(name));

    private string NextOf(string name)
    {
        string path = FileOf(name);
        return name == NodeName
            ? Path.Combine(folder, NodeNextFile)
            : Path.ChangeExtension(path, UsersNextExtension);
    }

    private static bool IsName(string name) => name.Length is > 0 and <= KeyFile.NameMax
        && name.All(letter => letter is (>= 'a' and <= 'z') or (>= '0' and <= '9') or '-');

    private static void ThrowIfNoName(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (!IsName(name))
        {
            throw new WeftException(
                WeftError.Usage, $"A key's name is 1 to {KeyFile.NameMax} of a to z, 0 to 9 and \"-\".");
        }
    }

    private static string AsideOf(string path, DateTimeOffset now) => Path.Combine(
        Path.GetDirectoryName(path)!,
        Path.GetFileNameWithoutExtension(path)
            + now.UtcDateTime.ToString("'-'yyyyMMdd'-'HHmmssfff", CultureInfo.InvariantCulture)
            + AsideExtension);

    private static WeftException Failed(string path, Exception failure) => new(
        WeftError.DiskFailed, $"The key file {path} cannot be written: {failure.Message}", failure);

    private static byte[] ReadBytes(string path)
    {
        try
        {
            OwnerFile.Restrict(path);
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            byte[] content = GC.AllocateArray<byte>(
                (int)Math.Min(file.Length, KeyFileCodec.FileMax + 1), pinned: true);
            file.ReadExactly(content);
            return content;
        }
        catch (Exception failure) when (failure is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new WeftException(WeftError.Absent, $"There is no key file {path}.", failure);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new WeftException(
                WeftError.KeyUnreadable, $"The key in {path} cannot be read: {failure.Message}", failure);
        }
    }

    private KeyFile Open(string path, byte[] content, ReadOnlySpan<byte> passphrase)
    {
        KeyFileRead read = KeyFileCodec.Read(crypto, content, passphrase);
        return read.Status switch
        {
            KeyFileStatus.Ok => read.Keys!,
            KeyFileStatus.PassphraseNeeded or KeyFileStatus.WrongPassphrase => throw new WeftException(
                WeftError.KeySealed, $"The key in {path} cannot be opened: {read.Problem}."),
            KeyFileStatus.TooNew => throw new WeftException(
                WeftError.FormatNewer, $"The key in {path} cannot be read: {read.Problem}."),
            _ => throw new WeftException(
                WeftError.KeyUnreadable, $"The key in {path} cannot be read: {read.Problem}."),
        };
    }

    private Ed25519KeyPair KeyOf(string path, string name, ReadOnlySpan<byte> passphrase)
    {
        using KeyFile keys = ReadOwn(path, passphrase);
        return Copy(keys.FindEd25519(name) ?? throw new WeftException(
            WeftError.KeyUnreadable, $"The key in {path} cannot be read: the file has no Ed25519 key \"{name}\"."));
    }

    // The file clears what it holds; who takes a key out of it needs one of its own.
    private Ed25519KeyPair Copy(Ed25519KeyPair key)
    {
        Span<byte> seed = stackalloc byte[Ed25519KeyPair.SeedLength];
        key.CopySeedTo(seed);
        var copy = new Ed25519KeyPair(crypto, seed);
        CryptographicOperations.ZeroMemory(seed);
        return copy;
    }

    private void WriteTo(string path, KeyFile keys, ReadOnlySpan<byte> passphrase)
    {
        byte[] content;
        if (passphrase.IsEmpty)
        {
            content = KeyFileCodec.Write(crypto, keys);
        }
        else
        {
            Span<byte> random = stackalloc byte[KeyFileCodec.RandomLength];
            KeyGenerator.Fill(random);
            content = KeyFileCodec.Seal(crypto, keys, passphrase, random);
        }

        try
        {
            OwnerFile.Replace(path, content);
            File.Delete(path + ResealedExtension); // Of the key that stood there before.
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw Failed(path, failure);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(content);
        }
    }
}
