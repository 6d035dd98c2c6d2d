using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Weft.Crypto;
using Weft.Graph;
using Weft.Graph.Access;
using Weft.Graph.Policy;
using Weft.Node;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft;

/// <summary>The key of a peer with a data folder: opened at its start, cleared at its end, replaced on demand.</summary>
internal sealed class PeerIdentity : IDisposable
{
    private IdentityFolder? _folder;
    private Ed25519KeyPair? _key;
    private string? _passphraseFile;
    private int _rotating;

    /// <summary>Opens the key of the folder, and ends a rotation that was broken off.</summary>
    /// <exception cref="WeftException">KeyUnreadable, KeySealed or DiskFailed.</exception>
    public async ValueTask OpenAsync(
        WeftOptions options, bool isOwnStore, IStore store, TimeProvider time, CancellationToken cancellationToken)
    {
        if (options.Node.Identity is not null || options.Store != WeftStoreKind.Engine || !isOwnStore)
        {
            return; // Given from outside, or as short-lived as the graph.
        }

        _passphraseFile = options.IdentityPassphraseFile;
        _folder = new IdentityFolder(options.Path, options.Node.Crypto ?? PlatformCrypto.Create());
        byte[] passphrase = ReadPassphrase();
        try
        {
            _key = _folder.OpenNode(passphrase);
            if (_folder.ReadNext(passphrase) is { } next)
            {
                await EndRotationAsync(_folder, next, store, time.GetUtcNow(), cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            CryptographicOperations.ZeroMemory(passphrase);
        }
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

        byte[] passphrase = ReadPassphrase();
        try
        {
            // The key is on the disk before anybody can learn that it is the next one.
            using Ed25519KeyPair next = _folder.PrepareNext(passphrase);
            WriteResult written = await node.Graph.WriteAsync(
                [new FieldWrite(
                    Ownership.KeyRecords + _key.PublicKey, RotationRecord.Field, RotationRecord.Write(next.PublicKey),
                    double.NaN)],
                WriteSource.Local,
                Durability.Disk,
                cancellationToken).ConfigureAwait(false);
            if (!written.IsAccepted || written.Applied == 0)
            {
                _folder.DropNext();
                Volatile.Write(ref _rotating, 0);
                throw new WeftException(
                    written.IsAccepted ? WeftError.KeyRotated : written.Error,
                    written.IsAccepted
                        ? "This key has a successor already; start the node with that one."
                        : $"{ErrorCatalogue.Find(written.Error).Cause} Nothing was changed.");
            }

            _folder.AdoptNext(node.Time.GetUtcNow());
            return next.PublicKey;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(passphrase);
        }
    }

    /// <summary>Clears the key.</summary>
    public void Dispose() => _key?.Dispose();

    private async ValueTask EndRotationAsync(
        IdentityFolder folder, Ed25519KeyPair next, IStore store, DateTimeOffset now,
        CancellationToken cancellationToken)
    {
        StoredField? record = await store.ReadFieldAsync(
            Ownership.KeyRecords + _key!.PublicKey, RotationRecord.Field, cancellationToken).ConfigureAwait(false);
        if (record is StoredField known && RotationRecord.TryRead(known.Value, out Ed25519PublicKey named)
            && named == next.PublicKey)
        {
            folder.AdoptNext(now);
            _key.Dispose();
            _key = next;
            return;
        }

        folder.DropNext();
        next.Dispose();
    }

    private byte[] ReadPassphrase() => _passphraseFile is null ? [] : PassphraseFile.Read(_passphraseFile);
}
