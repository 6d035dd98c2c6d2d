using System.Buffers;
using Weft.Graph;
using Weft.Graph.Access;

namespace Weft.Protocols.Gun;

/// <summary>One changed field on its way to subscribers: encoded once, sent to as many as want it.</summary>
public sealed class GunFragment
{
    private readonly byte[] _encoded; // "soul" | "field":state | "field":value
    private readonly int _stateAt;
    private readonly int _valueAt;
    private readonly byte[]? _proof; // "field":"proof"; only Weft peers get it.

    /// <summary>Encodes one change.</summary>
    public GunFragment(string soul, in StoredField field)
    {
        Soul = soul;
        Field = field.Field;
        Hash = HashCode.Combine(soul, field.Field);
        byte[] name = JsonText.Quote(field.Field);
        byte[] soulText = JsonText.Quote(soul);
        Span<byte> state = stackalloc byte[32];
        int stateLength = JsonText.FormatNumber(field.State, state);
        ReadOnlySpan<byte> value = field.Value.Json;
        _stateAt = soulText.Length;
        _valueAt = _stateAt + name.Length + 1 + stateLength;
        _encoded = new byte[_valueAt + name.Length + 1 + value.Length];
        soulText.CopyTo(_encoded, 0);
        name.CopyTo(_encoded, _stateAt);
        _encoded[_stateAt + name.Length] = (byte)':';
        state[..stateLength].CopyTo(_encoded.AsSpan(_stateAt + name.Length + 1));
        name.CopyTo(_encoded, _valueAt);
        _encoded[_valueAt + name.Length] = (byte)':';
        value.CopyTo(_encoded.AsSpan(_valueAt + name.Length + 1));
        if (ProofText.Has(field.Extras))
        {
            byte[] text = ProofText.Format(field.Extras!);
            _proof = new byte[name.Length + text.Length + 3];
            name.CopyTo(_proof, 0);
            _proof[name.Length] = (byte)':';
            _proof[name.Length + 1] = (byte)'"';
            text.CopyTo(_proof, name.Length + 2);
            _proof[^1] = (byte)'"';
        }
    }

    /// <summary>The node.</summary>
    public string Soul { get; }

    /// <summary>The field.</summary>
    public string Field { get; }

    /// <summary>Bytes it takes, its share of the node's name included.</summary>
    public int Bytes => _encoded.Length + (_proof?.Length ?? 0);

    internal int Hash { get; }

    internal ReadOnlySpan<byte> SoulText => _encoded.AsSpan(0, _stateAt);

    internal ReadOnlySpan<byte> StateText => _encoded.AsSpan(_stateAt, _valueAt - _stateAt);

    internal ReadOnlySpan<byte> ValueText => _encoded.AsSpan(_valueAt);

    /// <summary>Empty when the field carries no proof.</summary>
    internal ReadOnlySpan<byte> ProofMember => _proof;
}

/// <summary>Two fragments are the same field of the same node, whatever the value.</summary>
internal sealed class SameField : IEqualityComparer<GunFragment>
{
    public static SameField Instance { get; } = new();

    public bool Equals(GunFragment? x, GunFragment? y) => ReferenceEquals(x, y)
        || (x!.Hash == y!.Hash && x.Field == y.Field && x.Soul == y.Soul);

    public int GetHashCode(GunFragment fragment) => fragment.Hash;
}
