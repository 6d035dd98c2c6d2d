using System.Security.Cryptography;
using Weft.Crypto;
using Weft.Graph;
using Weft.Node.Storage;

namespace Weft.Node.Access;

/// <summary>
/// What this node knows of one group: its heads, kept up to date with the store, and the keys this identity can get at.
/// </summary>
internal sealed class GroupKnowledge(GroupName group, GroupDirectory directory)
{
    private const int FieldsPerPage = 64;
    private const long BytesPerPage = 1 << 20;
    private const int NamesMax = 16_384;
    private const int MissingMax = 1_024;

    private readonly HashSet<string> _seen = [];    // Epochs that went into the state; cleared when there are too many.
    private readonly HashSet<string> _missing = []; // Epochs that were looked for in vain since the last change.
    private readonly string _soul = group.Soul;
    private long _policyVersion;

    public GroupName Group { get; } = group;

    public GroupState State { get; private set; } = new(group);

    /// <summary>Who may change the group now, as far as this node knows; null when nobody may.</summary>
    public GroupAuthority? Authority { get; private set; } = GroupAuthority.Of(group);

    /// <summary>One operation on the group at a time.</summary>
    public SemaphoreSlim Gate { get; } = new(1, 1);

    /// <summary>Set when an epoch of the group was committed, and at the start.</summary>
    public bool IsStale { get; set; } = true;

    /// <summary>Set when somebody published a key to wrap for, and at the start.</summary>
    public bool MayComplete { get; set; } = true;

    /// <summary>Brings the heads up to date. Under the gate.</summary>
    public async ValueTask RefreshAsync(CancellationToken cancellationToken)
    {
        FollowOwner();
        if (!IsStale)
        {
            return;
        }

        IsStale = false; // Before reading: what is committed while this reads sets it again.
        _missing.Clear();
        if (_seen.Count > NamesMax)
        {
            _seen.Clear();
        }

        await ReadEpochsAsync(epoch => State.Add(epoch), isNew: true, cancellationToken).ConfigureAwait(false);
        if (State.Heads.Count == 0)
        {
            IsStale = true; // Nothing here: peers are asked again next time.
        }
    }

    // What an owner's key says counts up to its rotation; a rotation that comes to be known changes what counts.
    private void FollowOwner()
    {
        long version = directory.PolicyVersion;
        if (version == _policyVersion)
        {
            return;
        }

        _policyVersion = version;
        GroupAuthority? authority = directory.AuthorityOf(Group, double.MaxValue);
        if (authority != Authority)
        {
            Authority = authority;
            State = new GroupState(Group);
            _seen.Clear();
            (IsStale, MayComplete) = (true, true);
        }
    }

    /// <summary>Reads all epochs, oldest first.</summary>
    public async ValueTask ReadEpochsAsync(
        Action<GroupEpoch> take, bool isNew, CancellationToken cancellationToken)
    {
        string? from = "e";
        while (from is not null)
        {
            NodeResult page = await directory.Graph.ReadNodeAsync(
                _soul, new LexRange(From: from, To: "f"), FieldsPerPage, BytesPerPage, directory.LookupPolicy,
                cancellationToken).ConfigureAwait(false);
            foreach (StoredField field in page.Fields)
            {
                if ((!isNew || !_seen.Contains(field.Field)) && Decode(field) is GroupEpoch epoch)
                {
                    _seen.Add(field.Field);
                    take(epoch);
                }
            }

            from = page.More && page.Fields.Count > 0 ? page.Fields[^1].Field + "\0" : null;
        }
    }

    /// <summary>The keys of epochs, as copies that the caller clears; null when one of them cannot be had.</summary>
    public async ValueTask<EpochKey[]?> FindKeysAsync(
        IReadOnlyList<string> epochs, CancellationToken cancellationToken)
    {
        var keys = new EpochKey[epochs.Count];
        for (int i = 0; i < keys.Length; i++)
        {
            byte[]? key = directory.Keys.Find(_soul, epochs[i])
                ?? await UnwrapAsync(epochs[i], cancellationToken).ConfigureAwait(false);
            if (key is null)
            {
                Clear(keys.AsSpan(0, i));
                return null;
            }

            keys[i] = new(epochs[i], key);
        }

        return keys;
    }

    public static void Clear(ReadOnlySpan<EpochKey> keys)
    {
        foreach (EpochKey key in keys)
        {
            CryptographicOperations.ZeroMemory(key.Key);
        }
    }

    private async ValueTask<byte[]?> UnwrapAsync(string name, CancellationToken cancellationToken)
    {
        if (_missing.Contains(name))
        {
            return null;
        }

        ReadResult read = await directory.Graph.ReadFieldAsync(
            _soul, name, directory.LookupPolicy, cancellationToken).ConfigureAwait(false);
        if (read.Status == ReadStatus.Found && Decode(new(name, read.Value, read.State, 0)) is GroupEpoch epoch)
        {
            Unwrap(epoch);
        }

        byte[]? key = directory.Keys.Find(_soul, name);
        if (key is null)
        {
            // Not wrapped for this identity when it was made; perhaps it came later, with an addition.
            await ReadEpochsAsync(
                later =>
                {
                    if (later.HistoryFor(directory.Identity.PublicKey).Contains(name))
                    {
                        Unwrap(later);
                    }
                },
                isNew: false,
                cancellationToken).ConfigureAwait(false);
            key = directory.Keys.Find(_soul, name);
        }

        if (key is null && _missing.Count < MissingMax)
        {
            _missing.Add(name);
        }

        return key;
    }

    private void Unwrap(GroupEpoch epoch)
    {
        IReadOnlyList<EpochKey> keys = epoch.Unwrap(directory.Crypto, directory.Identity, directory.Network.Span);
        foreach (EpochKey key in keys)
        {
            directory.Keys.Keep(_soul, key.Epoch, key.Key);
            CryptographicOperations.ZeroMemory(key.Key);
        }
    }

    private GroupEpoch? Decode(in StoredField field) =>
        GroupEpoch.IsName(field.Field) && field.Value.AsText() is string text
            && directory.AuthorityOf(Group, field.State) is { } by
            && GroupEpoch.TryDecode(
                field.Field, text, Group, by, directory.Network.Span, directory.Crypto, out GroupEpoch? epoch)
            ? epoch
            : null;
}
