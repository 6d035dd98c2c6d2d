using System.Diagnostics.CodeAnalysis;

namespace Weft.Graph.Policy;

/// <summary>
/// What a document says field by field. A key is a field's name; one that ends in "*" stands for all fields that start
/// with the rest. The exact name beats the longest start, and "*" alone is the shortest.
/// </summary>
/// <typeparam name="T">What is said.</typeparam>
public sealed class FieldMap<T>
    where T : notnull
{
    private readonly Dictionary<string, T> _exact = new(StringComparer.Ordinal);
    private readonly List<KeyValuePair<string, T>> _starts = []; // Longest first.

    /// <summary>Makes a map.</summary>
    /// <param name="items">Key and what it says; every key once.</param>
    public FieldMap(IEnumerable<KeyValuePair<string, T>> items)
    {
        Items = [.. items.OrderBy(item => item.Key, StringComparer.Ordinal)];
        foreach ((string key, T said) in Items)
        {
            if (key.EndsWith('*'))
            {
                _starts.Add(new(key[..^1], said));
            }
            else
            {
                _exact.Add(key, said);
            }
        }

        _starts.Sort((a, b) => b.Key.Length - a.Key.Length);
    }

    /// <summary>A map that says nothing.</summary>
    public static FieldMap<T> Empty { get; } = new([]);

    /// <summary>All it says, sorted by key.</summary>
    public IReadOnlyList<KeyValuePair<string, T>> Items { get; }

    /// <summary>What it says of one field.</summary>
    /// <returns>False when it says nothing.</returns>
    public bool TryFind(string field, [MaybeNullWhen(false)] out T said)
    {
        said = default;
        if (Items.Count == 0)
        {
            return false;
        }

        if (_exact.TryGetValue(field, out said))
        {
            return true;
        }

        foreach ((string start, T about) in _starts)
        {
            if (field.StartsWith(start, StringComparison.Ordinal))
            {
                said = about;
                return true;
            }
        }

        return false;
    }
}
