using System.Buffers.Binary;
using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using Weft.Crypto;

namespace Weft.Graph.Policy;

/// <summary>
/// The value of <c>recovery</c> in <c>weft:key/K</c>: the keys of which <paramref name="Needed"/> together may name a
/// successor of K. It carries a signature of its own, so that it can be shown again when K is lost.
/// </summary>
/// <remarks>Canonical JSON <c>{"keys":[…],"m":2,"sig":"…"}</c>. Source: docs/spec/policy.md, section 5.</remarks>
/// <param name="Keys">1 to 16 different keys, sorted by their text.</param>
/// <param name="Needed">How many of them must agree: 1 and up.</param>
/// <param name="Signature">By K, 64 bytes.</param>
public sealed record RecoverySet(IReadOnlyList<Ed25519PublicKey> Keys, int Needed, ReadOnlyMemory<byte> Signature)
{
    /// <summary>The field.</summary>
    public const string Field = "recovery";

    /// <summary>What K signs.</summary>
    /// <param name="network">The id of the network, 32 bytes.</param>
    /// <param name="key">K.</param>
    /// <param name="state">The state of the field.</param>
    /// <param name="keys">The recovery keys, in any order.</param>
    /// <param name="needed">How many must agree.</param>
    public static byte[] Message(
        ReadOnlySpan<byte> network, Ed25519PublicKey key, double state, IEnumerable<Ed25519PublicKey> keys, int needed)
    {
        Ed25519PublicKey[] sorted = Sort(keys);
        byte[] message =
        [
            .. "weft/recovery/1\0"u8, .. network, .. key.Span, .. new byte[sizeof(double)],
            (byte)needed, (byte)sorted.Length,
            .. sorted.SelectMany(one => one.Span.ToArray()),
        ];
        BinaryPrimitives.WriteDoubleBigEndian(message.AsSpan("weft/recovery/1\0"u8.Length + network.Length + 32),
            state);
        return message;
    }

    /// <summary>Makes the value of the field.</summary>
    /// <param name="crypto">Signs.</param>
    /// <param name="pair">K, with its seed.</param>
    /// <param name="network">The id of the network, 32 bytes.</param>
    /// <param name="state">The state that the field will have.</param>
    /// <param name="keys">The recovery keys.</param>
    /// <param name="needed">How many must agree.</param>
    public static RecoverySet Make(
        ICrypto crypto,
        Ed25519KeyPair pair,
        ReadOnlySpan<byte> network,
        double state,
        IReadOnlyList<Ed25519PublicKey> keys,
        int needed)
    {
        byte[] signature = new byte[64];
        pair.Sign(crypto, Message(network, pair.PublicKey, state, keys, needed), signature);
        return new(Sort(keys), needed, signature);
    }

    /// <summary>The value of the field.</summary>
    public WeftValue ToValue() => WeftValue.Text(PolicyJson.Object(Members()).ToString());

    /// <summary>Reads the value of the field; whether K signed it is another question.</summary>
    /// <returns>Null for every form but the canonical one.</returns>
    public static RecoverySet? Read(WeftValue value) =>
        RecoveryRecord.ReadJson(value) is { Members.Count: 3 } json ? Read(json) : null;

    /// <summary>True when K signed the set for this state.</summary>
    public bool IsSignedBy(Ed25519PublicKey key, double state, ReadOnlySpan<byte> network, ICrypto crypto) =>
        crypto.VerifyEd25519(key.Span, Message(network, key, state, Keys, Needed), Signature.Span);

    internal IEnumerable<KeyValuePair<string, PolicyJson>> Members() =>
    [
        new("keys", PolicyJson.Array(Keys.Select(key => PolicyJson.Of(key.ToString())))),
        new("m", PolicyJson.Of(Needed)),
        new("sig", PolicyJson.Of(Base64Url.EncodeToString(Signature.Span))),
    ];

    internal static RecoverySet? Read(PolicyJson json)
    {
        if (json.Find("keys") is not { Kind: JsonTokenType.StartArray } list
            || list.Elements.Count is 0 or > PolicyLimits.RecoveryKeysMax
            || json.Find("m")?.ToValue().AsNumber() is not { } needed || needed != Math.Floor(needed)
            || needed < 1 || needed > list.Elements.Count
            || RecoveryRecord.ReadSignature(json.Find("sig")) is not { } signature)
        {
            return null;
        }

        var keys = new Ed25519PublicKey[list.Elements.Count];
        for (int i = 0; i < keys.Length; i++)
        {
            if (!Ed25519PublicKey.TryParse(list.Elements[i].Text, out keys[i])
                || (i > 0 && string.CompareOrdinal(list.Elements[i - 1].Text, list.Elements[i].Text) >= 0))
            {
                return null;
            }
        }

        return new(keys, (int)needed, signature);
    }

    private static Ed25519PublicKey[] Sort(IEnumerable<Ed25519PublicKey> keys) =>
        [.. keys.Distinct().OrderBy(key => key.ToString(), StringComparer.Ordinal)];
}

