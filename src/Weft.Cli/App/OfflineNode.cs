using System.Security.Cryptography;
using Weft.Primitives;
using Weft.Server;
using Weft.Storage.Sealing;

namespace Weft.Cli.App;

/// <summary>
/// The node that <c>--offline</c> opens inside this process for one command: same code, same answers, one more free
/// loopback port with a token of its own. It takes the folder's lock, dials nobody and serves nobody else.
/// </summary>
internal sealed class OfflineNode : IAsyncDisposable
{
    private readonly WeftServer _server;

    private OfflineNode(WeftServer server) => _server = server;

    public Uri Url => _server.Url;

    public string Token => _server.Token;

    /// <summary>Opens the folder.</summary>
    /// <param name="folder">The data folder.</param>
    /// <param name="secret">What opens an encrypted one; null for a plain one.</param>
    /// <param name="identityPassphrase">The file with the passphrase of the node's key; null when it has none.</param>
    /// <param name="cancellationToken">Stops the start.</param>
    /// <exception cref="WeftException">There is no such folder, a node runs on it, or the key does not fit.</exception>
    public static async Task<OfflineNode> OpenAsync(
        string folder, StoreSecret? secret, string? identityPassphrase, CancellationToken cancellationToken)
    {
        if (!Directory.Exists(folder))
        {
            throw new CliException(WeftError.FolderUnusable, $"there is no data folder {folder}")
            {
                Try = ["name one with --data DIR"],
            };
        }

        var options = new ServerOptions
        {
            Http = "127.0.0.1:0",
            ServeGun = false,
            Token = RandomNumberGenerator.GetHexString(64, lowercase: true),
        };
        options.Peer.Path = folder;
        options.Peer.MaintenanceInterval = TimeSpan.Zero;
        options.Peer.Encryption.Secret = secret;
        options.Peer.IdentityPassphraseFile = identityPassphrase;
        return new OfflineNode(await WeftServer.StartAsync(options, cancellationToken: cancellationToken));
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();
}
