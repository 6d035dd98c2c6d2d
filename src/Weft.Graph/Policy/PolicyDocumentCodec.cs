using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using Weft.Crypto;

namespace Weft.Graph.Policy;

/// <summary>
/// Policy documents to text and back. The text of a stored document is its canonical form, nothing else.
/// </summary>
/// <remarks>Source: docs/spec/policy.md, section 2.</remarks>
public static class PolicyDocumentCodec
{
    /// <summary>The text of a document, as it is stored.</summary>
    /// <param name="document">A document; one that is unknown cannot be written.</param>
    /// <param name="crypto">Hashes the rules.</param>
    /// <exception cref="ArgumentException">The document is unknown, or breaks a bound.</exception>
    public static string Write(PolicyDocument document, ICrypto crypto)
    {
        if (document.IsUnknown)
        {
            throw new ArgumentException("A document this version does not know cannot be written.", nameof(document));
        }

        string text = ToJson(document, crypto).ToString();
        return Read(text, crypto, out string? fault) is null
            ? throw new ArgumentException($"The policy is not valid: {fault}.", nameof(document))
            : text;
    }

    /// <summary>Brings a document that a person wrote into the stored form: sorts it, and hashes the rules.</summary>
    /// <param name="json">JSON in any layout; <c>rulesHash</c> may be left out.</param>
    /// <param name="crypto">Hashes the rules.</param>
    /// <param name="fault">What is wrong with it; null when nothing is.</param>
    /// <returns>The text to store, or null.</returns>
    public static string? Canonicalize(ReadOnlySpan<byte> json, ICrypto crypto, out string? fault)
    {
        if (PolicyJson.Read(json) is not { Kind: JsonTokenType.StartObject } root)
        {
            fault = "it is no JSON object within the bounds";
            return null;
        }

        if (root.Find("rules") is { } rules && root.Find("rulesHash") is null)
        {
            root = PolicyJson.Object(root.Members.Append(new("rulesHash", PolicyJson.Of(HashOf(rules, crypto)))));
        }

        string text = root.ToString();
        return Read(text, crypto, out fault) is { IsUnknown: false } ? text : null;
    }

    /// <summary>Reads a stored document. Never throws on what it holds.</summary>
    /// <param name="text">The value of a version.</param>
    /// <param name="crypto">Checks the hash of the rules.</param>
    /// <param name="fault">What is wrong with it; for an unknown one, what is not known; else null.</param>
    /// <returns>Null when it is no policy; an unknown document when it has what this version does not know.</returns>
    public static PolicyDocument? Read(string text, ICrypto crypto, out string? fault)
    {
        if (text.Length > PolicyLimits.DocumentBytesMax
            || Encoding.UTF8.GetByteCount(text) > PolicyLimits.DocumentBytesMax)
        {
            fault = $"it is longer than {PolicyLimits.DocumentBytesMax} bytes";
            return null;
        }

        byte[] json = Encoding.UTF8.GetBytes(text);
        if (PolicyJson.Read(json) is not { Kind: JsonTokenType.StartObject } root
            || !root.ToBytes().AsSpan().SequenceEqual(json))
        {
            fault = "it is not canonical JSON within the bounds";
            return null;
        }

        return new PolicyDocumentReader(crypto).Read(root, out fault);
    }

    /// <summary>SHA-256 of the canonical rules, as 43 characters of base64url.</summary>
    internal static string HashOf(PolicyJson rules, ICrypto crypto)
    {
        Span<byte> hash = stackalloc byte[32];
        crypto.Sha256(rules.ToBytes(), hash);
        return Base64Url.EncodeToString(hash);
    }

    private static PolicyJson ToJson(PolicyDocument document, ICrypto crypto)
    {
        var members = new List<KeyValuePair<string, PolicyJson>>
        {
            new("weft", PolicyJson.Of(PolicyDocumentReader.Format)),
            new("class", PolicyJson.Of(PolicyDocumentReader.NameOf(document.Class))),
        };
        if (document.Owner is { } owner)
        {
            members.Add(new("owner", PolicyJson.Of(owner.ToString())));
        }

        if (document.Writers.Count > 0)
        {
            IEnumerable<PolicyJson> keys = document.Writers.Select(key => PolicyJson.Of(key.ToString()));
            members.Add(new("writers", PolicyJson.Array(keys)));
        }

        if (document.Readers is { } readers)
        {
            members.Add(new("readers", PolicyJson.Of(readers)));
        }

        if (document.ExpiresMs is { } expires)
        {
            members.Add(new("expires", PolicyJson.Of(expires)));
        }

        if (document.Merge.Items.Count > 0)
        {
            members.Add(new("merge", PolicyJson.Object(document.Merge.Items.Select(item =>
                KeyValuePair.Create(item.Key, PolicyJson.Of(PolicyDocumentReader.NameOf(item.Value)))))));
        }

        if (document.Replicate is { } words)
        {
            members.Add(new("replicate", PolicyJson.Of(words.ToString())));
        }

        if (document.History is { } history)
        {
            members.Add(new(HistoryRule.Member, history.ToJson()));
        }

        if (!document.Rules.IsEmpty)
        {
            PolicyJson rules = RuleSetCodec.ToJson(document.Rules);
            members.Add(new("rules", rules));
            members.Add(new("rulesHash", PolicyJson.Of(HashOf(rules, crypto))));
        }

        return PolicyJson.Object(members);
    }
}
