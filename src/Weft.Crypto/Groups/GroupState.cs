using System.Diagnostics.CodeAnalysis;

namespace Weft.Crypto;

/// <summary>What a further epoch will say; the driver finds the sealing keys and makes it.</summary>
/// <param name="Number">Its number.</param>
/// <param name="Members">Everybody, in order of the keys.</param>
/// <param name="By">Who is to sign it.</param>
public sealed record GroupPlan(uint Number, IReadOnlyList<GroupMember> Members, GroupAuthority By);

/// <summary>One member for whom an epoch's key is to be wrapped.</summary>
/// <param name="Member">What the epoch says of him.</param>
/// <param name="SealingKey">His X25519 key, 32 bytes; empty when he has published none.</param>
/// <param name="History">Keys of older epochs that he gets too; at most 256.</param>
public readonly record struct GroupRecipient(
    GroupMember Member, ReadOnlyMemory<byte> SealingKey, IReadOnlyList<EpochKey> History);

/// <summary>
/// What one peer knows of a group: the epochs that no other epoch it knows includes (its heads), and from them who is a
/// member. Two peers that know the same epochs hold the same, whatever the order in which they learnt of them.
/// </summary>
/// <remarks>
/// Pure; one caller at a time. Whoever writes takes the keys of all heads together. A removal is part of an epoch, and
/// at least one head includes it; so whoever was removed as far as this peer knows lacks at least one of the keys.
/// Source: docs/spec/groups.md, section 3.
/// </remarks>
public sealed class GroupState(GroupName group)
{
    /// <summary>Heads whose keys can seal one value; with more, the owner has to make an epoch of them first.</summary>
    public const int HeadsMax = 8;

    private const int HeadsKnownMax = 64;

    private readonly List<GroupEpoch> _heads = [];

    /// <summary>The group.</summary>
    public GroupName Group { get; } = group;

    /// <summary>The epochs that count, in order of their names; empty as long as none is known.</summary>
    public IReadOnlyList<GroupEpoch> Heads => _heads;

    /// <summary>
    /// True when more than 64 heads came together: one was left out, so the members cannot be told for sure. Only the
    /// owner's key can do that. Nothing is sealed for such a group again.
    /// </summary>
    public bool IsBroken { get; private set; }

    /// <summary>True when this peer can tell with which keys to seal.</summary>
    public bool CanSeal => !IsBroken && _heads.Count is > 0 and <= HeadsMax;

    /// <summary>Takes an epoch that was read from the graph; the newest first spares work.</summary>
    /// <returns>False when what it says is known already.</returns>
    public bool Add(GroupEpoch epoch)
    {
        if (epoch.Group != Group)
        {
            return false;
        }

        foreach (GroupEpoch head in _heads)
        {
            if (head.Name == epoch.Name || head.Supersedes(epoch))
            {
                return false;
            }
        }

        _heads.RemoveAll(epoch.Supersedes);
        if (_heads.Count == HeadsKnownMax)
        {
            IsBroken = true;
            return false;
        }

        _heads.Add(epoch);
        _heads.Sort((left, right) => string.CompareOrdinal(left.Name, right.Name));
        return true;
    }

    /// <summary>
    /// Everybody any head knows, in order of the keys: the later word counts, of two concurrent ones the stricter. Once a
    /// successor of the owner has spoken, of what the keys before it say beside that only removals count.
    /// </summary>
    public IReadOnlyList<GroupMember> Members() => _heads.Count == 1 ? _heads[0].Members : [.. Merged(0).Values];

    /// <summary>True when somebody is a member as far as this peer knows.</summary>
    public bool IsMember(in Ed25519PublicKey key) => Word(key, out _) is { IsIn: true };

