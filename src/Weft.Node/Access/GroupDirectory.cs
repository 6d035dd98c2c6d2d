using Weft.Crypto;
using Weft.Graph;
using Weft.Node.Access;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Node;

/// <summary>
/// The groups that one identity owns or belongs to. A group is a list of keys of which only the owner adds and removes;
/// what is sealed for it opens for its members alone, on every peer.
/// </summary>
/// <example><code>
/// Group family = await node.Groups.CreateAsync("family", [bob, eve]);
/// await node.Graph.Get("trip").ProtectFor(family).PutAsync("hotel", "Ritz");
/// await family.RemoveAsync(eve);
/// </code></example>
/// <remarks>Safe to share between threads. Source: docs/spec/groups.md.</remarks>
public sealed class GroupDirectory : IDisposable
{
    private const int ChangesPerRead = 1_024;

    private readonly WeftNode _node;
    private readonly GroupOptions _options;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, LinkedListNode<GroupKnowledge>> _groups = [];
    private readonly LinkedList<GroupKnowledge> _order = new();
    private readonly List<HubChange> _changes = [];
    private ChangeReader? _reader;
    private bool _isPublished;
    private bool _disposed;

    internal GroupDirectory(WeftNode node, Ed25519KeyPair identity, GroupOptions options)
    {
        _node = node;
        _options = options;
        Identity = identity;
        Keys = new EpochKeyCache(options.KeysMax);
    }

    internal Ed25519KeyPair Identity { get; }

    internal EpochKeyCache Keys { get; }

    internal GraphSpace Graph => _node.Graph;

    internal ICrypto Crypto => _node.Crypto;

    internal ReadOnlyMemory<byte> Network => _node.NetworkId;

    internal ReadPolicy LookupPolicy => ReadPolicy.LocalFirst(_options.LookupDeadline);

    internal long PolicyVersion => _node.Policies.Version;

    internal WriteSource Source => WriteSource.Local.With(Identity);

    /// <summary>Creates a group of this identity, or opens the one of that name and adds who is missing.</summary>
    /// <param name="name">1 to 128 characters. Everybody can read it.</param>
    /// <param name="members">Whom it consists of, beside its owner. Everybody can read their keys.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <returns>
    /// The group. Who has not published a key to wrap for is a member without a key, until the owner writes or changes
    /// something after he has: <see cref="Group.ListAsync"/> shows it.
    /// </returns>
    /// <exception cref="ArgumentException">The name is not valid, or there are too many members.</exception>
    /// <exception cref="WeftException">The write was refused, or the store failed.</exception>
    public async ValueTask<Group> CreateAsync(
        string name, IReadOnlyCollection<Ed25519PublicKey> members, CancellationToken cancellationToken = default)
    {
        Group group = Open(Identity.PublicKey, name);
        await PublishKeyAsync(cancellationToken).ConfigureAwait(false);
        GroupResult result = await group.ChangeAsync(members, [], GroupStanding.In, false, cancellationToken)
            .ConfigureAwait(false);
        return result.IsAccepted
            ? group
            : throw new WeftException(
                result.Error, $"The group '{name}' could not be made: {ErrorCatalogue.Find(result.Error).Cause}");
    }

    /// <summary>Opens a group by its owner and name. Reads nothing yet.</summary>
    /// <exception cref="ArgumentException">The name is not valid.</exception>
    public Group Open(in Ed25519PublicKey owner, string name)
    {
        if (!GroupName.IsName(name))
        {
            throw new ArgumentException("A group's name has 1 to 128 characters of well-formed text.", nameof(name));
        }

        return new Group(this, new GroupName(owner, name));
    }

