using Weft.Crypto;

namespace Weft.Graph.Policy;

/// <summary>The value of <c>next</c> in <c>weft:key/K</c>: the key that follows K, named by K itself.</summary>
/// <remarks>The one form is <c>{"key":"…"}</c> with 43 characters of base64url. Source: docs/spec/policy.md, section
/// 5.</remarks>
public static class RotationRecord
{
    /// <summary>The field.</summary>
    public const string Field = "next";

    private const string Start = "{\"key\":\"";
    private const string End = "\"}";

    /// <summary>The value that names <paramref name="next"/>.</summary>
    public static WeftValue Write(Ed25519PublicKey next) => WeftValue.Text($"{Start}{next}{End}");

    /// <summary>Reads a value.</summary>
    /// <returns>False for every form but the one <see cref="Write"/> makes.</returns>
    public static bool TryRead(WeftValue value, out Ed25519PublicKey next)
    {
        next = default;
        const int QuotedMax = 128;
        if (value.Kind != WeftValueKind.Text || value.Json.Length > QuotedMax)
        {
            return false;
        }

        ReadOnlySpan<char> text = value.AsText();
        return text.Length == Start.Length + Ed25519PublicKey.TextLength + End.Length
            && text.StartsWith(Start, StringComparison.Ordinal)
            && text.EndsWith(End, StringComparison.Ordinal)
            && Ed25519PublicKey.TryParse(text.Slice(Start.Length, Ed25519PublicKey.TextLength), out next);
    }
}