    /// <summary>True when a further epoch would help: there are several heads, or a member waits for a key.</summary>
    /// <param name="by">Who would make it; null for the owner himself.</param>
    public bool NeedsEpoch(GroupAuthority? by = null)
    {
        if (_heads.Count != 1)
        {
            return _heads.Count > 1;
        }

        if (by is { } authority && authority.Since > _heads[0].By.Since)
        {
            return true; // The key before it, which may be in wrong hands, is still in.
        }

        foreach (GroupMember member in _heads[0].Members)
        {
            if (member.IsIn && !_heads[0].HasKeyFor(member.Key))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Plans an epoch that includes all heads, and a change. Keys that the maker followed leave with it.</summary>
    /// <param name="add">Who joins; somebody who is a member already stays one.</param>
    /// <param name="standing">How they join.</param>
    /// <param name="remove">Who leaves; somebody unknown or removed already changes nothing.</param>
    /// <param name="by">Who makes it; null for the owner himself.</param>
    /// <exception cref="ArgumentException">The maker was to leave, or there would be too many persons.</exception>
    /// <exception cref="InvalidOperationException">The group is broken: <see cref="IsBroken"/>.</exception>
    public GroupPlan Plan(
        IReadOnlyCollection<Ed25519PublicKey> add,
        IReadOnlyCollection<Ed25519PublicKey> remove,
        GroupStanding standing = GroupStanding.In,
        GroupAuthority? by = null)
    {
        GroupAuthority maker = by ?? GroupAuthority.Of(Group);
        if (remove.Contains(maker.Key))
        {
            throw new ArgumentException("The owner cannot leave the group.", nameof(remove));
        }

        ArgumentOutOfRangeException.ThrowIfEqual((byte)standing, (byte)GroupStanding.Out, nameof(standing));
        uint number = _heads.Count == 0 ? 1 : _heads.Max(head => head.Number) + 1;
        SortedDictionary<Ed25519PublicKey, GroupMember> members = Merged(number);
        Join(members, maker.Key, GroupStanding.In, number);
        foreach (Ed25519PublicKey key in add)
        {
            Join(members, key, standing, number);
        }

        IEnumerable<Ed25519PublicKey> followed = _heads.Select(head => head.By.Key).Append(Group.Owner);
        foreach (Ed25519PublicKey key in remove.Concat(followed.Where(key => key != maker.Key)))
        {
            if (members.TryGetValue(key, out GroupMember known) && known.IsIn)
            {
                members[key] = new(key, GroupStanding.Out, number);
            }
        }

        if (IsBroken || number > GroupEpochCodec.NumberMax)
        {
            throw new InvalidOperationException("The group has more concurrent epochs than can be brought together.");
        }

        if (members.Count > GroupEpoch.MembersMax)
        {
            throw new ArgumentException(
                $"A group has at most {GroupEpoch.MembersMax} persons, former ones included.", nameof(add));
        }

        return new(number, [.. members.Values], maker);
    }

    /// <summary>Makes and signs an epoch.</summary>
    /// <param name="crypto">The primitives.</param>
    /// <param name="network">32 bytes.</param>
    /// <param name="signer">The key pair of the one who made the plan.</param>
    /// <param name="plan">From <see cref="Plan"/>.</param>
    /// <param name="recipients">One for each member of the plan who is in, in any order.</param>
    /// <param name="epochKey">32 random bytes.</param>
    /// <param name="ephemeralSecret">32 other random bytes, never used again.</param>
    /// <param name="text">The value for the field that has the epoch's name; null when it is too long.</param>
    /// <returns>The epoch; null when one value cannot hold so many keys: add fewer members at a time.</returns>
    /// <exception cref="ArgumentException">The key pair is not the maker's, or a recipient is missing.</exception>
    public GroupEpoch? Create(
        ICrypto crypto,
        ReadOnlySpan<byte> network,
        Ed25519KeyPair signer,
        GroupPlan plan,
        IReadOnlyList<GroupRecipient> recipients,
        ReadOnlySpan<byte> epochKey,
        ReadOnlySpan<byte> ephemeralSecret,
        [NotNullIfNotNull("return")] out string? text)
    {
        if (signer.PublicKey != plan.By.Key)
        {
            throw new ArgumentException("Only the owner changes a group.", nameof(signer));
        }

        Span<byte> ephemeral = stackalloc byte[GroupEpoch.KeyLength];
        Span<byte> check = stackalloc byte[GroupEpoch.KeyLength];
        crypto.PublicKeyX25519(ephemeralSecret, ephemeral);
        GroupWrap.WriteCheck(crypto, epochKey, check);
        Dictionary<Ed25519PublicKey, GroupRecipient> byKey = recipients.ToDictionary(to => to.Member.Key);
        var wraps = new GroupWrap[plan.Members.Count];
        for (int i = 0; i < wraps.Length; i++)
        {
            wraps[i] = GroupWrap.Empty;
            if (!plan.Members[i].IsIn)
            {
                continue;
            }

            if (!byKey.TryGetValue(plan.Members[i].Key, out GroupRecipient to)
                || to.History.Count > GroupEpoch.HistoryMax)
            {
                throw new ArgumentException("A member has no entry, or too much history.", nameof(recipients));
            }

            wraps[i] = GroupWrap.Seal(
                crypto, network, Group, plan.Number, ephemeralSecret, ephemeral, to, epochKey);
        }

        text = GroupEpochCodec.Write(
            crypto, network, Group, signer, plan.Number, ephemeral, check, plan.Members, wraps);
        return text is null
            ? null
            : GroupEpochCodec.Read(
                GroupEpoch.NameOf(plan.Number, GroupEpochCodec.Decode(text), crypto), text, Group, plan.By, network,
                crypto);
    }

    private static void Join(
        SortedDictionary<Ed25519PublicKey, GroupMember> members, Ed25519PublicKey key, GroupStanding standing,
        uint number)
    {
        if (!members.TryGetValue(key, out GroupMember known) || !known.IsIn)
        {
            members[key] = new(key, standing, number);
        }
    }

    /// <summary>The word that counts on everybody any head knows.</summary>
    /// <param name="number">
    /// The number of an epoch that shall include all heads; 0 for none. A word that stands against a later one that does
    /// not count is said anew with it.
    /// </param>
    private SortedDictionary<Ed25519PublicKey, GroupMember> Merged(uint number)
    {
        var merged = new SortedDictionary<Ed25519PublicKey, GroupMember>();
        foreach (GroupMember said in _heads.SelectMany(head => head.Members))
        {
            if (!merged.ContainsKey(said.Key))
            {
                GroupMember word = Word(said.Key, out bool isBeaten)!.Value;
                merged[said.Key] = isBeaten && number > 0 ? word with { Stamp = number } : word;
            }
        }

        return merged;
    }

    // What a replaced key says may be said by a thief. He can remove somebody, which harms nobody's secrets, and add
    // nobody.
    private GroupMember? Word(in Ed25519PublicKey key, out bool isBeaten)
    {
        double last = _heads.Count == 0 ? 0 : _heads.Max(head => head.By.Since);
        GroupMember? word = null;
        GroupMember? voided = null;
        foreach (GroupEpoch head in _heads)
        {
            if (head.Find(key) is not GroupMember said)
            {
                continue;
            }

            ref GroupMember? kind = ref word;
            if (said.IsIn && head.By.Since < last)
            {
                kind = ref voided;
            }

            if (kind is not GroupMember known || said.Beats(known))
            {
                kind = said;
            }
        }

        isBeaten = false;
        if (voided is not GroupMember late || (word is GroupMember good && !late.Beats(good)))
        {
            return word;
        }

        // Where both say that he is in, nothing is in question, and a removal in between stays what it was.
        isBeaten = word is not { IsIn: true };
        return isBeaten ? late with { Standing = GroupStanding.Out } : late;
    }
}
