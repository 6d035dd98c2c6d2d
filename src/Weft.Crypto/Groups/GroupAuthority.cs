namespace Weft.Crypto;

/// <summary>Who may change a group: its owner, and behind a rotation or a recovery the key that follows him.</summary>
/// <param name="Key">The key that signs epochs.</param>
/// <param name="Since">
/// The state behind which it does, in milliseconds since 1970; 0 for the owner himself. Of two keys of one group the one
/// with the later state follows the other.
/// </param>
/// <remarks>Source: docs/spec/groups.md, section 3.</remarks>
public readonly record struct GroupAuthority(Ed25519PublicKey Key, double Since)
{
    /// <summary>The key in the group's own soul.</summary>
    public static GroupAuthority Of(GroupName group) => new(group.Owner, 0);
}
