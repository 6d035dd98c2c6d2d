using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft;

/// <summary>Describes a peer inside <c>services.AddWeft(weft => …)</c>. Calls override the configuration.</summary>
public sealed class WeftBuilder
{
    private readonly List<Action<WeftOptions>> _changes = [];

    internal WeftBuilder(IServiceCollection services) => Services = services;

    /// <summary>The services of the host, for packages that add to Weft.</summary>
    public IServiceCollection Services { get; }

    internal Func<WeftOptions, CancellationToken, ValueTask<IStore>>? OpenStore { get; private set; }

    internal IConfiguration? Configuration { get; private set; }

    /// <summary>Changes any option.</summary>
    public WeftBuilder Configure(Action<WeftOptions> change)
    {
        ArgumentNullException.ThrowIfNull(change);
        _changes.Add(change);
        return this;
    }

    /// <summary>Reads options from this section instead of the host's section "Weft".</summary>
    public WeftBuilder ReadFrom(IConfiguration section)
    {
        Configuration = section;
        return this;
    }

    /// <summary>Keeps the graph in files.</summary>
    /// <param name="path">The folder, made if missing; null leaves it to the configuration.</param>
    /// <param name="memoryMiB">The memory ceiling in MiB; null leaves it to the configuration.</param>
    /// <param name="durability">What a completed write means; null leaves it to the configuration.</param>
    public WeftBuilder UseStorage(string? path = null, int? memoryMiB = null, Durability? durability = null) =>
        Configure(options =>
        {
            options.Store = WeftStoreKind.Engine;
            options.Path = path ?? options.Path;
            options.MemoryMiB = memoryMiB ?? options.MemoryMiB;
            options.Durability = durability ?? options.Durability;
        });

    /// <summary>Seals the files of a new store, or opens an encrypted one. One of the two files.</summary>
    /// <param name="passphraseFile">A file whose first line is the passphrase.</param>
    /// <param name="keyFile">A file with 32 random bytes, raw or as base64.</param>
    public WeftBuilder UseEncryption(string? passphraseFile = null, string? keyFile = null) =>
        Configure(options =>
        {
            options.Encryption.PassphraseFile = passphraseFile ?? options.Encryption.PassphraseFile;
            options.Encryption.KeyFile = keyFile ?? options.Encryption.KeyFile;
        });

    /// <summary>Keeps the graph in memory only.</summary>
    public WeftBuilder UseMemoryStore() => Configure(options => options.Store = WeftStoreKind.Memory);

    /// <summary>Keeps the graph in a store of your own; the node owns it from then on.</summary>
    public WeftBuilder UseStore(Func<WeftOptions, CancellationToken, ValueTask<IStore>> open)
    {
        ArgumentNullException.ThrowIfNull(open);
        OpenStore = open;
        return this;
    }

    /// <summary>Dials a peer at the start and whenever the link breaks.</summary>
    /// <param name="url">A ws:// or wss:// URL; without a path, /gun is meant.</param>
    public WeftBuilder AddPeer(string url) => Configure(options => options.Peers.Add(url));

    /// <summary>Names the node.</summary>
    public WeftBuilder UseName(string name) => Configure(options => options.Name = name);

    internal void Apply(WeftOptions options)
    {
        foreach (Action<WeftOptions> change in _changes)
        {
            change(options);
        }
    }
}
