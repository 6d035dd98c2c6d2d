using System.Collections.Immutable;

namespace Weft.Graph.Policy;

/// <summary>All policies of one owner. Immutable: a change makes a new one, so that readers need no guard.</summary>
/// <remarks>
/// Policies are kept owner by owner, because a policy governs only souls of the owner who signed it: a prefix of text
/// alone would also cover the souls of others whose names happen to begin the same way.
/// </remarks>
internal sealed class OwnerPolicies
{
    private readonly string[] _prefixes; // Sorted by code units.
    private readonly PolicyInForce[][] _versions;
    private readonly int[] _parents; // The longest other prefix that each begins with; -1 for none.
    private readonly ImmutableDictionary<string, PolicyInForce[]> _nodes;

    private OwnerPolicies(
        string[] prefixes, PolicyInForce[][] versions, ImmutableDictionary<string, PolicyInForce[]> nodes)
    {
        _prefixes = prefixes;
        _versions = versions;
        _nodes = nodes;
        _parents = new int[prefixes.Length];
        for (int i = 0; i < prefixes.Length; i++)
        {
            int parent = i - 1;
            while (parent >= 0 && !prefixes[i].StartsWith(prefixes[parent], StringComparison.Ordinal))
            {
                parent = _parents[parent];
            }

            _parents[i] = parent;
        }

        Records = nodes.Values.Sum(node => node.Length) + versions.Sum(prefix => prefix.Length);
        HasMerge = nodes.Values.Concat(versions).Any(all => all.Any(version => version.Document.Merge.Items.Count > 0));
        HasHistory = nodes.Values.Concat(versions).Any(all => all.Any(version => version.Document.History is not null));
    }

    public static OwnerPolicies Empty { get; } =
        new([], [], ImmutableDictionary.Create<string, PolicyInForce[]>(StringComparer.Ordinal));

    /// <summary>Versions held.</summary>
    public int Records { get; }

    /// <summary>True when a version names a merge method.</summary>
    public bool HasMerge { get; }

    /// <summary>True when a version says what is kept of the past.</summary>
    public bool HasHistory { get; }

    /// <summary>The version of a policy as it is held, or null.</summary>
    public PolicyInForce? Version(bool isNode, string scope, int number) =>
        Array.Find(Versions(isNode, scope), version => version.Version == number);

    /// <summary>True when there is any version of any policy of the soul.</summary>
    public bool Governs(string soul) => _nodes.ContainsKey(soul) || LongestPrefix(soul) >= 0;

    /// <summary>The newest version of every policy, prefixes first, each kind in order.</summary>
    public IEnumerable<PolicyInForce> Newest => _versions.Select(versions => versions[^1])
        .Concat(_nodes.OrderBy(node => node.Key, StringComparer.Ordinal).Select(node => node.Value[^1]));

    /// <summary>The version in force.</summary>
    public PolicyInForce? Find(string soul, double state)
    {
        if (_nodes.Count > 0 && _nodes.TryGetValue(soul, out PolicyInForce[]? node) && At(node, state) is { } own)
        {
            return own;
        }

        for (int at = LongestPrefix(soul); at >= 0; at = _parents[at])
        {
            if (At(_versions[at], state) is { } version)
            {
                return version;
            }
        }

        return null;
    }

    /// <summary>The state from which a policy has kept history without a break, up to a version of it.</summary>
    public double HistorySince(PolicyInForce version)
    {
        PolicyInForce[] versions = Versions(version.IsNode, version.Scope);
        int at = Array.IndexOf(versions, version);
        while (at > 0 && versions[at - 1].Document.History is { Keeps: true })
        {
            at--;
        }

        return at < 0 ? version.State : versions[at].State;
    }

    /// <summary>The policies that say what is kept of the past at a state, prefixes first.</summary>
    public IEnumerable<PolicyInForce> WithHistory(double state) =>
        _versions.Concat(_nodes.Values).Select(versions => At(versions, state)).OfType<PolicyInForce>()
            .Where(version => version.Document.History is not null);

    /// <summary>
    /// Adds the states after <paramref name="above"/>, up to <paramref name="upTo"/>, at which a policy of the soul
    /// begins.
    /// </summary>
    public void Beginnings(string soul, double above, double upTo, List<double> states)
    {
        if (_nodes.TryGetValue(soul, out PolicyInForce[]? node))
        {
            Add(node);
        }

        for (int at = LongestPrefix(soul); at >= 0; at = _parents[at])
        {
            Add(_versions[at]);
        }

        void Add(PolicyInForce[] versions)
        {
            foreach (PolicyInForce version in versions)
            {
                if (version.State > above && version.State <= upTo)
                {
                    states.Add(version.State);
                }
            }
        }
    }

    /// <summary>These policies, with or without one version.</summary>
    /// <param name="isNode">True for a policy of one node.</param>
    /// <param name="scope">The prefix or soul.</param>
    /// <param name="number">Which version.</param>
    /// <param name="version">The version; null to take it out.</param>
    public OwnerPolicies With(bool isNode, string scope, int number, PolicyInForce? version)
    {
        PolicyInForce[] versions =
        [
            .. Versions(isNode, scope).Where(known => known.Version != number).Concat(version is null ? [] : [version])
                .OrderBy(known => known.State).ThenBy(known => known.Version),
        ];
        if (isNode)
        {
            return new(
                _prefixes, _versions, versions.Length == 0 ? _nodes.Remove(scope) : _nodes.SetItem(scope, versions));
        }

        int at = Array.BinarySearch(_prefixes, scope, StringComparer.Ordinal);
        int start = at < 0 ? ~at : at;
        int rest = at < 0 ? start : start + 1;
        bool stays = versions.Length > 0;
        return new(
            [.. _prefixes[..start], .. stays ? [scope] : Array.Empty<string>(), .. _prefixes[rest..]],
            [.. _versions[..start], .. stays ? [versions] : Array.Empty<PolicyInForce[]>(), .. _versions[rest..]],
            _nodes);
    }

    private static PolicyInForce? At(PolicyInForce[] versions, double state)
    {
        for (int i = versions.Length - 1; i >= 0; i--)
        {
            if (versions[i].State <= state)
            {
                return versions[i];
            }
        }

        return null;
    }

    private PolicyInForce[] Versions(bool isNode, string scope)
    {
        if (isNode)
        {
            return _nodes.GetValueOrDefault(scope, []);
        }

        int at = Array.BinarySearch(_prefixes, scope, StringComparer.Ordinal);
        return at < 0 ? [] : _versions[at];
    }

    private int LongestPrefix(string soul)
    {
        int at = Array.BinarySearch(_prefixes, soul, StringComparer.Ordinal);
        at = at < 0 ? ~at - 1 : at;
        while (at >= 0 && !soul.StartsWith(_prefixes[at], StringComparison.Ordinal))
        {
            at = _parents[at];
        }

        return at;
    }
}
