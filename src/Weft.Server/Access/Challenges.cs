using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Weft.Server.Access;

/// <summary>
/// The nonces of challenges. A nonce carries its own time and a seal of this process, so that asking for many of them
/// fills no table; only those that somebody has proved a key with are remembered, until they are too old anyway.
/// </summary>
internal sealed class Challenges(int usedMax, TimeProvider time)
{
    /// <summary>Bytes of a nonce.</summary>
    internal const int NonceLength = 32;

    /// <summary>How long a challenge may be answered.</summary>
    internal static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(60);

    private const int StampLength = 8;
    private const int SealedLength = 16;

    private readonly Lock _gate = new();
    private readonly byte[] _key = RandomNumberGenerator.GetBytes(SHA256.HashSizeInBytes);
    private readonly long _started = time.GetTimestamp();
    private readonly HashSet<UInt128> _used = [];
    private readonly Queue<(UInt128 Nonce, TimeSpan At)> _order = new();

    private TimeSpan Now => time.GetElapsedTime(_started); // Not the wall clock: it may be set while somebody answers.

    /// <summary>Makes a nonce.</summary>
    /// <param name="nonce">Takes 32 bytes.</param>
    internal void Make(Span<byte> nonce)
    {
        BinaryPrimitives.WriteInt64BigEndian(nonce, Now.Ticks);
        RandomNumberGenerator.Fill(nonce[StampLength..SealedLength]);
        Seal(nonce[..SealedLength], nonce[SealedLength..NonceLength]);
    }

    /// <summary>True when this process made the nonce, less than a minute ago. It may have been used.</summary>
    internal bool IsFresh(ReadOnlySpan<byte> nonce)
    {
        if (nonce.Length != NonceLength)
        {
            return false;
        }

        Span<byte> seal = stackalloc byte[NonceLength - SealedLength];
        Seal(nonce[..SealedLength], seal);
        return CryptographicOperations.FixedTimeEquals(seal, nonce[SealedLength..])
            && Now - new TimeSpan(BinaryPrimitives.ReadInt64BigEndian(nonce)) is { Ticks: >= 0 } age && age < Lifetime;
    }

    /// <summary>Uses a fresh nonce up.</summary>
    /// <returns>False when it was used before, or when too many are remembered to take another.</returns>
    internal bool TryUse(ReadOnlySpan<byte> nonce)
    {
        UInt128 id = BinaryPrimitives.ReadUInt128BigEndian(nonce);
        lock (_gate)
        {
            TimeSpan now = Now;
            while (_order.TryPeek(out (UInt128 Nonce, TimeSpan At) oldest) && now - oldest.At >= Lifetime)
            {
                _used.Remove(_order.Dequeue().Nonce);
            }

            if (_order.Count >= usedMax || !_used.Add(id))
            {
                return false;
            }

            _order.Enqueue((id, now));
            return true;
        }
    }

    private void Seal(ReadOnlySpan<byte> stamped, Span<byte> seal)
    {
        Span<byte> whole = stackalloc byte[SHA256.HashSizeInBytes];
        HMACSHA256.HashData(_key, stamped, whole);
        whole[..seal.Length].CopyTo(seal);
    }
}
