using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Unicode;
using Weft.Crypto;
using Weft.Graph;
using Weft.Node.Access;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Node;

/// <summary>A handle to one group. Cheap to make, safe to share between threads, holds no keys.</summary>
/// <remarks>
/// Whoever was removed keeps what he could read: keys and values he has are his. What is sealed by a node that knows of
/// his removal he cannot open; a node that does not know yet still seals for him. Source: docs/spec/groups.md, 3.
/// </remarks>
public sealed class Group
{
    private const int AddedPerEpoch = 32; // With the most history each may get, so many keys fit into one value.

    private readonly GroupDirectory _directory;

    internal Group(GroupDirectory directory, GroupName name) => (_directory, Id) = (directory, name);

    /// <summary>Owner and name.</summary>
    public GroupName Id { get; }

    /// <summary>The name its owner gave it.</summary>
    public string Name => Id.Name;

    /// <summary>Who made it. He adds and removes, or the key that follows him: <see cref="Keeper"/>.</summary>
    public Ed25519PublicKey Owner => Id.Owner;

    /// <summary>
    /// Who adds and removes as far as this node knows: the owner, or his successor after a rotation or a recovery; null
    /// when the successors go round in a circle.
    /// </summary>
    public Ed25519PublicKey? Keeper => _directory.AuthorityOf(Id, double.MaxValue)?.Key;

    /// <summary>The node of the graph that holds its epochs.</summary>
    public string Soul => Id.Soul;

    /// <summary>Adds a member. He can read what has been sealed for the group so far.</summary>
    /// <param name="member">Whom.</param>
    /// <param name="fromNowOn">True to keep closed to him what was sealed before.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <returns>Refused with <see cref="WeftError.NotOwner"/> when this identity is not the owner.</returns>
    /// <remarks>What was sealed while somebody was removed stays closed to him when he is added again.</remarks>
    public ValueTask<GroupResult> AddAsync(
        Ed25519PublicKey member, bool fromNowOn = false, CancellationToken cancellationToken = default) =>
        AddAsync([member], fromNowOn, cancellationToken);

    /// <summary>Adds members; see <see cref="AddAsync(Ed25519PublicKey, bool, CancellationToken)"/>.</summary>
    /// <exception cref="ArgumentException">There would be more than 512 persons, former ones included.</exception>
    public ValueTask<GroupResult> AddAsync(
        IReadOnlyCollection<Ed25519PublicKey> members,
        bool fromNowOn = false,
        CancellationToken cancellationToken = default) =>
        ChangeAsync(
            members, [], fromNowOn ? GroupStanding.InFromNow : GroupStanding.In, false, cancellationToken);

    /// <summary>Removes a member: a new key is made and wrapped for the others.</summary>
    /// <exception cref="ArgumentException">He is the owner.</exception>
    public ValueTask<GroupResult> RemoveAsync(
        Ed25519PublicKey member, CancellationToken cancellationToken = default) =>
        ChangeAsync([], [member], GroupStanding.In, false, cancellationToken);

    /// <summary>Makes a new key for the same members.</summary>
    public ValueTask<GroupResult> RotateAsync(CancellationToken cancellationToken = default) =>
        ChangeAsync([], [], GroupStanding.In, true, cancellationToken);

