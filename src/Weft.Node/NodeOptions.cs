using Weft.Crypto;
using Weft.Graph;
using Weft.Graph.Policy;
using Weft.Primitives;
using Weft.Protocols.Replication;

namespace Weft.Node;

/// <summary>How a node behaves. Section "Weft" of the configuration.</summary>
public sealed class NodeOptions
{
    /// <summary>A name people know the node by; it need not be unique. Default: the machine's name.</summary>
    public string Name { get; set; } = "weft";

    /// <summary>What a completed write means. Default: <see cref="Primitives.Durability.Disk"/>.</summary>
    public Durability Durability { get; set; } = Durability.Disk;

    /// <summary>Write lanes, sharded by soul: 1 to 64; 0 for one per processor, at most 8. Default: 0.</summary>
    public int Lanes { get; set; }

    /// <summary>Writes that may wait in one lane before callers wait: 1 to 1,000,000. Default: 4,096.</summary>
    public int LaneQueueMax { get; set; } = 4_096;

    /// <summary>Bytes of recent changes kept for observers and peers to catch up from memory. Default: 8 MiB.</summary>
    public long RecentChangesBytesMax { get; set; } = 8L << 20;

    /// <summary>Changes one observer gets in one go: 1 to 100,000. Default: 1,024.</summary>
    public int ObserverBatchMax { get; set; } = 1_024;

    /// <summary>The knobs of the merge.</summary>
    public GraphOptions Graph { get; set; } = new();

    /// <summary>
    /// True, the default, signs every local write with the node's identity, so that "why" and "conflicts" name who
    /// wrote.
    /// False signs only where a key or a policy says who may write.
    /// </summary>
    public bool SignWrites { get; set; } = true;

    /// <summary>How signatures of incoming writes are verified.</summary>
    public VerifyOptions Verify { get; set; } = new();

    /// <summary>How much is held of policies, rotations and revocations.</summary>
    public PolicyOptions Policy { get; set; } = new();

    /// <summary>
    /// Who the node is: the key that signs its own writes and proves it to peers. Whoever gives it disposes it. Null,
    /// the default, makes one that lives as long as the node.
    /// </summary>
    public Ed25519KeyPair? Identity { get; set; }

    /// <summary>The cryptographic primitives. Null, the default, takes the quickest that this system has.</summary>
    public ICrypto? Crypto { get; set; }

    /// <summary>
    /// The public key of the network: its hash is the network's id, which every signature binds. Null, the default, is
    /// the open network, whose id is 32 zero bytes.
    /// </summary>
    public Ed25519PublicKey? NetworkKey { get; set; }

    /// <summary>How much is held of groups.</summary>
    public GroupOptions Groups { get; set; } = new();

    /// <summary>How signed logs are kept and replicated.</summary>
    public Logs.LogOptions Logs { get; set; } = new();

    /// <summary>
    /// How prefixes without a policy are replicated by this peer: each "PREFIX=WORDS", the words being those of a policy,
    /// such as <c>room/=everyone+responsible(3)</c>. At most 256. Default: none; then they go to whoever a session is open
    /// with.
    /// </summary>
    public IList<string> Replicate { get; set; } = [];

    /// <summary>How blobs are kept, served and fetched.</summary>
    public Blobs.BlobOptions Blobs { get; set; } = new();

    /// <summary>Checks every bound.</summary>
    /// <exception cref="ArgumentException">
    /// An option is out of bounds; the message names it and what is allowed.
    /// </exception>
    public void ThrowIfInvalid()
    {
        Require(Enum.IsDefined(Durability), nameof(Durability), Durability, "disk, buffered or memory");
        Require(Lanes is >= 0 and <= 64, nameof(Lanes), Lanes, "0 to 64");
        Require(LaneQueueMax is >= 1 and <= 1_000_000, nameof(LaneQueueMax), LaneQueueMax, "1 to 1,000,000");
        Require(ObserverBatchMax is >= 1 and <= 100_000, nameof(ObserverBatchMax), ObserverBatchMax, "1 to 100,000");
        Require(RecentChangesBytesMax is >= 0 and <= 1L << 40, nameof(RecentChangesBytesMax), RecentChangesBytesMax,
            "0 to 1 TiB");
        RequireVerify();
        Logs.ThrowIfInvalid();
        Blobs.ThrowIfInvalid();
        Require(Groups.GroupsMax is >= 1 and <= 100_000, "Groups.GroupsMax", Groups.GroupsMax, "1 to 100,000");
        Require(Groups.KeysMax is >= 8 and <= 1_000_000, "Groups.KeysMax", Groups.KeysMax, "8 to 1,000,000");
        Require(Groups.LookupDeadline >= TimeSpan.Zero, "Groups.LookupDeadline", Groups.LookupDeadline, "zero or more");
        Require(Replicate.Count <= ReplicationPlans.DefaultsMax, "Replicate", Replicate.Count, "at most 256 prefixes");
        foreach (string rule in Replicate)
        {
            Require(
                TryReadRule(rule, out _), "Replicate", $"\"{rule}\"",
                "PREFIX=everyone, responsible(1 to 20), both with a + between them, or local");
        }

        Require(Graph.FutureMax >= TimeSpan.Zero, "Graph.FutureMax", Graph.FutureMax, "zero or more");
        Require(Graph.DeferredMax is >= 0 and <= 1_000_000, "Graph.DeferredMax", Graph.DeferredMax, "0 to 1,000,000");
        Require(Graph.JournalMax is >= 0 and <= 1_000_000, "Graph.JournalMax", Graph.JournalMax, "0 to 1,000,000");
    }

    /// <summary>What <see cref="Replicate"/> says, by prefix; of one prefix the last counts.</summary>
    internal IReadOnlyList<KeyValuePair<string, ReplicationWords>> ReadReplicate()
    {
        var rules = new Dictionary<string, ReplicationWords>(StringComparer.Ordinal);
        foreach (string rule in Replicate)
        {
            if (TryReadRule(rule, out KeyValuePair<string, ReplicationWords> read))
            {
                rules[read.Key] = read.Value;
            }
        }

        return [.. rules];
    }

    private static bool TryReadRule(string rule, out KeyValuePair<string, ReplicationWords> read)
    {
        int at = rule.LastIndexOf('=');
        bool isRight = ReplicationWords.TryParse(at < 0 ? null : rule[(at + 1)..], out ReplicationWords words, out _)
            && at <= FieldRules.SoulBytesMax;
        read = new(isRight ? rule[..at] : "", words);
        return isRight;
    }

    private void RequireVerify()
    {
        Require(Verify.Workers is >= 0 and <= 64, "Verify.Workers", Verify.Workers, "0 to 64");
        Require(Verify.WaitingPerSourceMax is >= 1 and <= 1_000_000, "Verify.WaitingPerSourceMax",
            Verify.WaitingPerSourceMax, "1 to 1,000,000");
        Require(Verify.WaitingMax is >= 1 and <= 10_000_000, "Verify.WaitingMax", Verify.WaitingMax, "1 to 10,000,000");
        Require(Verify.KeysMax is >= 1 and <= 1_000_000, "Verify.KeysMax", Verify.KeysMax, "1 to 1,000,000");
        Require(
            Verify.VerifiedMax is >= 2 and <= 1_000_000, "Verify.VerifiedMax", Verify.VerifiedMax, "2 to 1,000,000");
    }

    private static void Require<T>(bool holds, string option, T value, string allowed)
    {
        if (!holds)
        {
            throw new ArgumentException($"Weft:{option} is {value}; allowed is {allowed}.", option);
        }
    }
}
