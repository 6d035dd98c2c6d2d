using System.Buffers;
using System.Buffers.Binary;
using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Weft.Crypto;

/// <summary>An epoch's key, wrapped so that one member's X25519 secret opens it; older keys may come with it.</summary>
/// <remarks>
/// Ephemeral X25519, HKDF, ChaCha20-Poly1305 under an all-zero nonce: each wrap has a key of its own, because the
/// ephemeral key is made for one epoch and the member's key goes into the derivation. Which older keys come is no
/// secret, so that the owner's other devices see what a member still lacks. Source: docs/spec/groups.md, section 2.
/// </remarks>
internal sealed class GroupWrap
{
    private const int TagLength = 16;
    private const int NumberDigits = 10;
    private const int NameBytes = sizeof(uint) + GroupEpoch.IdLength;

    private readonly byte[] _sealed;

    private GroupWrap(string[] history, byte[] sealedKeys) => (History, _sealed) = (history, sealedKeys);

    /// <summary>No key: the member has published none to wrap for.</summary>
    public static GroupWrap Empty { get; } = new([], []);

    public bool IsEmpty => _sealed.Length == 0;

    /// <summary>Names of the older epochs.</summary>
    public string[] History { get; }

    private static ReadOnlySpan<byte> Domain => "weft/group/wrap/1\0"u8;

    private static ReadOnlySpan<byte> CheckDomain => "weft/group/check/1\0"u8;

