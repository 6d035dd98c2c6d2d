using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;

namespace Weft.Crypto;

/// <summary>The key of one epoch, as it is handed on. Clear <see cref="Key"/> after use.</summary>
/// <param name="Epoch">The epoch's name.</param>
/// <param name="Key">32 bytes.</param>
public readonly record struct EpochKey(string Epoch, byte[] Key)
{
    /// <summary>The name; never the key.</summary>
    public override string ToString() => $"key of {Epoch}";
}

/// <summary>
/// One epoch of a group: who stands where, and a key wrapped for each member. Signed by the owner or the key that follows
/// him, never changed: every addition, removal and rotation is a further epoch. Its field name holds the hash of its bytes.
/// </summary>
/// <remarks>Immutable, safe to share. Source: docs/spec/groups.md, section 2.</remarks>
public sealed class GroupEpoch
{
    /// <summary>Persons, former members included, that one group can have.</summary>
    public const int MembersMax = 512;

    /// <summary>Older keys that one new member gets at the most: the newest ones.</summary>
    public const int HistoryMax = 256;

    /// <summary>Characters of an epoch's name.</summary>
    public const int NameLength = 1 + NumberDigits + 1 + IdTextLength;

    internal const int KeyLength = 32;
    internal const int IdLength = 16;
    private const int NumberDigits = 10;
    private const int IdTextLength = 22;

    private readonly GroupMember[] _members;
    private readonly GroupWrap[] _wraps;

    internal GroupEpoch(
        GroupName group,
        GroupAuthority by,
        uint number,
        string name,
        GroupMember[] members,
        GroupWrap[] wraps,
        byte[] ephemeral,
        byte[] check)
    {
        Group = group;
        By = by;
        Number = number;
        Name = name;
        _members = members;
        _wraps = wraps;
        Ephemeral = ephemeral;
        Check = check;
    }

    /// <summary>The group.</summary>
    public GroupName Group { get; }

    /// <summary>Who signed it, and since when that key may.</summary>
    public GroupAuthority By { get; }

    /// <summary>1 and up; higher than that of every epoch its maker knew.</summary>
    public uint Number { get; }

    /// <summary>The field that holds it: "e", ten digits, "-", 22 characters of a hash. Names sort by number.</summary>
    public string Name { get; }

    /// <summary>Everybody who ever was a member as far as the maker knew, in order of the keys.</summary>
    public IReadOnlyList<GroupMember> Members => _members;

    internal byte[] Ephemeral { get; }

    internal byte[] Check { get; }

    /// <summary>Reads an epoch and verifies who signed it.</summary>
    /// <param name="field">The field it stands in.</param>
    /// <param name="text">The value: a peer's text, nothing in it throws.</param>
    /// <param name="group">The group.</param>
    /// <param name="by">Who may change the group at the state of the field.</param>
    /// <param name="network">32 bytes.</param>
    /// <param name="crypto">The primitives.</param>
    /// <param name="epoch">The epoch, or null.</param>
    public static bool TryDecode(
        string field,
        ReadOnlySpan<char> text,
        GroupName group,
        in GroupAuthority by,
        ReadOnlySpan<byte> network,
        ICrypto crypto,
        [NotNullWhen(true)] out GroupEpoch? epoch)
    {
        epoch = IsName(field) ? GroupEpochCodec.Read(field, text, group, by, network, crypto) : null;
        return epoch is not null;
    }

    /// <summary>True when a field name has the form of an epoch's.</summary>
    public static bool IsName(ReadOnlySpan<char> field) =>
        field.Length == NameLength && field[0] == 'e' && field[1 + NumberDigits] == '-'
        && !field.Slice(1, NumberDigits).ContainsAnyExceptInRange('0', '9')
        && Base64Url.IsValid(field[(2 + NumberDigits)..]);

    /// <summary>What the epoch says of somebody; null when it does not know him.</summary>
    public GroupMember? Find(in Ed25519PublicKey key)
    {
        int at = IndexOf(key);
        return at < 0 ? null : _members[at];
    }

    /// <summary>True when the epoch's key is wrapped for somebody.</summary>
    public bool HasKeyFor(in Ed25519PublicKey key)
    {
        int at = IndexOf(key);
        return at >= 0 && !_wraps[at].IsEmpty;
    }

    /// <summary>The older epochs whose keys somebody gets by this one.</summary>
    public IReadOnlyList<string> HistoryFor(in Ed25519PublicKey key)
    {
        int at = IndexOf(key);
        return at < 0 ? [] : _wraps[at].History;
    }

    /// <summary>Unwraps the epoch's key, and the older ones that come with it.</summary>
    /// <param name="crypto">The primitives.</param>
    /// <param name="member">The member's key pair.</param>
    /// <param name="network">32 bytes.</param>
    /// <returns>The epoch's own key first; empty when there is none for the member, or it is damaged.</returns>
    public IReadOnlyList<EpochKey> Unwrap(ICrypto crypto, Ed25519KeyPair member, ReadOnlySpan<byte> network)
    {
        int at = IndexOf(member.PublicKey);
        return at < 0 || _wraps[at].IsEmpty ? [] : _wraps[at].Open(this, crypto, member, network);
    }

    /// <summary>
    /// True when this epoch's word includes all that <paramref name="older"/> says, so that nobody needs the older one
    /// for writing any more. What a key says never takes the place of what its successor says.
    /// </summary>
    internal bool Supersedes(GroupEpoch older)
    {
        int order = By.Since.CompareTo(older.By.Since);
        if (order < 0 || (order == 0 && string.CompareOrdinal(Name, older.Name) <= 0))
        {
            return false;
        }

        foreach (GroupMember said in older._members)
        {
            if (Find(said.Key) is not GroupMember now || said.Beats(now))
            {
                return false;
            }
        }

        return true;
    }

    internal static string NameOf(uint number, ReadOnlySpan<byte> id) =>
        string.Create(CultureInfo.InvariantCulture, $"e{number:D10}-{Base64Url.EncodeToString(id)}");

    internal static string NameOf(uint number, ReadOnlySpan<byte> record, ICrypto crypto)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        crypto.Sha256(record, hash);
        return NameOf(number, hash[..IdLength]);
    }

    private int IndexOf(in Ed25519PublicKey key)
    {
        int low = 0;
        int high = _members.Length - 1;
        while (low <= high)
        {
            int middle = (low + high) / 2;
            int order = _members[middle].Key.CompareTo(key);
            if (order == 0)
            {
                return middle;
            }

            (low, high) = order < 0 ? (middle + 1, high) : (low, middle - 1);
        }

        return -1;
    }
}