    /// <summary>
    /// Opens the group of that name that this identity adds to and removes from: its own, or one whose owner's key it
    /// follows.
    /// </summary>
    /// <param name="name">1 to 128 characters.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <returns>Null when there is none as far as this node knows.</returns>
    /// <exception cref="ArgumentException">The name is not valid.</exception>
    public async ValueTask<Group?> FindKeptAsync(string name, CancellationToken cancellationToken = default)
    {
        Group own = Open(Identity.PublicKey, name);
        if ((await own.ListAsync(cancellationToken).ConfigureAwait(false)).Count > 0)
        {
            return own;
        }

        return (await ListAsync(int.MaxValue, cancellationToken).ConfigureAwait(false))
            .FirstOrDefault(group => group.Name == name && group.Keeper == Identity.PublicKey);
    }

    /// <summary>
    /// Adds the key that shall follow this identity to every group that this identity keeps, so that it can read them and
    /// hand on their keys. To be called before the rotation; <see cref="TakeOverAsync"/> comes behind it.
    /// </summary>
    /// <param name="next">The key that shall follow.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <returns>The groups that were handed over. One that could not be is left out: its old values stay closed.</returns>
    public async ValueTask<IReadOnlyList<GroupName>> HandOverAsync(
        Ed25519KeyPair next, CancellationToken cancellationToken)
    {
        var handed = new List<GroupName>();
        using var successor = new GroupDirectory(_node, next, _options);
        foreach (Group group in await ListAsync(int.MaxValue, cancellationToken).ConfigureAwait(false))
        {
            if (group.Keeper == Identity.PublicKey)
            {
                await successor.PublishKeyAsync(cancellationToken).ConfigureAwait(false);
                GroupResult added = await group.AddAsync(next.PublicKey, cancellationToken: cancellationToken)
                    .ConfigureAwait(false);
                if (added.IsAccepted)
                {
                    handed.Add(group.Id);
                }
            }
        }

        return handed;
    }

    /// <summary>
    /// Removes the key that <paramref name="next"/> follows from the groups that were handed over. To be called when the
    /// rotation is written; a peer with a data folder does both by itself for the key of a node.
    /// </summary>
    /// <param name="next">The key that follows.</param>
    /// <param name="groups">What <see cref="HandOverAsync"/> returned.</param>
    /// <param name="cancellationToken">Stops the waiting; the first write for a group makes up for it.</param>
    public async ValueTask TakeOverAsync(
        Ed25519KeyPair next, IReadOnlyList<GroupName> groups, CancellationToken cancellationToken)
    {
        using var successor = new GroupDirectory(_node, next, _options);
        foreach (GroupName name in groups)
        {
            await new Group(successor, name).RotateAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Lists the groups known here of which this identity is a member, in order of their souls.</summary>
    /// <param name="groupsMax">How many at the most.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    public async ValueTask<IReadOnlyList<Group>> ListAsync(
        int groupsMax = 100, CancellationToken cancellationToken = default)
    {
        var mine = new List<Group>();
        string from = GroupName.SoulPrefix;
        while (mine.Count < groupsMax)
        {
            IReadOnlyList<string> souls = await Graph.ListAsync(
                new LexRange(Prefix: GroupName.SoulPrefix, From: from), 256, cancellationToken).ConfigureAwait(false);
            foreach (string soul in souls)
            {
                if (mine.Count < groupsMax && GroupName.TryParse(soul, out GroupName name)
                    && await IsMemberAsync(name, cancellationToken).ConfigureAwait(false))
                {
                    mine.Add(new Group(this, name));
                }
            }

            if (souls.Count == 0)
            {
                break;
            }

            from = souls[^1] + "\0";
        }

        return mine;
    }

    /// <summary>
    /// Publishes the key that others wrap group keys for, in <c>weft:key/K</c>. Done once by itself before the first
    /// change to a group and by the first read of one; call it earlier, so that others can add this identity at once.
    /// </summary>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <exception cref="WeftException">The write was refused, or the store failed.</exception>
    public async ValueTask PublishKeyAsync(CancellationToken cancellationToken = default)
    {
        if (Volatile.Read(ref _isPublished))
        {
            return;
        }

        string soul = SealingKey.SoulOf(Identity.PublicKey);
        string text = SealingKey.Publish(Crypto, Identity, Network.Span);
        ReadResult known = await Graph.ReadFieldAsync(soul, SealingKey.Field, default, cancellationToken)
            .ConfigureAwait(false);
        if (known.Status != ReadStatus.Found || known.Value.AsText() != text)
        {
            FieldWrite[] delta = [new(soul, SealingKey.Field, text, double.NaN)];
            WriteResult write = await Graph.WriteAsync(delta, Source, cancellationToken: cancellationToken)
                .ConfigureAwait(false);
            if (!write.IsAccepted)
            {
                throw new WeftException(
                    write.Error, $"The key for groups was not published: {ErrorCatalogue.Find(write.Error).Cause}");
            }
        }

        Volatile.Write(ref _isPublished, true);
    }

    /// <summary>Forgets everything and clears all keys. The node does it when it stops.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            _reader?.Dispose();
            _groups.Clear();
            _order.Clear();
        }