    /// <summary>Lists everybody the group knows, former members included, in order of their keys.</summary>
    /// <returns>Empty when nothing is known of the group here.</returns>
    public async ValueTask<IReadOnlyList<GroupPerson>> ListAsync(CancellationToken cancellationToken = default)
    {
        GroupKnowledge known = await EnterAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            IReadOnlyList<GroupEpoch> heads = known.State.Heads;
            return [.. known.State.Members().Select(member => new GroupPerson(
                member.Key, member.IsIn, member.IsIn && heads.All(head => head.HasKeyFor(member.Key))))];
        }
        finally
        {
            known.Gate.Release();
        }
    }

    /// <summary>The soul.</summary>
    public override string ToString() => Soul;

    internal async ValueTask<GroupResult> ChangeAsync(
        IReadOnlyCollection<Ed25519PublicKey> add,
        IReadOnlyCollection<Ed25519PublicKey> remove,
        GroupStanding standing,
        bool always,
        CancellationToken cancellationToken)
    {
        if (_directory.Identity.PublicKey != Keeper)
        {
            return GroupResult.Refused(WeftError.NotOwner);
        }

        await _directory.PublishKeyAsync(cancellationToken).ConfigureAwait(false);
        GroupKnowledge known = await EnterAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            GroupResult result = default;
            Ed25519PublicKey[][] parts = [.. add.Distinct().Chunk(AddedPerEpoch).DefaultIfEmpty([])];
            foreach (Ed25519PublicKey[] part in parts)
            {
                result = await ChangePartAsync(known, part, remove, standing, always, cancellationToken)
                    .ConfigureAwait(false);
                if (!result.IsAccepted)
                {
                    break;
                }
            }

            return result;
        }
        finally
        {
            known.Gate.Release();
        }
    }

    /// <summary>Seals values of one node for the members as far as they are known now.</summary>
    internal async ValueTask<WeftError> SealAsync(
        string soul, FieldWrite[] writes, CancellationToken cancellationToken)
    {
        if (_directory.Identity.PublicKey == Keeper)
        {
            await BringTogetherAsync(cancellationToken).ConfigureAwait(false);
        }

        GroupKnowledge known = await EnterAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (known.State.Heads.Count == 0)
            {
                return WeftError.GroupUnknown;
            }

            if (!known.State.CanSeal)
            {
                return WeftError.GroupSplit;
            }

            string[] epochs = [.. known.State.Heads.Select(head => head.Name)];
            if (!known.State.IsMember(_directory.Identity.PublicKey)
                || await known.FindKeysAsync(epochs, cancellationToken).ConfigureAwait(false) is not EpochKey[] keys)
            {
                return WeftError.GroupKeyMissing;
            }

            WeftError error = SealAll(soul, writes, keys);
            GroupKnowledge.Clear(keys);
            return error;
        }
        finally
        {
            known.Gate.Release();
        }
    }

    /// <summary>Opens one value.</summary>
    internal async ValueTask<(SealStatus Seal, WeftValue Value)> OpenAsync(
        string soul, string field, WeftValue value, CancellationToken cancellationToken)
    {
        if (value.IsNull)
        {
            return (SealStatus.Nothing, default);
        }

        if (!SealedValue.TryParse(value.AsText(), out SealedValue? envelope))
        {
            return (SealStatus.NotSealed, default);
        }

        if (envelope.Group != Id)
        {
            return (SealStatus.OtherGroup, default);
        }

        GroupKnowledge known = await EnterAsync(cancellationToken).ConfigureAwait(false);
        EpochKey[]? keys;
        try
        {
            keys = await known.FindKeysAsync(envelope.Epochs, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            known.Gate.Release();
        }

        if (keys is null)
        {
            return (SealStatus.NotReadable, default);
        }

        byte[]? plain = envelope.Open(_directory.Crypto, _directory.Network.Span, keys, soul, field);
        GroupKnowledge.Clear(keys);
        return plain is not null && TryReadValue(plain, out WeftValue open)
            ? (SealStatus.Opened, open)
            : (SealStatus.Damaged, default);
    }

    /// <summary>A member may have sealed anything; what is no value is as good as damaged.</summary>
    private static bool TryReadValue(ReadOnlySpan<byte> plain, out WeftValue value)
    {
        value = default;
        if (!Utf8.IsValid(plain))
        {
            return false;
        }

        try
        {
            var reader = new Utf8JsonReader(plain);
            return reader.Read() && WeftValueReader.Read(ref reader, out value) == WeftError.None
                && reader.BytesConsumed == plain.Length && !value.IsNull;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    internal ValueTask<WriteResult> WriteAsync(FieldWrite[] delta, CancellationToken cancellationToken) =>
        _directory.Graph.WriteAsync(delta, _directory.Source, cancellationToken: cancellationToken);

    private WeftError SealAll(string soul, FieldWrite[] writes, EpochKey[] keys)
    {
        Span<byte> salt = stackalloc byte[SealedValue.SaltLength];
        for (int i = 0; i < writes.Length; i++)
        {
            if (writes[i].Value.IsNull)
            {
                continue; // A deletion hides nothing.
            }

            if (writes[i].Value.Json.Length > SealedValue.PlainBytesMax)
            {
                return WeftError.TooLarge;
            }

            RandomNumberGenerator.Fill(salt);
            writes[i] = writes[i] with
            {
                Value = SealedValue.Seal(
                    _directory.Crypto, _directory.Network.Span, Id, keys, soul, writes[i].Field,
                    writes[i].Value.Json, salt),
            };
        }

        return WeftError.None;
    }

    /// <summary>The owner's node closes what partitions left open before it seals again.</summary>
    private async ValueTask BringTogetherAsync(CancellationToken cancellationToken)
    {
        GroupKnowledge known = await EnterAsync(cancellationToken).ConfigureAwait(false);
        bool needsEpoch = known.State.Heads.Count > 1
            || (known.MayComplete && known.State.NeedsEpoch(known.Authority));
        known.MayComplete = false;
        known.Gate.Release();
        if (needsEpoch)
        {
            await ChangeAsync([], [], GroupStanding.In, false, cancellationToken).ConfigureAwait(false);
        }
    }

    private async ValueTask<GroupResult> ChangePartAsync(
        GroupKnowledge known,
        IReadOnlyCollection<Ed25519PublicKey> add,
        IReadOnlyCollection<Ed25519PublicKey> remove,
        GroupStanding standing,
        bool always,
        CancellationToken cancellationToken)
    {
        if (known.Authority is not { } by || by.Key != _directory.Identity.PublicKey)
        {
            return GroupResult.Refused(WeftError.NotOwner); // A rotation came to be known meanwhile.
        }

        GroupPlan plan = known.State.Plan(add, remove, standing, by);
        bool isChanged = always || known.State.Heads.Count != 1
            || plan.Members.Any(member => member.Stamp == plan.Number);
        if (!isChanged && !known.State.NeedsEpoch(by))
        {
            return new(WeftError.None, "", []);
        }

        var history = new GroupHistory();
        await known.ReadEpochsAsync(history.Add, isNew: false, cancellationToken).ConfigureAwait(false);
        var recipients = new List<GroupRecipient>();
        var waiting = new List<Ed25519PublicKey>();
        foreach (GroupMember member in plan.Members.Where(member => member.IsIn))
        {
            ReadOnlyMemory<byte> sealingKey = await _directory.FindSealingKeyAsync(member.Key, cancellationToken)
                .ConfigureAwait(false);
            recipients.Add(new(
                member,
                sealingKey,
                sealingKey.IsEmpty
                    ? []
                    : await FindHistoryAsync(known, history, member, cancellationToken).ConfigureAwait(false)));
            if (sealingKey.IsEmpty)
            {
                waiting.Add(member.Key);
            }
        }

        bool isNeeded = isChanged || recipients.Exists(
            to => !to.SealingKey.IsEmpty && !known.State.Heads[0].HasKeyFor(to.Member.Key));
        return isNeeded
            ? await WriteEpochAsync(known, plan, recipients, waiting, cancellationToken).ConfigureAwait(false)
            : new(WeftError.None, "", waiting);
    }

    private static async ValueTask<IReadOnlyList<EpochKey>> FindHistoryAsync(
        GroupKnowledge known, GroupHistory history, GroupMember member, CancellationToken cancellationToken)
    {
        var keys = new List<EpochKey>();
        foreach (GroupEpoch epoch in history.MissingFor(member))
        {
            // The owner has a key of every epoch; one that is damaged costs its values alone.
            if (await known.FindKeysAsync([epoch.Name], cancellationToken).ConfigureAwait(false) is [EpochKey key])
            {
                keys.Add(key);
            }
        }

        return keys;
    }

    private async ValueTask<GroupResult> WriteEpochAsync(
        GroupKnowledge known,
        GroupPlan plan,
        List<GroupRecipient> recipients,
        List<Ed25519PublicKey> waiting,
        CancellationToken cancellationToken)
    {
        (GroupEpoch? epoch, string? text) = MakeEpoch(known.State, plan, recipients);
        foreach (GroupRecipient recipient in recipients)
        {
            GroupKnowledge.Clear([.. recipient.History]);
        }

        if (epoch is null)
        {
            return GroupResult.Refused(WeftError.TooLarge);
        }

        WriteResult write = await WriteAsync([new FieldWrite(Soul, epoch.Name, text, double.NaN)], cancellationToken)
            .ConfigureAwait(false);
        if (!write.IsAccepted)
        {
            return new(write.Error, "", [], write);
        }

        known.State.Add(epoch);
        known.IsStale = true;
        return new(WeftError.None, epoch.Name, waiting, write);
    }

    private (GroupEpoch? Epoch, string? Text) MakeEpoch(
        GroupState state, GroupPlan plan, List<GroupRecipient> recipients)
    {
        Span<byte> epochKey = stackalloc byte[32];
        Span<byte> ephemeral = stackalloc byte[32];
        RandomNumberGenerator.Fill(epochKey);
        RandomNumberGenerator.Fill(ephemeral);
        GroupEpoch? epoch = state.Create(
            _directory.Crypto, _directory.Network.Span, _directory.Identity, plan, recipients, epochKey, ephemeral,
            out string? text);
        CryptographicOperations.ZeroMemory(epochKey);
        CryptographicOperations.ZeroMemory(ephemeral);
        return (epoch, text);
    }

    private async ValueTask<GroupKnowledge> EnterAsync(CancellationToken cancellationToken)
    {
        GroupKnowledge known = _directory.Know(Id);
        await known.Gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await known.RefreshAsync(cancellationToken).ConfigureAwait(false);
            return known;
        }
        catch
        {
            known.Gate.Release();
            throw;
        }
    }
}
