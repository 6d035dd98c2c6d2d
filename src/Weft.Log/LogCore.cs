using System.Security.Cryptography;
using Weft.Crypto;
using Weft.Log.Manifests;
using Weft.Log.Tree;

namespace Weft.Log;

/// <summary>
/// One signed append-only log: appends, reads, proves, verifies, cuts back and clears. Pure: its store is the only
/// thing
/// it touches, one caller at a time.
/// </summary>
/// <remarks>
/// A call changes nothing unless it returns <see cref="LogVerdict.Accepted"/> (or, for a contradiction,
/// <see cref="LogVerdict.Conflict"/>). When the store throws, the log has not changed. Source: docs/spec/log.md.
/// </remarks>
public sealed partial class LogCore : IDisposable
{
    private readonly LogHasher _hasher;
    private readonly ILogStore _store;
    private readonly StoredNodes _nodes;
    private readonly LogKeyPair? _keys;
    private readonly LogBitfield _bits = new();
    private readonly Queue<(long Number, LogHead Head)> _undurable = [];
    private byte[]? _secret;
    private BlockCipher? _cipher;
    private ManifestVerifier _verifier;
    private MerkleTree _tree;
    private LogState _state;

    private LogCore(LogHasher hasher, ILogStore store, LogState state, ManifestVerifier verifier, LogKeyPair? keys)
    {
        _hasher = hasher;
        _store = store;
        _nodes = new StoredNodes(store);
        _state = state;
        _verifier = verifier;
        _keys = keys;
        _tree = new MerkleTree(hasher, state.Head.Roots.Span);
        Published = state.Head;
        DiscoveryKey = hasher.DiscoveryKey(state.Key);
        store.ReadBits(_bits);
    }

    /// <summary>The log's key: who has it can verify the log.</summary>
    public Hash32 Key => _state.Key;

    /// <summary>What peers look the log up by; it does not give the key away.</summary>
    public Hash32 DiscoveryKey { get; }

    /// <summary>Blocks, whether they are here or not.</summary>
    public long Length => _tree.Length;

    /// <summary>Bytes of all blocks, without the padding of block encryption when its key is known.</summary>
    public long ByteLength => _tree.ByteLength - (Padding * _tree.Length);

    /// <summary>How often the log was cut back.</summary>
    public long Fork => _state.Head.Fork;

    /// <summary>The signed head, as far as it is written.</summary>
    public LogHead Head => _state.Head;

    /// <summary>The signed head, as far as it is durable: what peers may be shown.</summary>
    public LogHead Published { get; private set; }

    /// <summary>The manifest; null while it is unknown.</summary>
    public LogManifest? Manifest => _state.Manifest.IsEmpty ? null : _verifier.Manifest;

    /// <summary>True when the log's key is its signer's public key, as it was before there were manifests.</summary>
    public bool IsCompat => _verifier.IsCompat;

    /// <summary>True when this node can append.</summary>
    public bool IsWritable => _keys is not null && _verifier.CanSign(_keys.PublicKey);

    /// <summary>The contradiction that stopped the log; null while there is none.</summary>
    public LogEvidence? Evidence => _state.Evidence;

    /// <summary>True from a restore until <see cref="EndRecovery"/>.</summary>
    public bool IsRecovering => _state.IsRecovering;

    /// <summary>Which blocks are here. Not to be changed by the caller.</summary>
    public LogBitfield Bits => _bits;

    /// <summary>Blocks from the start without a gap.</summary>
    public long ContiguousLength => _bits.FirstUnset(0);

    /// <summary>The number the store gave the last change.</summary>
    public long LastCommit { get; private set; }

    private int Padding => _cipher is null ? 0 : BlockCipher.Padding;

    /// <summary>Opens a log of one's own: version 1, one signer. A new one begins empty.</summary>
    /// <param name="crypto">The primitives.</param>
    /// <param name="store">Where it is kept.</param>
    /// <param name="keys">Its signer; the caller disposes it.</param>
    /// <exception cref="InvalidDataException">The store holds another log, or a head that its signer did not
    /// sign.</exception>
    public static LogCore OpenOwn(ICrypto crypto, ILogStore store, LogKeyPair keys)
    {
        var hasher = new LogHasher(crypto);
        LogManifest manifest = LogManifest.OneSigner(hasher.DefaultNamespace, keys.PublicKey);
        return Open(hasher, store, manifest.Key(hasher), manifest, keys);
    }

    /// <summary>Opens a log of someone else, or any log by its key.</summary>
    /// <param name="crypto">The primitives.</param>
    /// <param name="store">Where it is kept.</param>
    /// <param name="key">The log's key.</param>
    /// <param name="keys">The signer, when it is here.</param>
    /// <exception cref="InvalidDataException">The store holds another log, or a head that its signers did not
    /// sign.</exception>
    public static LogCore OpenKey(ICrypto crypto, ILogStore store, Hash32 key, LogKeyPair? keys = null) =>
        Open(new LogHasher(crypto), store, key, null, keys);

