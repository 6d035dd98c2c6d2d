using System.Collections.Concurrent;
using Weft.Crypto;

namespace Weft.Graph.Access;

/// <summary>P-256 keys that were imported, kept up to a ceiling. Safe to use from many threads.</summary>
/// <param name="crypto">Imports.</param>
/// <param name="keysMax">Keys kept: 1 and up.</param>
public sealed class SeaKeyCache(ICrypto crypto, int keysMax) : ISeaKeys
{
    private readonly ConcurrentDictionary<string, IP256PublicKey> _keys = new(StringComparer.Ordinal);

    /// <summary>Keys kept now.</summary>
    public int Count => _keys.Count;

    /// <inheritdoc/>
    public IP256PublicKey? Find(string pub)
    {
        if (_keys.TryGetValue(pub, out IP256PublicKey? key))
        {
            return key;
        }

        Span<byte> x = stackalloc byte[32];
        Span<byte> y = stackalloc byte[32];
        if (!SeaKey.TryDecode(pub, x, y) || crypto.ImportP256(x, y) is not IP256PublicKey imported)
        {
            return null; // Not kept: what is no key fails again just as quickly.
        }

        if (_keys.Count >= keysMax)
        {
            // Any of them goes; another thread may still verify with it, so it is left to the garbage collector.
            using IEnumerator<KeyValuePair<string, IP256PublicKey>> first = _keys.GetEnumerator();
            if (first.MoveNext())
            {
                _keys.TryRemove(first.Current.Key, out _);
            }
        }

        return _keys.GetOrAdd(pub, imported);
    }
}
