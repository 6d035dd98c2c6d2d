namespace Weft.Node;

/// <summary>How much a node holds of groups in memory.</summary>
public sealed class GroupOptions
{
    /// <summary>Groups whose heads are held; the least used goes first: 1 to 100,000. Default: 1,000.</summary>
    public int GroupsMax { get; set; } = 1_000;

    /// <summary>Keys of epochs that are held: 8 to 1,000,000. Default: 10,000.</summary>
    public int KeysMax { get; set; } = 10_000;

    /// <summary>How long peers may take when nothing is known of a group or a member. Default: 2 seconds.</summary>
    public TimeSpan LookupDeadline { get; set; } = TimeSpan.FromSeconds(2);
}