/// <summary>
/// The value of <c>recovered</c> in <c>weft:key/K</c>: the successor of K, as its recovery keys agreed. It proves
/// itself: it shows the set K signed, and enough signatures of that set.
/// </summary>
/// <remarks>
/// Canonical JSON <c>{"at":STATE OF THE
/// SET,"key":NEW,"keys":[…],"m":2,"sig":"…","signatures":[{"key":…,"sig":…},…]}</c>.
/// Source: docs/spec/policy.md, section 5.
/// </remarks>
/// <param name="Next">The successor.</param>
/// <param name="Set">The recovery keys.</param>
/// <param name="SetState">The state at which K named them.</param>
/// <param name="Signatures">Who signed, sorted by the text of the keys.</param>
public sealed record RecoveryRecord(
    Ed25519PublicKey Next,
    RecoverySet Set,
    double SetState,
    IReadOnlyList<KeyValuePair<Ed25519PublicKey, ReadOnlyMemory<byte>>> Signatures)
{
    /// <summary>The field.</summary>
    public const string Field = "recovered";

    private const int JsonBytesMax = 16_384;

    /// <summary>What each recovery key signs.</summary>
    /// <param name="network">The id of the network, 32 bytes.</param>
    /// <param name="key">K.</param>
    /// <param name="next">The successor.</param>
    /// <param name="state">The state of the field: from there on.</param>
    public static byte[] Message(ReadOnlySpan<byte> network, Ed25519PublicKey key, Ed25519PublicKey next, double state)
    {
        byte[] message = [.. "weft/recover/1\0"u8, .. network, .. key.Span, .. next.Span, .. new byte[sizeof(double)]];
        BinaryPrimitives.WriteDoubleBigEndian(message.AsSpan(message.Length - sizeof(double)), state);
        return message;
    }

    /// <summary>The value of the field.</summary>
    public WeftValue ToValue() => WeftValue.Text(PolicyJson.Object(
    [
        .. Set.Members(),
        new("at", PolicyJson.Of(SetState)),
        new("key", PolicyJson.Of(Next.ToString())),
        new("signatures", PolicyJson.Array(Signatures
            .OrderBy(one => one.Key.ToString(), StringComparer.Ordinal)
            .Select(one => PolicyJson.Object(
            [
                new("key", PolicyJson.Of(one.Key.ToString())),
                new("sig", PolicyJson.Of(Base64Url.EncodeToString(one.Value.Span))),
            ])))),
    ]).ToString());

    /// <summary>Reads the value of the field; whether it proves anything is another question.</summary>
    /// <returns>Null for every form but the canonical one.</returns>
    public static RecoveryRecord? Read(WeftValue value)
    {
        if (ReadJson(value) is not { Members.Count: 6 } json
            || RecoverySet.Read(json) is not { } set
            || json.Find("at")?.ToValue().AsNumber() is not { } at
            || json.Find("key") is not { Kind: JsonTokenType.String } nextText
            || !Ed25519PublicKey.TryParse(nextText.Text, out Ed25519PublicKey next)
            || json.Find("signatures") is not { Kind: JsonTokenType.StartArray } list
            || list.Elements.Count < set.Needed || list.Elements.Count > set.Keys.Count)
        {
            return null;
        }

        var signatures = new List<KeyValuePair<Ed25519PublicKey, ReadOnlyMemory<byte>>>();
        string before = "";
        foreach (PolicyJson one in list.Elements)
        {
            if (one.Members.Count != 2 || one.Find("key") is not { } keyText
                || string.CompareOrdinal(before, keyText.Text) >= 0
                || !Ed25519PublicKey.TryParse(keyText.Text, out Ed25519PublicKey key) || !set.Keys.Contains(key)
                || ReadSignature(one.Find("sig")) is not { } signature)
            {
                return null;
            }

            before = keyText.Text;
            signatures.Add(new(key, signature));
        }

        return new(next, set, at, signatures);
    }

    /// <summary>True when K signed the set, and all who are shown signed the successor.</summary>
    /// <param name="key">K.</param>
    /// <param name="state">The state of the field.</param>
    /// <param name="network">The id of the network, 32 bytes.</param>
    /// <param name="crypto">Verifies: at most 17 signatures, that of K first.</param>
    public bool Proves(Ed25519PublicKey key, double state, ReadOnlySpan<byte> network, ICrypto crypto)
    {
        if (SetState > state || Next == key || !Set.IsSignedBy(key, SetState, network, crypto))
        {
            return false;
        }

        byte[] message = Message(network, key, Next, state);
        return Signatures.All(one => crypto.VerifyEd25519(one.Key.Span, message, one.Value.Span));
    }

    internal static PolicyJson? ReadJson(WeftValue value)
    {
        if (value.Kind != WeftValueKind.Text || value.Json.Length > JsonBytesMax)
        {
            return null;
        }

        byte[] text = Encoding.UTF8.GetBytes(value.AsText() ?? "");
        return PolicyJson.Read(text) is { Kind: JsonTokenType.StartObject } json
            && json.ToBytes().AsSpan().SequenceEqual(text)
            ? json
            : null;
    }

    internal static ReadOnlyMemory<byte>? ReadSignature(PolicyJson? json)
    {
        const int Bytes = 64;
        byte[] signature = new byte[Bytes];
        return json is { Kind: JsonTokenType.String } && Base64UrlText.TryDecode(json.Text, signature)
            ? (ReadOnlyMemory<byte>)signature
            : null;
    }
}
