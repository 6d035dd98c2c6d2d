using System.Text.Json;
using System.Text.Json.Serialization;

namespace ProfileRegistry;

/// <summary>What somebody says of a name: one signed event.</summary>
/// <param name="Name">The username.</param>
/// <param name="Since">When it was claimed, in milliseconds since 1970; the same in every update.</param>
/// <param name="Text">The profile.</param>
internal sealed record Profile(string Name, long Since, string Text)
{
    internal byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, ProfileJson.Default.Profile);

    /// <summary>Reads what anybody may have written; null when it is no profile of this name.</summary>
    internal static Profile? TryRead(ReadOnlySpan<byte> bytes, string name)
    {
        try
        {
            return JsonSerializer.Deserialize(bytes, ProfileJson.Default.Profile) is { Text: not null } profile
                && profile.Name == name ? profile : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

[JsonSerializable(typeof(Profile))]
internal sealed partial class ProfileJson : JsonSerializerContext;
