using System.Text;
using Weft.Crypto;
using Weft.Primitives;
using Weft.Protocols.Peers;

namespace Weft.Protocols.Kad.Rules;

/// <summary>What is valid in one namespace, and what wins when two values meet.</summary>
/// <remarks>
/// Pure and bounded: it is asked for every record a peer sends. The merge must be commutative, associative and
/// idempotent,
/// so that holders that got values in different orders end with one. Source: libp2p specs, kad-dht/README.md, "Entry
/// validation", "Entry correction".
/// </remarks>
public interface IRecordRule
{
    /// <summary>Whether the value may stand under the key.</summary>
    bool IsValid(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, double nowMs);

    /// <summary>
    /// What stands after two valid values met: one of the two, or, where values combine, a third.
    /// </summary>
    /// <param name="key">The key.</param>
    /// <param name="held">What is there.</param>
    /// <param name="offered">What came.</param>
    ReadOnlyMemory<byte> Merge(ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> held, ReadOnlyMemory<byte> offered);

    /// <summary>Who published the record, as the value itself proves it; the default when it proves nothing.</summary>
    PeerId PublisherOf(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value);

    /// <summary>How many peers keep a record of this key; 0, the default, for as many as the DHT says.</summary>
    int CopiesOf(ReadOnlySpan<byte> key) => 0;

    /// <summary>The same, where a value is at hand that may say so.</summary>
    int CopiesOf(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => CopiesOf(key);

    /// <summary>
    /// True for records that are a state: values merge into one that has all of both, they live as long as a peer is
    /// responsible for them, and a peer that no longer is hands them over and keeps none. Default: false.
    /// </summary>
    bool IsState(ReadOnlySpan<byte> key) => false;
}

/// <summary>
/// The rules of all namespaces. A key "/name/rest" belongs to the namespace "name"; any other key to none.
/// </summary>
public sealed class RecordRules
{
    /// <summary>Namespaces that can be named.</summary>
    public const int NamespacesMax = 256;

    private readonly Dictionary<string, IRecordRule> _rules = [];

    /// <summary>The two that every Weft peer knows: public keys ("pk") and signed values ("weft").</summary>
    /// <param name="crypto">The primitives.</param>
    public static RecordRules Default(ICrypto crypto)
    {
        var rules = new RecordRules();
        rules.Add("pk", new PublicKeyRule(crypto));
        rules.Add(SignedValue.Namespace, new SignedValueRule(crypto));
        return rules;
    }

    /// <summary>Names a namespace's rule, in place of an earlier one.</summary>
    /// <param name="name">Without slashes.</param>
    /// <param name="rule">Its rule.</param>
    public void Add(string name, IRecordRule rule)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(rule);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(_rules.Count, NamespacesMax, nameof(name));
        _rules[name] = rule;
    }

    /// <summary>The rule of a key; null when nobody here knows its namespace: such a record is refused.</summary>
    public IRecordRule? Find(ReadOnlySpan<byte> key)
    {
        if (key.Length < 3 || key[0] != (byte)'/' || key[1..].IndexOf((byte)'/') is not (> 0 and <= 64 and int end))
        {
            return null;
        }

        Span<char> name = stackalloc char[64];
        return Encoding.UTF8.TryGetChars(key.Slice(1, end), name, out int length)
            && _rules.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(name[..length], out IRecordRule? rule)
            ? rule
            : null;
    }
}

/// <summary>"/pk/" and a peer id's bytes: the peer's public key, which proves itself.</summary>
/// <param name="crypto">The primitives.</param>
internal sealed class PublicKeyRule(ICrypto crypto) : IRecordRule
{
    public bool IsValid(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, double nowMs) =>
        PeerPublicKey.TryDecode(value, out PeerPublicKey? found) && found.ToPeerId(crypto).Span.SequenceEqual(key[4..]);

    public ReadOnlyMemory<byte> Merge(
        ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> held, ReadOnlyMemory<byte> offered) => held; // There is only one.

    public PeerId PublisherOf(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) =>
        PeerId.TryRead(key[4..], out PeerId peer) ? peer : default;
}

/// <summary>
/// A namespace without proof: anybody may write, and of two values the one with the greater bytes stands. For
/// experiments, and for peers of other makes that bring their own proof.
/// </summary>
public sealed class OpenRule : IRecordRule
{
    /// <inheritdoc/>
    public bool IsValid(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, double nowMs) => true;

    /// <inheritdoc/>
    public ReadOnlyMemory<byte> Merge(
        ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> held, ReadOnlyMemory<byte> offered) =>
        held.Span.SequenceCompareTo(offered.Span) >= 0 ? held : offered;

    /// <inheritdoc/>
    public PeerId PublisherOf(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => default;
}
