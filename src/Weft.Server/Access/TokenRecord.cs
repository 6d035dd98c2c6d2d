namespace Weft.Server.Access;

/// <summary>A further token as it is kept: without the secret.</summary>
/// <param name="Id">16 hexadecimal digits, chosen by the node.</param>
/// <param name="Name">What people call it: 1 to 64 characters.</param>
/// <param name="Scopes">What it may do.</param>
/// <param name="Prefix">Souls that start so; empty for everything.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="ExpiresAt">From then on it is refused; null for never.</param>
/// <param name="Digest">SHA-256 of its text, 32 bytes.</param>
internal sealed record TokenRecord(
    string Id, string Name, Scopes Scopes, string Prefix, DateTimeOffset CreatedAt, DateTimeOffset? ExpiresAt,
    byte[] Digest)
{
    /// <summary>Characters of the longest name.</summary>
    internal const int NameLengthMax = 64;

    /// <summary>The id alone.</summary>
    public override string ToString() => $"token {Id}";
}
