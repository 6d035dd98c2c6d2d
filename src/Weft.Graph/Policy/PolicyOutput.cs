using Weft.Crypto;

namespace Weft.Graph.Policy;

/// <summary>Which stored fields a new record reaches.</summary>
public enum PolicyOutputKind
{
    /// <summary>Every soul that starts with <see cref="PolicyOutput.Text"/>.</summary>
    Prefix,

    /// <summary>The one soul <see cref="PolicyOutput.Text"/>.</summary>
    Node,

    /// <summary>Whatever <see cref="PolicyOutput.Key"/> wrote, owns, or gave a grant for; may lie anywhere.</summary>
    Key,
}

/// <summary>
/// What must be judged again, because a policy, rotation or revocation changed. The driver reads the fields again,
/// drops those that are refused now (see <see cref="PolicyBook.DroppedState"/>), and asks its peers for the same souls
/// again, because a write that was refused or displaced before may be the right one now.
/// </summary>
/// <param name="Kind">How to read <paramref name="Text"/> and <paramref name="Key"/>.</param>
/// <param name="Text">A prefix or a soul; for a key its text, which is part of every soul it owns.</param>
/// <param name="FromState">Only fields with this state or a higher one can be judged differently.</param>
/// <param name="Key">The key.</param>
public readonly record struct PolicyOutput(
    PolicyOutputKind Kind, string Text, double FromState, Ed25519PublicKey Key = default);
