using Weft.Crypto;
using Weft.Graph;
using Weft.Graph.Access;
using Weft.Graph.Policy;
using Weft.Protocols.Kad.Rules;
using Weft.Protocols.Replication;
using Weft.Tests.Graph.Policy;

namespace Weft.Tests.Protocols.Replication;

/// <summary>A book with policies of key 1, and writes that it signs.</summary>
internal sealed class ReplicationRig
{
    public static readonly byte[] Network = new byte[32];

    private readonly PolicyRig _policies = new();

    public ReplicationRig(params (string Prefix, string Words)[] defaults)
    {
        Plans = new(_policies.Book, defaults.Select(item => KeyValuePair.Create(
            item.Prefix, ReplicationWords.TryParse(item.Words, out ReplicationWords words, out _)
                ? words
                : throw new ArgumentException(item.Words))));
        Rule = new(
            PolicyRig.Crypto, Network, _policies.Book, Plans,
            RecordRules.Default(PolicyRig.Crypto).Find("/weft/-"u8)!, TimeSpan.FromMinutes(10));
    }

    public static string Owned { get; } = $"${PolicyRig.Key(1)}/";

    public PolicyBook Book => _policies.Book;

    public ReplicationPlans Plans { get; }

    public GraphRecordRule Rule { get; }

    /// <summary>Puts a policy in force for what key 1 owns under a name.</summary>
    public void Store(string name, string json, int version = 1) =>
        _policies.StorePolicy(Owned + name, version, version, json);

    public static FieldWrite Signed(string soul, string field, WeftValue value, double state, byte key = 1)
    {
        Ed25519KeyPair author = PolicyRig.Pair(key);
        FieldWrite[] delta = [new(soul, field, value, state)];
        new DeltaSigner(
            PolicyRig.Crypto, Network, author.PublicKey,
            (message, signature) => author.Sign(PolicyRig.Crypto, message, signature)).Sign(delta, [0], (ulong)state);
        return delta[0];
    }

    public static byte[] KeyOf(string soul, int depth = 0, int page = 0) =>
        GraphRecord.KeyOf(PolicyRig.Crypto, Network, soul, depth, page);

    public static byte[] Value(int copies, params FieldWrite[] fields) => new GraphRecord(copies, 1, fields).Write();
}
