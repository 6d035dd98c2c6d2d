using Weft.Primitives;
using Weft.Protocols.Gun;

namespace Weft.Node.Gun;

internal enum GunInputKind
{
    Wake,
    Connected,
    Message,
    Messages,
    Malformed,
    Written,
    Read,
    Souls,
    ReadFailed,
    Recovered,
    LinkChanges,
    Sent,
    Closed,
    Ask,
}

/// <summary>One input of the GUN loop; <see cref="Kind"/> says which of the others count.</summary>
internal readonly record struct GunInput(
    GunInputKind Kind,
    GunConnection? Connection = null,
    object? Payload = null,
    long Ticket = 0,
    WeftError Error = WeftError.None,
    bool More = false,
    int Bytes = 0);

/// <summary>A question of this node, on its way through the loop.</summary>
internal sealed class AskRequest(string soul, string? field, TimeSpan deadline)
{
    public string Soul { get; } = soul;

    public string? Field { get; } = field;

    public TimeSpan Deadline { get; } = deadline;

    public TaskCompletionSource<PeerAnswer> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
}

/// <summary>What one step of a scan brought; null when it failed.</summary>
internal sealed record ScannedChanges(LinkFeed Feed, List<GunChange>? Changes);