    private static ReadOnlySpan<byte> ZeroNonce => [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

    /// <summary>Lets a member see that he got the same key as the others.</summary>
    public static void WriteCheck(ICrypto crypto, ReadOnlySpan<byte> epochKey, Span<byte> check) =>
        crypto.HmacSha256(epochKey, CheckDomain, check);

    /// <summary>Reads a wrap and moves on; null when there is none in the one form.</summary>
    public static GroupWrap? Read(ref ReadOnlySpan<byte> rest)
    {
        if (rest.IsEmpty || rest[0] > 1 || (rest[0] == 1 && rest.Length < 1 + sizeof(ushort)))
        {
            return null;
        }

        bool isEmpty = rest[0] == 0;
        rest = rest[1..];
        if (isEmpty)
        {
            return Empty;
        }

        int count = BinaryPrimitives.ReadUInt16BigEndian(rest);
        rest = rest[sizeof(ushort)..];
        int sealedLength = ((count + 1) * GroupEpoch.KeyLength) + TagLength;
        if (count > GroupEpoch.HistoryMax || rest.Length < (count * NameBytes) + sealedLength)
        {
            return null;
        }

        var history = new string[count];
        for (int i = 0; i < count; i++)
        {
            history[i] = GroupEpoch.NameOf(
                BinaryPrimitives.ReadUInt32BigEndian(rest), rest.Slice(sizeof(uint), GroupEpoch.IdLength));
            rest = rest[NameBytes..];
        }

        byte[] sealedKeys = rest[..sealedLength].ToArray();
        rest = rest[sealedLength..];
        return new GroupWrap(history, sealedKeys);
    }

    /// <summary>Wraps; empty when the member's public key is none.</summary>
    public static GroupWrap Seal(
        ICrypto crypto,
        ReadOnlySpan<byte> network,
        GroupName group,
        uint number,
        ReadOnlySpan<byte> ephemeralSecret,
        ReadOnlySpan<byte> ephemeral,
        in GroupRecipient recipient,
        ReadOnlySpan<byte> epochKey)
    {
        Span<byte> wrapKey = stackalloc byte[GroupEpoch.KeyLength];
        ReadOnlySpan<byte> sealingKey = recipient.SealingKey.Span;
        if (!DeriveKey(
            crypto, network, group, number, ephemeralSecret, sealingKey, ephemeral, sealingKey, recipient.Member.Key,
            wrapKey))
        {
            return Empty;
        }

        var plain = new byte[(recipient.History.Count + 1) * GroupEpoch.KeyLength];
        epochKey.CopyTo(plain);
        for (int i = 0; i < recipient.History.Count; i++)
        {
            recipient.History[i].Key.CopyTo(plain, (i + 1) * GroupEpoch.KeyLength);
        }

        var wrap = new byte[plain.Length + TagLength];
        crypto.SealChaCha20Poly1305(wrapKey, ZeroNonce, plain, [], wrap);
        CryptographicOperations.ZeroMemory(wrapKey);
        CryptographicOperations.ZeroMemory(plain);
        return new([.. recipient.History.Select(old => old.Epoch)], wrap);
    }

    /// <summary>Writes what <see cref="Read"/> reads.</summary>
    public void Write(ArrayBufferWriter<byte> into)
    {
        into.Write([(byte)(IsEmpty ? 0 : 1)]);
        if (IsEmpty)
        {
            return;
        }

        BinaryPrimitives.WriteUInt16BigEndian(into.GetSpan(sizeof(ushort)), (ushort)History.Length);
        into.Advance(sizeof(ushort));
        foreach (string name in History)
        {
            Span<byte> bytes = into.GetSpan(NameBytes + 2)[..(NameBytes + 2)];
            BinaryPrimitives.WriteUInt32BigEndian(
                bytes, uint.Parse(name.AsSpan(1, NumberDigits), CultureInfo.InvariantCulture));
            Base64Url.DecodeFromChars(name.AsSpan(2 + NumberDigits), bytes[sizeof(uint)..]);
            into.Advance(NameBytes);
        }

        into.Write(_sealed);
    }

    /// <summary>Unwraps: the epoch's own key first; empty when it does not open.</summary>
    public IReadOnlyList<EpochKey> Open(
        GroupEpoch epoch, ICrypto crypto, Ed25519KeyPair member, ReadOnlySpan<byte> network)
    {
        Span<byte> secret = stackalloc byte[SealingKey.Length];
        Span<byte> sealingKey = stackalloc byte[SealingKey.Length];
        Span<byte> wrapKey = stackalloc byte[GroupEpoch.KeyLength];
        SealingKey.DeriveSecret(crypto, member, secret);
        crypto.PublicKeyX25519(secret, sealingKey);
        bool agreed = DeriveKey(
            crypto, network, epoch.Group, epoch.Number, secret, epoch.Ephemeral, epoch.Ephemeral, sealingKey,
            member.PublicKey, wrapKey);
        CryptographicOperations.ZeroMemory(secret);
        var plain = new byte[_sealed.Length - TagLength];
        if (!agreed || !crypto.OpenChaCha20Poly1305(wrapKey, ZeroNonce, _sealed, [], plain))
        {
            return [];
        }

        CryptographicOperations.ZeroMemory(wrapKey);
        Span<byte> check = stackalloc byte[GroupEpoch.KeyLength];
        WriteCheck(crypto, plain.AsSpan(0, GroupEpoch.KeyLength), check);
        var keys = new List<EpochKey>();
        if (CryptographicOperations.FixedTimeEquals(check, epoch.Check))
        {
            keys.Add(new(epoch.Name, plain[..GroupEpoch.KeyLength]));
            for (int i = 0; i < History.Length; i++)
            {
                keys.Add(new(History[i], plain.AsSpan((i + 1) * GroupEpoch.KeyLength, GroupEpoch.KeyLength).ToArray()));
            }
        }

        CryptographicOperations.ZeroMemory(plain);
        return keys;
    }

    private static bool DeriveKey(
        ICrypto crypto,
        ReadOnlySpan<byte> network,
        GroupName group,
        uint number,
        ReadOnlySpan<byte> mySecret,
        ReadOnlySpan<byte> theirKey,
        ReadOnlySpan<byte> ephemeral,
        ReadOnlySpan<byte> sealingKey,
        in Ed25519PublicKey member,
        Span<byte> wrapKey)
    {
        Span<byte> shared = stackalloc byte[SealingKey.Length];
        if (theirKey.Length != SealingKey.Length || !crypto.AgreeX25519(mySecret, theirKey, shared))
        {
            return false;
        }

        byte[] salt = [.. ephemeral, .. sealingKey];
        Span<byte> numberBytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(numberBytes, number);
        byte[] info = [.. Domain, .. network, .. member.Span, .. numberBytes, .. Encoding.UTF8.GetBytes(group.Soul)];
        crypto.HkdfSha256(shared, salt, info, wrapKey);
        CryptographicOperations.ZeroMemory(shared);
        return true;
    }
}
