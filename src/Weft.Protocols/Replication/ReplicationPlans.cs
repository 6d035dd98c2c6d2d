using System.Buffers.Text;
using System.Text;
using Weft.Crypto;
using Weft.Graph.Access;
using Weft.Graph.Policy;

namespace Weft.Protocols.Replication;

/// <summary>
/// Says how every soul is replicated: by the newest policy that covers it, else by this peer's own configuration, else as
/// peers always did: it goes to whoever a session is open with.
/// </summary>
/// <remarks>Pure, and safe to ask from many threads. Source: docs/spec/replication.md, section 1.</remarks>
public sealed class ReplicationPlans
{
    /// <summary>Prefixes that a configuration may name.</summary>
    public const int DefaultsMax = 256;

    /// <summary>What topics of prefixes begin with; behind it stand 43 characters.</summary>
    public const string TopicStart = "weft/graph/1/";

    private readonly PolicyBook _book;
    private readonly KeyValuePair<string, ReplicationWords>[] _defaults; // The longest first.

    /// <summary>Makes it.</summary>
    /// <param name="book">What is known of policies.</param>
    /// <param name="defaults">For prefixes that no policy covers, by prefix; at most <see cref="DefaultsMax"/>.</param>
    public ReplicationPlans(PolicyBook book, IEnumerable<KeyValuePair<string, ReplicationWords>> defaults)
    {
        _book = book;
        _defaults = [.. defaults.OrderByDescending(item => item.Key.Length).ThenBy(item => item.Key, StringComparer.Ordinal)];
        ArgumentOutOfRangeException.ThrowIfGreaterThan(_defaults.Length, DefaultsMax, nameof(defaults));
    }

    /// <summary>Rises with every change of what a policy may say.</summary>
    public long Version => _book.Version;

    /// <summary>True when nothing says anything, so that every soul goes its usual way.</summary>
    public bool IsEmpty => _defaults.Length == 0 && _book.IsEmpty;

    /// <summary>How a soul is replicated. The system's own souls always go to everybody.</summary>
    public ReplicationPlan PlanOf(string soul)
    {
        if (IsEmpty || soul.StartsWith(Ownership.SystemPrefix, StringComparison.Ordinal))
        {
            return new("", false, default);
        }

        if (_book.FindNewest(soul) is { } policy && policy.Document.Replication is { } said)
        {
            return new(policy.Scope, policy.IsNode, said);
        }

        foreach ((string prefix, ReplicationWords words) in _defaults)
        {
            if (soul.StartsWith(prefix, StringComparison.Ordinal))
            {
                return new(prefix, false, words);
            }
        }

        return new("", false, default);
    }

    /// <summary>Every prefix and node that something is said of, in order, each once.</summary>
    public IReadOnlyList<ReplicationPlan> ReadAll()
    {
        var plans = new SortedDictionary<string, ReplicationPlan>(StringComparer.Ordinal);
        foreach ((string prefix, ReplicationWords words) in _defaults)
        {
            plans["p" + prefix] = new(prefix, false, words);
        }

        foreach (PolicyInForce policy in _book.ReadNewest())
        {
            if (policy.Document.Replication is { } words)
            {
                plans[(policy.IsNode ? "n" : "p") + policy.Scope] = new(policy.Scope, policy.IsNode, words);
            }
        }

        return [.. plans.Values];
    }

    /// <summary>The topic in which changes of a scope are told.</summary>
    /// <param name="crypto">Hashes.</param>
    /// <param name="network">The network: 32 bytes. Topics of two networks are two topics.</param>
    /// <param name="plan">The scope.</param>
    public static string TopicOf(ICrypto crypto, ReadOnlySpan<byte> network, in ReplicationPlan plan)
    {
        ArgumentNullException.ThrowIfNull(crypto);
        Span<byte> hash = stackalloc byte[32];
        crypto.Sha256(
            [.. "weft/graph-topic/1\0"u8, .. network, plan.IsNode ? (byte)1 : (byte)0, .. Encoding.UTF8.GetBytes(plan.Scope)],
            hash);
        return TopicStart + Base64Url.EncodeToString(hash);
    }
}
