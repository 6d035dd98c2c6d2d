namespace Weft.Crypto;

/// <summary>Which keys of older epochs a member lacks, as far as all epochs that are known tell.</summary>
/// <remarks>
/// Needed by the owner alone, when he makes an epoch. It closes what partitions tear open: an epoch that was made where
/// somebody's joining was not known yet. Source: docs/spec/groups.md, section 3.
/// </remarks>
public sealed class GroupHistory
{
    /// <summary>Epochs that are looked at: the newest ones.</summary>
    public const int EpochsMax = 1_024;

    private readonly SortedDictionary<string, GroupEpoch> _epochs = new(StringComparer.Ordinal);

    /// <summary>Takes an epoch.</summary>
    public void Add(GroupEpoch epoch)
    {
        _epochs[epoch.Name] = epoch;
        if (_epochs.Count > EpochsMax)
        {
            _epochs.Remove(_epochs.Keys.First());
        }
    }

    /// <summary>The epochs whose keys somebody may have and was never given, newest first.</summary>
    /// <param name="member">What the epoch to be made says of him.</param>
    /// <returns>
    /// None from before he joined when he joined from now on, and none that says he was removed: what was written while
    /// he was out stays closed to him when he comes back. At most 256.
    /// </returns>
    public IReadOnlyList<GroupEpoch> MissingFor(GroupMember member)
    {
        if (!member.IsIn)
        {
            return [];
        }

        var given = new HashSet<string>();
        foreach (GroupEpoch epoch in _epochs.Values)
        {
            given.UnionWith(epoch.HistoryFor(member.Key));
        }

        return [.. _epochs.Values.Reverse()
            .Where(epoch => !epoch.HasKeyFor(member.Key) && !given.Contains(epoch.Name)
                && epoch.Find(member.Key) is not { IsIn: false }
                && (member.Standing == GroupStanding.In || epoch.Number >= member.Stamp))
            .Take(GroupEpoch.HistoryMax)];
    }
}