        Keys.Dispose();
    }

    /// <summary>Who may change a group by what is written at a state; null for nobody.</summary>
    internal GroupAuthority? AuthorityOf(GroupName name, double state) =>
        _node.Policies.AuthorityOf(name.Owner, state);

    /// <summary>What is known of a group; fresh as of this call.</summary>
    internal GroupKnowledge Know(GroupName name)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            TakeChanges();
            string soul = name.Soul;
            if (_groups.TryGetValue(soul, out LinkedListNode<GroupKnowledge>? known))
            {
                _order.Remove(known);
                _order.AddLast(known);
                return known.Value;
            }

            known = _order.AddLast(new GroupKnowledge(name, this));
            _groups[soul] = known;
            if (_groups.Count > _options.GroupsMax)
            {
                _groups.Remove(_order.First!.Value.Group.Soul);
                _order.RemoveFirst();
            }

            return known.Value;
        }
    }

    /// <summary>The X25519 key of somebody; empty when he has published none.</summary>
    internal async ValueTask<ReadOnlyMemory<byte>> FindSealingKeyAsync(
        Ed25519PublicKey of, CancellationToken cancellationToken)
    {
        ReadResult read = await Graph.ReadFieldAsync(
            SealingKey.SoulOf(of), SealingKey.Field, LookupPolicy, cancellationToken).ConfigureAwait(false);
        var key = new byte[SealingKey.Length];
        return SealingKey.TryRead(read.Value.AsText(), Crypto, of, Network.Span, key) ? key : default;
    }

    private async ValueTask<bool> IsMemberAsync(GroupName name, CancellationToken cancellationToken)
    {
        GroupKnowledge known = Know(name);
        await known.Gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await known.RefreshAsync(cancellationToken).ConfigureAwait(false);
            return known.State.IsMember(Identity.PublicKey);
        }
        finally
        {
            known.Gate.Release();
        }
    }

    private void MarkAll(bool isStale)
    {
        foreach (GroupKnowledge known in _order)
        {
            known.IsStale |= isStale;
            known.MayComplete = true;
        }
    }

    /// <summary>Reads what was committed since the last call, and marks the groups it is about.</summary>
    private void TakeChanges()
    {
        if (_reader is null)
        {
            _reader = _node.Changes.Follow();
            return;
        }

        while (_reader.TryRead(_changes, ChangesPerRead, out bool lost) > 0 || lost)
        {
            foreach (HubChange change in _changes)
            {
                if (_groups.TryGetValue(change.Soul, out LinkedListNode<GroupKnowledge>? known))
                {
                    known.Value.IsStale = true;
                }
                else if (change.Field.Field == SealingKey.Field
                    && change.Soul.StartsWith(SealingKey.SoulPrefix, StringComparison.Ordinal))
                {
                    MarkAll(isStale: false);
                }
            }

            _changes.Clear();
            if (lost)
            {
                MarkAll(isStale: true);
            }
        }
    }
}
