using Weft.Crypto;
using Weft.Graph;
using Weft.Graph.Access;
using Weft.Graph.Policy;
using Weft.Primitives;

namespace Weft.Tests.Graph.Policy;

/// <summary>Keys and a book that learns what is put into it, the way a driver does.</summary>
internal sealed class PolicyRig
{
    public static readonly ICrypto Crypto = new BouncyCastleCrypto();

    private readonly Outbox<PolicyOutput> _outbox = new();

    public PolicyRig(Ed25519PublicKey? network = null, PolicyOptions? options = null,
        params IValidationRule[] plugIns) =>
        Book = new PolicyBook(options ?? new PolicyOptions(), Crypto, network ?? NetworkPair.PublicKey, plugIns);

    public static Ed25519KeyPair NetworkPair { get; } = Pair(200);

    public static Ed25519PublicKey Network => NetworkPair.PublicKey;

    public PolicyBook Book { get; }

    public PolicyOutput[] Outputs => _outbox.Items.ToArray();

    /// <summary>A key pair by number; the same each time.</summary>
    public static Ed25519KeyPair Pair(byte number)
    {
        byte[] seed = new byte[32];
        Array.Fill(seed, number);
        return new Ed25519KeyPair(Crypto, seed);
    }

    public static Ed25519PublicKey Key(byte number) => Pair(number).PublicKey;

    /// <summary>The id of the network whose key is <see cref="Network"/>.</summary>
    public static byte[] NetworkId
    {
        get
        {
            byte[] id = new byte[32];
            Crypto.Sha256([.. "weft/network\0"u8, .. Network.Span], id);
            return id;
        }
    }

    public static string PrefixSoul(string prefix) => Ownership.PrefixPolicy + prefix;

    public static string NodeSoul(string soul) => Ownership.NodePolicy + soul;

    public PolicyVerdict Judge(string soul, string field, WeftValue value, double state, WriterId writer = default) =>
        Book.JudgeWrite(new FieldWrite(soul, field, value, state), writer, new PolicyContext(Ownership.Of(soul)));

    public WeftError JudgeBy(byte key, string soul, string field, WeftValue value, double state) =>
        Judge(soul, field, value, state, WriterId.Native(Key(key))).Error;

    /// <summary>Stores a field as if it had been committed, and gives what the book wants judged again.</summary>
    public PolicyOutput[] Store(string soul, string field, WeftValue value, double state)
    {
        _outbox.Clear();
        Book.OnStored(soul, new StoredField(field, value, state, 1), _outbox);
        return Outputs;
    }

    /// <summary>Stores a version of a prefix's policy, written as people write it.</summary>
    public PolicyOutput[] StorePolicy(string prefix, int version, double state, string json) =>
        Store(PrefixSoul(prefix), $"{version}", Text(json), state);

    /// <summary>The stored text of a document; single quotes stand for double ones.</summary>
    public static string Text(string json)
    {
        string? text = PolicyDocumentCodec.Canonicalize(
            System.Text.Encoding.UTF8.GetBytes(json.Replace('\'', '"')), Crypto, out string? fault);
        return text ?? throw new ArgumentException(fault, nameof(json));
    }
}
