using System.Text;
using Weft.Libp2p.Kad;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Protocols.Kad;
using Weft.Protocols.Kad.Records;
using Weft.Protocols.Kad.Rules;
using Weft.Protocols.Replication;

namespace Weft.Node.Network;

/// <summary>
/// The node in its DHT: values it signs under its own name, records of others, providers, peers by id. Safe to use from
/// many threads.
/// </summary>
/// <remarks>
/// <code>
/// DhtPut put = await node.Dht!.PutAsync("profile", bytes, KadQuorum.Majority);
/// DhtValue value = await node.Dht.GetAsync("/weft/12D3Koo…/profile");
/// </code>
/// A key that begins with "/" is taken as it stands; any other text is a name of this node's own, "/weft/ID/name".
/// Source:
/// docs/spec/dht.md.
/// </remarks>
public sealed class NodeDht : IAsyncDisposable
{
    private readonly NodeNetwork _network;
    private readonly RecordJournal? _journal;

    internal NodeDht(NodeNetwork network)
    {
        _network = network;
        WeftNode node = network.Node;
        NetworkDhtOptions options = network.Options.Dht;
        bool isTest = network.Options.EffectiveProfile == NetworkProfile.Test;
        var rules = RecordRules.Default(node.Crypto);
        rules.Add(SignedValue.Namespace, GraphRecords = new GraphRecordRule(
            node.Crypto, node.NetworkId, node.Policies, node.Plans, rules.Find("/weft/-"u8)!,
            node.Options.Graph.FutureMax));
        foreach (string name in options.OpenNamespaces)
        {
            rules.Add(name, new OpenRule());
        }

        _journal = node.Store.Records is { } shelf ? new RecordJournal(node.Store, shelf) : null;
        var store = new RecordStoreOptions
        {
            RecordsMax = options.RecordsMax,
            BytesMax = (long)options.RecordsMiB << 20,
        };
        var records = new MemoryRecordStore(network.Id, store, node.Crypto, _journal);
        _journal?.Restore(records);
        Service = new(network.Host, new KadServiceOptions
        {
            Records = records,
            Rules = rules,
            FlushAsync = _journal is null ? null : _journal.FlushAsync,
            Kad = new()
            {
                Protocol = options.Protocol,
                Mode = options.Mode
                    ?? (network.Options.EffectiveProfile == NetworkProfile.Default ? KadMode.Auto : KadMode.Server),
                RecordTtl = options.RecordTtl,
                Copies = options.Copies,
                KeepsLoopback = isTest,
                RepairDelay = options.RepairDelay ?? TimeSpan.FromSeconds(isTest ? 2 : 30),
            },
        });
    }

    /// <summary>Judges and merges the states of souls.</summary>
    internal GraphRecordRule GraphRecords { get; }

    /// <summary>The service itself: records in their network form, the routing table.</summary>
    public KadService Service { get; }

