using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using Weft.Crypto;
using Weft.Node.Commits;

namespace Weft.Storage.Sealing;

/// <summary>What a sealed piece is; part of its nonce and of what it is bound to.</summary>
internal enum SealKind : byte
{
    LogRecord = 1,
    Page = 2,
    PageLogHeader = 3,
    Cold = 4,
    BlobHead = 5,
    BlobChunk = 6,
    BlobTree = 7,
}

/// <summary>
/// Seals pieces of a store with AES-256-GCM: <c>ciphertext | tag 16 | epoch 16 | counter u64</c>.
/// </summary>
/// <remarks>
/// An epoch is 16 random bytes, drawn at every open, and again after 2^32 pieces. Its key is HKDF(data key, salt
/// epoch), its nonces count upwards from 1. So no key and nonce come twice: not after a crash (another epoch), not in
/// two stores restored from one backup (other epochs), and nothing has to be remembered on the disk. Safe to call from
/// many threads. Source: docs/spec/storage.md, "Encryption at rest".
/// </remarks>
internal sealed class Sealer : ICommitSeal, IDisposable
{
    public const int Overhead = TagBytes + EpochBytes + sizeof(ulong);

    private const int TagBytes = 16;
    private const int EpochBytes = 16;
    private const int NonceBytes = 12;
    private const int KeyBytes = 32;
    private const int KeysMax = 4_096;
    private const ulong SealsMax = 1UL << 32;

    private readonly ICrypto _crypto;
    private readonly byte[] _dataKey;
    private readonly ulong _sealsMax;
    private readonly ConcurrentDictionary<UInt128, EpochKey> _keys = new();
    private readonly Lock _gate = new();
    private Epoch _epoch;

    /// <summary>Takes the data key over and clears it when disposed.</summary>
    public Sealer(ICrypto crypto, byte[] dataKey, ulong sealsMax = SealsMax)
    {
        _crypto = crypto;
        _dataKey = dataKey;
        _sealsMax = sealsMax;
        _epoch = NewEpoch();
    }

    public int OverheadBytes => Overhead;

    /// <summary>Seals; the target is as long as the plain bytes and <see cref="Overhead"/>.</summary>
    public void Seal(SealKind kind, ReadOnlySpan<byte> plain, ReadOnlySpan<byte> bound, Span<byte> target)
    {
        Epoch epoch = TakeNumber(out ulong number);
        Span<byte> tail = target[(plain.Length + TagBytes)..];
        BinaryPrimitives.WriteUInt128LittleEndian(tail, epoch.Id);
        BinaryPrimitives.WriteUInt64LittleEndian(tail[EpochBytes..], number);
        Span<byte> nonce = stackalloc byte[NonceBytes];
        Nonce(nonce, kind, number);
        IAeadKey key = epoch.Key.Rent();
        key.Seal(nonce, plain, bound, target[..(plain.Length + TagBytes)]);
        epoch.Key.Return(key);
    }

    /// <summary>
    /// Opens what <see cref="Seal(SealKind, ReadOnlySpan{byte}, ReadOnlySpan{byte}, Span{byte})"/> made.
    /// </summary>
    /// <returns>False when anything was changed; then the plain bytes are cleared.</returns>
    public bool TryOpen(SealKind kind, ReadOnlySpan<byte> sealedBytes, ReadOnlySpan<byte> bound, Span<byte> plain)
    {
        ReadOnlySpan<byte> tail = sealedBytes[(plain.Length + TagBytes)..];
        UInt128 epoch = BinaryPrimitives.ReadUInt128LittleEndian(tail);
        Span<byte> nonce = stackalloc byte[NonceBytes];
        Nonce(nonce, kind, BinaryPrimitives.ReadUInt64LittleEndian(tail[EpochBytes..]));
        bool isKnown = _keys.TryGetValue(epoch, out EpochKey? known);
        EpochKey key = known ?? Derive(epoch);
        IAeadKey cipher = key.Rent();
        bool opened = cipher.Open(nonce, sealedBytes[..(plain.Length + TagBytes)], bound, plain);
        key.Return(cipher);

        // Only an epoch that has sealed something is remembered: bytes of a tampered file never fill the memory.
        if (!isKnown && (!opened || _keys.Count >= KeysMax || !_keys.TryAdd(epoch, key)))
        {
            key.Dispose();
        }

        return opened;
    }

    public void Seal(ReadOnlySpan<byte> payload, ReadOnlySpan<byte> bound, Span<byte> target) =>
        Seal(SealKind.LogRecord, payload, bound, target);

    public bool TryOpen(ReadOnlySpan<byte> sealedPayload, ReadOnlySpan<byte> bound, Span<byte> payload) =>
        TryOpen(SealKind.LogRecord, sealedPayload, bound, payload);

    /// <summary>Gives something a name that tells nobody without the data key what it stands for.</summary>
    /// <param name="what">What to name.</param>
    /// <param name="name">Takes 32 bytes.</param>
    public void Name(ReadOnlySpan<byte> what, Span<byte> name) =>
        _crypto.HkdfSha256(_dataKey, what, "weft/at-rest/blob/1"u8, name);

    /// <summary>Clears the keys; nothing may be sealed or opened any more.</summary>
    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(_dataKey);
        foreach (EpochKey key in _keys.Values)
        {
            key.Dispose();
        }

        _keys.Clear();
    }

    private static void Nonce(Span<byte> nonce, SealKind kind, ulong number)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(nonce, (uint)kind);
        BinaryPrimitives.WriteUInt64LittleEndian(nonce[4..], number);
    }

    private Epoch TakeNumber(out ulong number)
    {
        while (true)
        {
            Epoch epoch = Volatile.Read(ref _epoch);
            number = Interlocked.Increment(ref epoch.Number);
            if (number <= _sealsMax)
            {
                return epoch;
            }

            lock (_gate)
            {
                if (_epoch == epoch)
                {
                    Volatile.Write(ref _epoch, NewEpoch());
                }
            }
        }
    }

    private Epoch NewEpoch()
    {
        Span<byte> id = stackalloc byte[EpochBytes];
        RandomNumberGenerator.Fill(id);
        UInt128 epoch = BinaryPrimitives.ReadUInt128LittleEndian(id);
        EpochKey key = Derive(epoch);
        _keys[epoch] = key;
        return new Epoch(epoch, key);
    }

    private EpochKey Derive(UInt128 epoch)
    {
        byte[] key = GC.AllocateArray<byte>(KeyBytes, pinned: true);
        Span<byte> salt = stackalloc byte[EpochBytes];
        BinaryPrimitives.WriteUInt128LittleEndian(salt, epoch);
        _crypto.HkdfSha256(_dataKey, salt, "weft/at-rest/1"u8, key);
        return new EpochKey(_crypto, key);
    }

    private sealed class Epoch(UInt128 id, EpochKey key)
    {
        public ulong Number;

        public UInt128 Id => id;

        public EpochKey Key => key;
    }
}