    /// <summary>Opens a log by its manifest: one with several signers, or an old version.</summary>
    /// <param name="crypto">The primitives.</param>
    /// <param name="store">Where it is kept.</param>
    /// <param name="manifest">The manifest.</param>
    /// <param name="keys">The signer, when it is here and the only one.</param>
    /// <exception cref="InvalidDataException">The store holds another log, or a head that its signers did not
    /// sign.</exception>
    public static LogCore OpenManifest(ICrypto crypto, ILogStore store, LogManifest manifest, LogKeyPair? keys = null)
    {
        var hasher = new LogHasher(crypto);
        return Open(hasher, store, manifest.Key(hasher), manifest, keys);
    }

    /// <summary>
    /// Turns block encryption on: appends encrypt, reads decrypt. Blocks that are here are not touched.
    /// </summary>
    /// <param name="secret">32 bytes that the log's readers share; copied, and cleared on dispose.</param>
    public void UseEncryption(ReadOnlySpan<byte> secret)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(secret.Length, XSalsa20.KeyLength, nameof(secret));
        ForgetSecret();
        _secret = secret.ToArray();
        DeriveCipher();
    }

    /// <summary>Appends blocks: all of them under one signature, or none.</summary>
    /// <param name="blocks">1 and more blocks, each up to <see cref="LogLimits.BlockBytesMax"/>; not to be changed
    /// afterwards.</param>
    /// <returns>Accepted, NotWritable, Stopped, Recovering, TooLarge.</returns>
    public LogVerdict Append(params ReadOnlySpan<ReadOnlyMemory<byte>> blocks)
    {
        LogVerdict verdict = MayWrite();
        if (verdict != LogVerdict.Accepted || blocks.IsEmpty)
        {
            return verdict;
        }

        verdict = Build(blocks, out MerkleTree? tree, out LogCommit? commit);
        if (verdict == LogVerdict.Accepted)
        {
            Commit(tree!, commit!);
        }

        return verdict;
    }

    private LogVerdict Build(
        ReadOnlySpan<ReadOnlyMemory<byte>> blocks, out MerkleTree? built, out LogCommit? commit)
    {
        (built, commit) = (null, null);
        MerkleTree tree = _tree.Clone();
        var nodes = new List<TreeNode>(2 * blocks.Length);
        var stored = new List<KeyValuePair<long, ReadOnlyMemory<byte>>>(blocks.Length);
        foreach (ReadOnlyMemory<byte> block in blocks)
        {
            if (block.Length > LogLimits.BlockBytesMax - Padding)
            {
                return LogVerdict.TooLarge;
            }

            long index = tree.Length;
            ReadOnlyMemory<byte> bytes = _cipher?.Encrypt(index, Fork, block.Span) ?? block;
            if (!tree.TryAppend(bytes.Span, nodes))
            {
                return LogVerdict.TooLarge;
            }

            stored.Add(new(index, bytes));
        }

        built = tree;
        commit = new LogCommit
        {
            State = _state with { Head = SignedHead(tree, Fork), Manifest = _verifier.Manifest.Encode() },
            Nodes = nodes,
            Blocks = stored,
            Bits = [new LogBitRange(_tree.Length, blocks.Length, true)],
        };
        return LogVerdict.Accepted;
    }

    /// <summary>Reads a block, decrypted when block encryption is on.</summary>
    /// <returns>False when it is not here.</returns>
    public bool TryGet(long index, out ReadOnlyMemory<byte> block)
    {
        block = default;
        if (index < 0 || index >= Length || !_bits[index]
            || !_store.TryReadBlock(index, out ReadOnlyMemory<byte> bytes))
        {
            return false;
        }

        if (_cipher is null)
        {
            block = bytes;
            return true;
        }

        block = _cipher.Decrypt(index, bytes.Span);
        return bytes.Length >= BlockCipher.Padding;
    }

    /// <summary>Finds the block that holds a byte of the log's content.</summary>
    /// <param name="bytes">0 to <see cref="ByteLength"/>.</param>
    /// <param name="index">Takes the block, or the length when the byte is the end.</param>
    /// <param name="offset">Takes the place of the byte in the block.</param>
    /// <returns>False outside of the log, or when a node on the way is not here.</returns>
    public bool TrySeek(long bytes, out long index, out long offset)
    {
        index = offset = 0;
        long found = bytes < 0 ? -1 : MerkleTree.Seek(_tree.Roots, bytes, Padding, _nodes, out offset);
        index = found / 2;
        return found >= 0 && (found & 1) == 0;
    }

    /// <summary>Cuts the log back. Readers follow, because the fork rises.</summary>
    /// <param name="length">0 to <see cref="Length"/> - 1.</param>
    /// <returns>Accepted, NotWritable, Stopped, Recovering, OutOfRange.</returns>
    public LogVerdict Truncate(long length)
    {
        LogVerdict verdict = MayWrite();
        if (verdict != LogVerdict.Accepted)
        {
            return verdict;
        }

        if (length < 0 || length >= Length || MerkleTree.At(length, _hasher, _nodes) is not MerkleTree tree)
        {
            return LogVerdict.OutOfRange;
        }

        Commit(tree, new LogCommit
        {
            State = _state with { Head = SignedHead(tree, Fork + 1) },
            TruncateTo = length,
            Bits = [new LogBitRange(length, Length - length, false)],
        });
        return LogVerdict.Accepted;
    }

    /// <summary>Forgets the data of blocks. The log stays provable: their hashes stay.</summary>
    /// <param name="start">The first block.</param>
    /// <param name="end">The block after the last.</param>
    /// <returns>Accepted, OutOfRange.</returns>
    public LogVerdict Clear(long start, long end)
    {
        if (start < 0 || end < start || end > Length)
        {
            return LogVerdict.OutOfRange;
        }

        if (start < end)
        {
            var range = new LogBitRange(start, end - start, false);
            Commit(_tree, new LogCommit { State = _state, Cleared = range, Bits = [range] });
        }

        return LogVerdict.Accepted;
    }

    /// <summary>Says that the writer has asked enough peers and none knows a longer log: appends may begin.</summary>
    public void EndRecovery()
    {
        if (_state.IsRecovering)
        {
            Commit(_tree, new LogCommit { State = _state with { IsRecovering = false } });
        }
    }

    /// <summary>Tells that all changes up to a number are durable; heads among them may be shown to peers.</summary>
    /// <param name="number">A number that <see cref="ILogStore.Write"/> gave.</param>
    public void OnDurable(long number)
    {
        while (_undurable.TryPeek(out (long Number, LogHead Head) oldest) && oldest.Number <= number)
        {
            Published = _undurable.Dequeue().Head;
        }
    }

    /// <summary>Clears the keys of block encryption.</summary>
    public void Dispose() => ForgetSecret();

    private static LogCore Open(
        LogHasher hasher, ILogStore store, Hash32 key, LogManifest? manifest, LogKeyPair? keys)
    {
        LogState? state = store.ReadState();
        if (state is not null && state.Key != key)
        {
            throw new InvalidDataException($"The store holds the log {state.Key}, not {key}. Nothing was changed.");
        }

        bool isKnown = manifest is not null || state is { Manifest.IsEmpty: false };
        if (manifest is null && isKnown && !LogManifest.TryDecode(state!.Manifest.Span, out manifest))
        {
            throw new InvalidDataException($"The manifest stored for the log {key} is damaged.");
        }

        ManifestVerifier? verifier = manifest is null
            ? ManifestVerifier.Compat(hasher, key)
            : ManifestVerifier.Create(hasher, key, manifest);
        state ??= new LogState { Key = key };
        state = state with { Manifest = isKnown ? manifest!.Encode() : default };
        if (verifier is null || !IsSigned(hasher, state, verifier))
        {
            throw new InvalidDataException($"The head stored for the log {key} is not what its signers signed.");
        }

        return new LogCore(hasher, store, state, verifier, keys);
    }

    private static bool IsSigned(LogHasher hasher, LogState state, ManifestVerifier verifier)
    {
        LogHead head = state.Head;
        var tree = new MerkleTree(hasher, head.Roots.Span);
        return tree.Length == head.Length && tree.ByteLength == head.ByteLength
            && ((head.Length == 0 && head.Fork == 0) || verifier.Verify(tree, head.Fork, head.Signature.Span));
    }

    /// <summary>
    /// Again whenever the manifest becomes known: logs from before manifests derive their keys differently.
    /// </summary>
    private void DeriveCipher()
    {
        if (_secret is not null)
        {
            _cipher?.Dispose();
            _cipher = BlockCipher.Create(_hasher, Key, _secret, IsCompat);
        }
    }

    private void ForgetSecret()
    {
        CryptographicOperations.ZeroMemory(_secret);
        _secret = null;
        _cipher?.Dispose();
        _cipher = null;
    }

    private LogVerdict MayWrite() =>
        Evidence is not null ? LogVerdict.Stopped
        : !IsWritable ? LogVerdict.NotWritable
        : IsRecovering ? LogVerdict.Recovering
        : LogVerdict.Accepted;

    private LogHead SignedHead(MerkleTree tree, long fork) =>
        HeadOf(tree, fork, _verifier.Sign(_keys!.Seed, tree, fork));

    private static LogHead HeadOf(MerkleTree tree, long fork, ReadOnlyMemory<byte> signature) =>
        new(fork, tree.Length, tree.ByteLength, tree.Roots.ToArray(), signature);

    /// <summary>Writes first: when the store throws, nothing here has changed.</summary>
    private void Commit(MerkleTree tree, LogCommit commit) => Took(tree, commit, _store.Write(commit));

    private void Took(MerkleTree tree, LogCommit commit, long number)
    {
        LastCommit = number;
        if (!ReferenceEquals(commit.State.Head, _state.Head))
        {
            _undurable.Enqueue((LastCommit, commit.State.Head));
        }

        _tree = tree;
        _state = commit.State;
        foreach (LogBitRange range in commit.Bits)
        {
            _bits.Apply(range);
        }
    }

    private sealed class StoredNodes(ILogStore store) : ITreeNodes
    {
        public bool TryReadNode(long index, out TreeNode node) => store.TryReadNode(index, out node);
    }
}
