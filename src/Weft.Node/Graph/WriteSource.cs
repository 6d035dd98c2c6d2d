using Weft.Graph.Access;

namespace Weft.Node;

/// <summary>Through which door a write comes.</summary>
public enum WriteDoor
{
    /// <summary>Code or API of this node: the node signs, or the identity that is given.</summary>
    Local = 0,

    /// <summary>A bulk import: lines keep the proofs they carry.</summary>
    Import,

    /// <summary>A GUN client: what it puts is its own affair, this node signs nothing of it.</summary>
    Client,

    /// <summary>
    /// A link between relays. One message mixes what many wrote, so each write is judged alone: one that is refused
    /// holds
    /// up none of the others.
    /// </summary>
    Link,
}

/// <summary>Who brings a write.</summary>
/// <param name="Name">For the journal: "local", "http", "import", or a peer's name.</param>
/// <param name="Connection">The number of the connection; 0 for this process.</param>
/// <param name="Door">Through which door it comes.</param>
public readonly record struct WriteSource(string Name, long Connection = 0, WriteDoor Door = WriteDoor.Local)
{
    /// <summary>Code in this process.</summary>
    public static WriteSource Local { get; } = new("local");

    /// <summary>The HTTP API.</summary>
    public static WriteSource Http { get; } = new("http");

    /// <summary>
    /// A bulk import. Lines without a proof are signed where a key or a policy says who may write, only.
    /// </summary>
    public static WriteSource Import { get; } = new("import", Door: WriteDoor.Import);

    /// <summary>As whom the writes are made; null for the node itself. Local doors only.</summary>
    public WriteIdentity? Identity { get; init; }

    /// <summary>True to sign imported lines that carry no proof, also where nobody asks for one.</summary>
    public bool SignsImports { get; init; }

    /// <summary>The same source with another identity.</summary>
    public WriteSource With(WriteIdentity identity) => this with { Identity = identity };

    /// <summary>Which of its writes this node signs.</summary>
    internal SigningMode Signing(bool signsWrites) => Door switch
    {
        WriteDoor.Local => signsWrites || Identity is not null ? SigningMode.Always : SigningMode.WhereNeeded,
        WriteDoor.Import => SignsImports ? SigningMode.Always : SigningMode.WhereNeeded,
        _ => SigningMode.Never,
    };
}
