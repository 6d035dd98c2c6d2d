using System.Text;
using System.Text.Json;

namespace Weft.Graph.Policy;

/// <summary>Tells a sealed value by its form. Whether it opens, only its readers can tell.</summary>
/// <remarks>Source: docs/spec/policy.md, section 3; for SEA's form gun.js, sea.js, "SEA.encrypt".</remarks>
internal static class SealedText
{
    private const string Weft = "WEFT{";
    private const string Sea = "SEA{";

    /// <summary>True for null, which hides nothing, and for a sealed text.</summary>
    /// <param name="value">The value.</param>
    /// <param name="readers">The group it must be sealed for; null for any, and for what SEA sealed.</param>
    public static bool IsSealed(WeftValue value, string? readers)
    {
        if (value.IsNull)
        {
            return true;
        }

        if (value.AsText() is not { } text)
        {
            return false;
        }

        return text.StartsWith(Weft, StringComparison.Ordinal)
            ? HasMembers(text.AsMemory(Weft.Length - 1), ["c", "e", "g", "n"], readers)
            : readers is null && text.StartsWith(Sea, StringComparison.Ordinal)
                && HasMembers(text.AsMemory(Sea.Length - 1), ["ct", "iv", "s"], null);
    }

    private static bool HasMembers(ReadOnlyMemory<char> json, string[] names, string? group)
    {
        try
        {
            using var parsed = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 2 });
            int members = 0;
            foreach (JsonProperty member in parsed.RootElement.EnumerateObject())
            {
                members++;
                if (member.Value.ValueKind != JsonValueKind.String || !names.Contains(member.Name))
                {
                    return false; // What is written beside the ciphertext could be the secret itself.
                }
            }

            return members == names.Length && names.All(name => parsed.RootElement.TryGetProperty(name, out _))
                && (group is null || parsed.RootElement.GetProperty("g").GetString() == group);
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or EncoderFallbackException)
        {
            return false;
        }
    }
}