    /// <summary>
    /// Publishes a value: signs it when the key is this node's own, keeps it, and puts it to the DHT.
    /// </summary>
    /// <param name="key">A name, or a key that begins with "/".</param>
    /// <param name="payload">At most 47 KiB.</param>
    /// <param name="quorum">How many peers must keep it.</param>
    /// <param name="ttl">Its life; null for the usual one.</param>
    /// <param name="timeout">Gives what there is by then.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<DhtPut> PutAsync(
        string key,
        ReadOnlyMemory<byte> payload,
        KadQuorum quorum = default,
        TimeSpan? ttl = null,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default)
    {
        byte[] full = KeyOf(key);
        ulong sequence = 0;
        byte[] value = payload.ToArray();
        if (IsOwn(full))
        {
            sequence = await NextSequenceAsync(full, cancellationToken).ConfigureAwait(false);
            value = SignedValue.Seal(_network.Node.Identity, _network.Node.Crypto, full, sequence, payload.Span);
        }

        KadResult result = await Service
            .PutAsync(KadRecord.Make(full, value), quorum, ttl, timeout, cancellationToken).ConfigureAwait(false);
        return new(Encoding.UTF8.GetString(full), sequence, result);
    }

    /// <summary>Gets a value.</summary>
    /// <param name="key">A name of this node's own, or a key that begins with "/".</param>
    /// <param name="quorum">How many peers must give it; the best of theirs is the result.</param>
    /// <param name="timeout">Gives what there is by then.</param>
    /// <param name="skipsLocal">Ask others though this node has it.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<DhtValue> GetAsync(
        string key,
        KadQuorum quorum = default,
        TimeSpan? timeout = null,
        bool skipsLocal = false,
        CancellationToken cancellationToken = default)
    {
        byte[] full = KeyOf(key);
        KadResult result = await Service.GetAsync(full, quorum, skipsLocal, timeout, cancellationToken)
            .ConfigureAwait(false);
        return Open(full, result);
    }

    /// <summary>The bytes of a key as text: see the remarks of the class.</summary>
    /// <exception cref="WeftException">Usage: empty, or too long.</exception>
    public byte[] KeyOf(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        if (key.Length == 0 || Encoding.UTF8.GetByteCount(key) > SignedValue.NameBytesMax)
        {
            throw new WeftException(
                WeftError.Usage, $"A key has 1 to {SignedValue.NameBytesMax} bytes. Nothing was asked.");
        }

        return key[0] == '/' ? Encoding.UTF8.GetBytes(key) : SignedValue.KeyOf(_network.Id, key);
    }

    /// <summary>
    /// The multihash that a text is provided under: the text itself when it is one ("Qm…"), else the SHA-256 of its
    /// bytes.
    /// </summary>
    /// <exception cref="WeftException">Usage: empty, or too long.</exception>
    public byte[] ContentKeyOf(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (PeerId.TryParse(text, out PeerId multihash))
        {
            return multihash.Span.ToArray();
        }

        byte[] bytes = Encoding.UTF8.GetBytes(text);
        if (bytes.Length is 0 or > SignedValue.NameBytesMax)
        {
            throw new WeftException(
                WeftError.Usage, $"What is provided has 1 to {SignedValue.NameBytesMax} bytes. Nothing was asked.");
        }

        var key = new byte[34];
        (key[0], key[1]) = (0x12, 32);
        _network.Node.Crypto.Sha256(bytes, key.AsSpan(2));
        return key;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => Service.DisposeAsync();

    internal Task StartAsync(CancellationToken cancellationToken) => Service.StartAsync(cancellationToken);

    private bool IsOwn(ReadOnlySpan<byte> key) =>
        key.StartsWith(Encoding.UTF8.GetBytes($"/{SignedValue.Namespace}/{_network.Id}/"));

    /// <summary>Above what this node knows, and above what it may have forgotten: the clock.</summary>
    private async Task<ulong> NextSequenceAsync(byte[] key, CancellationToken cancellationToken)
    {
        ulong known = await Service.UseRecordsAsync(
            (records, nowMs) => records.TryGet(key, nowMs, out StoredRecord held)
                && SignedValue.TryOpen(key, held.Record.Value.Span, _network.Node.Crypto, out SignedValue? opened)
                    ? opened!.Sequence
                    : 0UL,
            cancellationToken).ConfigureAwait(false);
        return Math.Max(known + 1, (ulong)WallClock.ToState(_network.Node.Time.GetUtcNow()));
    }

    private DhtValue Open(byte[] key, KadResult result)
    {
        ReadOnlyMemory<byte> payload = result.Record.IsEmpty ? default : result.Record.Value;
        PeerId owner = default;
        ulong sequence = 0;
        if (!payload.IsEmpty && SignedValue.TryOpen(key, payload.Span, _network.Node.Crypto, out SignedValue? opened))
        {
            (owner, sequence, payload) = (opened!.Owner, opened.Sequence, opened.Payload);
        }

        return new(Encoding.UTF8.GetString(key), !result.Record.IsEmpty, payload, owner, sequence, result);
    }
}

/// <summary>What became of a value that was put.</summary>
/// <param name="Key">The whole key.</param>
/// <param name="Sequence">The number it was signed with; 0 when it was not.</param>
/// <param name="Result">How many peers keep it, and what that took.</param>
public sealed record DhtPut(string Key, ulong Sequence, KadResult Result);

/// <summary>What came of a question for a value.</summary>
/// <param name="Key">The whole key.</param>
/// <param name="IsFound">There is one.</param>
/// <param name="Payload">The value, out of its envelope.</param>
/// <param name="Owner">Who signed it; the default when nobody did.</param>
/// <param name="Sequence">The number it was signed with.</param>
/// <param name="Result">How many peers gave it, and what that took.</param>
public sealed record DhtValue(
    string Key, bool IsFound, ReadOnlyMemory<byte> Payload, PeerId Owner, ulong Sequence, KadResult Result);

/// <summary>Writes the changes of a record store into the node's store, and reads them back after a restart.</summary>
/// <param name="store">Says when they are durable.</param>
/// <param name="shelf">Keeps them.</param>
internal sealed class RecordJournal(IStore store, IRecordShelf shelf) : IRecordJournal
{
    public void OnKept(in StoredRecord record) => shelf.Write(new(
        record.Record.Key, record.Record.Encoded, record.ExpiresMs, record.ReceivedMs, record.IsOwn));

    public void OnRemoved(ReadOnlyMemory<byte> key) => shelf.Write(new(key, default, 0, 0, false));

    internal void Restore(MemoryRecordStore records)
    {
        foreach (RecordChange change in shelf.Load())
        {
            // Others share the shelf. Their keys begin with bytes below the space: no keys of the DHT do.
            if (change.Key.Span is [>= 0x20, ..]
                && KadRecord.TryRead(change.Record.Span, out KadRecord record, out _))
            {
                records.Restore(record, change.ExpiresMs, change.ReceivedMs, change.IsOwn);
            }
        }
    }

    internal async ValueTask FlushAsync(CancellationToken cancellationToken) =>
        await store.AppendAsync(CommitBatch.Empty, Durability.Disk).AsTask().WaitAsync(cancellationToken)
            .ConfigureAwait(false);
}
