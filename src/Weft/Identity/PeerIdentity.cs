using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Weft.Crypto;
using Weft.Graph;
using Weft.Graph.Access;
using Weft.Graph.Policy;
using Weft.Node;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Storage.Sealing;

namespace Weft;

/// <summary>The key of a peer with a data folder: opened at its start, cleared at its end, replaced on demand.</summary>
internal sealed class PeerIdentity : IDisposable
{
    private IdentityFolder? _folder;
    private Ed25519KeyPair? _key;
    private byte[] _passphrase = []; // Kept, pinned, because a rotation seals the next key; cleared at the end.
    private int _rotating;

    /// <summary>The files that stood open in an encrypted folder until this start sealed them.</summary>
    public IReadOnlyList<string> Sealed { get; private set; } = [];

    /// <summary>Opens the key of the folder, and ends a rotation that was broken off.</summary>
    /// <exception cref="WeftException">KeyUnreadable, KeySealed or DiskFailed.</exception>
    public async ValueTask OpenAsync(
        WeftOptions options, bool isOwnStore, IStore store, TimeProvider time, CancellationToken cancellationToken)
    {
        if (options.Node.Identity is not null || options.Store != WeftStoreKind.Engine || !isOwnStore)
        {
            return; // Given from outside, or as short-lived as the graph.
        }

        _folder = new IdentityFolder(options.Path, options.Node.Crypto ?? PlatformCrypto.Create());
        _passphrase = PassphraseOf(options);
        _key = _folder.OpenNode(_passphrase);
        if (_folder.ReadNext(IdentityFolder.NodeName, _passphrase) is { } next)
        {
            await EndRotationAsync(_folder, next, store, time.GetUtcNow(), cancellationToken).ConfigureAwait(false);
        }

        // Keys that were there before the folder's keys were sealed with it, and those of users made elsewhere.
        Sealed = options.Encryption.IsOn && _passphrase.Length > 0 ? _folder.SealAll(_passphrase) : [];
    }

    /// <summary>Starts the node with the key.</summary>
    public async ValueTask<WeftNode> StartAsync(
        NodeOptions options, IStore store, TimeProvider time, ILoggerFactory loggers,
        CancellationToken cancellationToken)
    {
        if (_key is null)
        {
            return await WeftNode.StartAsync(options, store, time, loggers, cancellationToken).ConfigureAwait(false);
        }

        try
        {
            options.Identity = _key;
            return await WeftNode.StartAsync(options, store, time, loggers, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            options.Identity = null; // The options may start another peer when this key is long cleared.
        }
    }

    /// <summary>Names a successor in the graph, then makes it the folder's key.</summary>
    public async ValueTask<Ed25519PublicKey> RotateAsync(WeftNode node, CancellationToken cancellationToken)
    {
        if (_folder is null || _key is null)
        {
            throw new WeftException(
                WeftError.Usage, "The key of this node does not come from its data folder; replace it where it is kept.");
        }

        if (Interlocked.Exchange(ref _rotating, 1) != 0)
        {
            throw new WeftException(
                WeftError.KeyRotated, "This key is being replaced, or has been; start the node again.");
        }

        // The key is on the disk before anybody can learn that it is the next one.
        using Ed25519KeyPair next = _folder.PrepareNext(IdentityFolder.NodeName, _passphrase);
        IReadOnlyList<GroupName> groups = await HandOverAsync(node, next, cancellationToken).ConfigureAwait(false);
        WriteResult written = await node.Recovery.RotateAsync(_key, next.PublicKey, cancellationToken)
            .ConfigureAwait(false);
        if (!written.IsAccepted)
        {
            _folder.DropNext(IdentityFolder.NodeName);
            Volatile.Write(ref _rotating, 0);
            throw new WeftException(
                written.Error,
                written.Error == WeftError.KeyRotated
                    ? "This key has a successor already; start the node with that one."
                    : $"{ErrorCatalogue.Find(written.Error).Cause} Nothing was changed.");
        }

        _folder.AdoptNext(IdentityFolder.NodeName, node.Time.GetUtcNow());
        try
        {
            await node.Groups.TakeOverAsync(next, groups, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is WeftException or OperationCanceledException)
        {
            // The key has its successor. What is left to do for a group is done when he first writes for it.
        }

        return next.PublicKey;
    }

    private async ValueTask<IReadOnlyList<GroupName>> HandOverAsync(
        WeftNode node, Ed25519KeyPair next, CancellationToken cancellationToken)
    {
        try
        {
            return await node.Groups.HandOverAsync(next, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            _folder!.DropNext(IdentityFolder.NodeName); // No record names it yet.
            Volatile.Write(ref _rotating, 0);
            throw;
        }
    }

    /// <summary>The keys of the folder, for a backup.</summary>
    /// <exception cref="WeftException">Usage: the keys are kept elsewhere; or as IdentityFolder says.</exception>
    public IReadOnlyList<BackupFile> Pack(ReadOnlySpan<byte> passphrase, bool mayBeOpen) => _folder is null
        ? throw new WeftException(
            WeftError.Usage, "The key of this node does not come from its data folder; back it up where it is kept.")
        : _folder.Pack(passphrase, mayBeOpen);

    /// <summary>Clears the key, and what seals it.</summary>
    public void Dispose()
    {
        _key?.Dispose();
        CryptographicOperations.ZeroMemory(_passphrase);
    }

    private async ValueTask EndRotationAsync(
        IdentityFolder folder, Ed25519KeyPair next, IStore store, DateTimeOffset now,
        CancellationToken cancellationToken)
    {
        StoredField? record = await store.ReadFieldAsync(
            Ownership.KeyRecords + _key!.PublicKey, RotationRecord.Field, cancellationToken).ConfigureAwait(false);
        if (record is StoredField known && RotationRecord.TryRead(known.Value, out Ed25519PublicKey named)
            && named == next.PublicKey)
        {
            folder.AdoptNext(IdentityFolder.NodeName, now);
            _key.Dispose();
            _key = next;
            return;
        }

        folder.DropNext(IdentityFolder.NodeName);
        next.Dispose();
    }

    // An encrypted folder seals its keys with its own secret, unless they have one of their own.
    private static byte[] PassphraseOf(WeftOptions options)
    {
        if (options.IdentityPassphraseFile is { } file)
        {
            return PassphraseFile.Read(file);
        }

        StoreSecret? secret = options.Encryption.Read(out bool own);
        byte[] passphrase = secret?.ToPassphrase() ?? [];
        if (own)
        {
            secret?.Dispose();
        }

        return passphrase;
    }
}
