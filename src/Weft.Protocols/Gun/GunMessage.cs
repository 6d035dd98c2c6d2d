using Weft.Graph;
using Weft.Primitives;

namespace Weft.Protocols.Gun;

/// <summary>The control word of a message (<c>dam</c>); everything else is data.</summary>
public enum GunVerb
{
    /// <summary>No control word: put, get or answer.</summary>
    None = 0,

    /// <summary><c>hi</c>: a client opened the connection. Nobody answers.</summary>
    Hi,

    /// <summary><c>?</c>: who are you.</summary>
    Hello,

    /// <summary><c>!</c>: an error text, to be logged.</summary>
    Error,

    /// <summary><c>weft</c>: the proof of the key a Weft peer named in its hello.</summary>
    Proof,

    /// <summary>Any other: ignored, whatever it asks for.</summary>
    Other,
}

/// <summary>What a Weft peer says about itself in its hello; gun.js ignores it.</summary>
/// <param name="StoreId">The identifier of its store, by which cursors are kept.</param>
/// <param name="IsRelay">True when it wants, and sends, every change.</param>
/// <param name="Key">Its Ed25519 key as text, a claim until it is proven; null for none.</param>
/// <param name="Nonce">What the other side is to sign, 32 random bytes as base64url, new for each connection.</param>
public sealed record GunIdentity(string StoreId, bool IsRelay, string? Key = null, string? Nonce = null);

/// <summary>
/// One message as it came off the wire. A message with a <see cref="Refusal"/> is answered with <c>err</c>.
/// </summary>
public sealed class GunMessage
{
    /// <summary>The message's id (<c>#</c>); empty when it had none.</summary>
    public string Id { get; internal set; } = "";

    /// <summary>The id of the message this one answers (<c>@</c>), or null.</summary>
    public string? ReplyTo { get; internal set; }

    /// <summary>The control word.</summary>
    public GunVerb Verb { get; internal set; }

    /// <summary>The sender's name for its process, in a hello.</summary>
    public string? Pid { get; internal set; }

    /// <summary>What a Weft peer says about itself, in a hello.</summary>
    public GunIdentity? Identity { get; internal set; }

    /// <summary>The signature of a proof, in base64url; null in other messages.</summary>
    public string? Proof { get; internal set; }

    /// <summary>The writes of a put, or null. Empty when the put held nodes without fields.</summary>
    public FieldWrite[]? Writes { get; internal set; }

    /// <summary>What is asked for, or null.</summary>
    public GunGet? Get { get; internal set; }

    /// <summary>On an answer: more parts follow (<c>%</c>).</summary>
    public bool More { get; internal set; }

    /// <summary>The error text of an answer or of <c>dam:"!"</c>; at most 1,024 characters.</summary>
    public string? ErrorText { get; internal set; }

    /// <summary>Why the message cannot be taken; None when it can.</summary>
    public WeftError Refusal { get; internal set; }

    /// <summary>What exactly is wrong, for the answer.</summary>
    public string? RefusalText { get; internal set; }

    /// <summary>Bytes it took in its frame.</summary>
    public int Bytes { get; internal set; }
}

/// <summary>What a <c>get</c> asks for: a node, a field, or a lexical range of fields or souls.</summary>
public sealed record GunGet
{
    /// <summary>The node; null when <see cref="Souls"/> asks for a range of nodes.</summary>
    public string? Soul { get; init; }

    /// <summary>A range of souls; used when <see cref="Soul"/> is null.</summary>
    public LexRange Souls { get; init; }

    /// <summary>One field, or null.</summary>
    public string? Field { get; init; }

    /// <summary>A range of fields; used when <see cref="IsRange"/>.</summary>
    public LexRange Fields { get; init; }

    /// <summary>
    /// True when fields or souls are asked for by range: then without a budget only the first is meant.
    /// </summary>
    public bool IsRange { get; init; }

    /// <summary>Bytes of values wanted from a range (<c>%</c>); null when none was given.</summary>
    public int? Budget { get; init; }

    /// <summary>The fields wanted, as a range.</summary>
    public LexRange Range => Field is null ? Fields : new LexRange(Exact: Field);
}
