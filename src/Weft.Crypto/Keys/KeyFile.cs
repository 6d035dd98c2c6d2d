using Weft.Crypto.Sea;

namespace Weft.Crypto.Keys;

/// <summary>
/// The keys of one owner by name, for example "node" and "user", as they stand in a file. Owns them: disposing clears
/// every secret.
/// </summary>
/// <remarks>The bytes are <see cref="KeyFileCodec"/>'s; reading and writing files is somebody else's.</remarks>
public sealed class KeyFile : IDisposable
{
    /// <summary>Keys in one file, at most.</summary>
    public const int KeysMax = 64;

    /// <summary>Characters of a name, at most.</summary>
    public const int NameMax = 64;

    private readonly SortedDictionary<string, IDisposable> _keys = new(StringComparer.Ordinal);

    /// <summary>The names, in ordinal order.</summary>
    public IReadOnlyCollection<string> Names => _keys.Keys;

    /// <summary>Adds a native key, which from then on belongs to this object.</summary>
    /// <param name="name">1 to 64 of a to z, 0 to 9 and "-"; not in use.</param>
    /// <param name="key">The key.</param>
    /// <exception cref="ArgumentException">The name is none, or in use, or there are 64 keys.</exception>
    public void Add(string name, Ed25519KeyPair key)
    {
        ArgumentNullException.ThrowIfNull(key);
        AddAny(name, key);
    }

    /// <summary>Adds a SEA pair, which from then on belongs to this object.</summary>
    /// <param name="name">1 to 64 of a to z, 0 to 9 and "-"; not in use.</param>
    /// <param name="pair">The pair.</param>
    /// <exception cref="ArgumentException">The name is none, or in use, or there are 64 keys.</exception>
    public void Add(string name, SeaPair pair)
    {
        ArgumentNullException.ThrowIfNull(pair);
        AddAny(name, pair);
    }

    /// <summary>The native key of that name; null when there is none, or it is a SEA pair.</summary>
    public Ed25519KeyPair? FindEd25519(string name) => _keys.GetValueOrDefault(name) as Ed25519KeyPair;

    /// <summary>The SEA pair of that name; null when there is none, or it is a native key.</summary>
    public SeaPair? FindSea(string name) => _keys.GetValueOrDefault(name) as SeaPair;

    /// <summary>Clears and forgets a key.</summary>
    /// <returns>False when there was none of that name.</returns>
    public bool Remove(string name)
    {
        if (!_keys.Remove(name, out IDisposable? key))
        {
            return false;
        }

        key.Dispose();
        return true;
    }

    /// <summary>Clears every secret.</summary>
    public void Dispose()
    {
        foreach (IDisposable key in _keys.Values)
        {
            key.Dispose();
        }

        _keys.Clear();
    }

    /// <summary>The names; never a secret.</summary>
    public override string ToString() => $"key file of {string.Join(", ", Names)} (secrets withheld)";

    internal static bool IsName(string? name) =>
        name is { Length: > 0 and <= NameMax }
        && name.All(letter => letter is (>= 'a' and <= 'z') or (>= '0' and <= '9') or '-');

    internal bool Has(string name) => _keys.ContainsKey(name);

    private void AddAny(string name, IDisposable key)
    {
        if (!IsName(name))
        {
            throw new ArgumentException("A key's name is 1 to 64 of a to z, 0 to 9 and \"-\".", nameof(name));
        }

        if (_keys.Count == KeysMax || !_keys.TryAdd(name, key))
        {
            throw new ArgumentException($"There is a key \"{name}\" already, or {KeysMax} keys.", nameof(name));
        }
    }
}
