namespace Weft.Node;

/// <summary>Asks other peers for data this node lacks. What they answer is merged like any other write.</summary>
public interface IPeerAsker
{
    /// <summary>Asks, and waits until all who were asked have answered, or one has brought something.</summary>
    /// <param name="soul">The node.</param>
    /// <param name="field">The field, or null for the whole node.</param>
    /// <param name="deadline">How long they may take.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    ValueTask<PeerAnswer> AskAsync(string soul, string? field, TimeSpan deadline, CancellationToken cancellationToken);
}

/// <summary>How asking went.</summary>
/// <param name="Asked">How many peers were asked; 0 when there is none.</param>
/// <param name="TimedOut">True when the deadline passed before all had answered.</param>
public readonly record struct PeerAnswer(int Asked, bool TimedOut);
