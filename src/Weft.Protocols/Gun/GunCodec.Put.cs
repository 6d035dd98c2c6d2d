using System.Buffers.Text;
using System.Text.Json;
using Weft.Graph;
using Weft.Graph.Access;
using Weft.Primitives;

namespace Weft.Protocols.Gun;

public sealed partial class GunCodec
{
    private const int ScanMax = 12; // Up to so many names, looking through a list beats any table.

    private readonly List<FieldWrite> _writes = [];
    private readonly List<(string Soul, int Start)> _nodes = [];
    private readonly List<(string Field, double State, bool Used)> _states = [];
    private readonly Dictionary<string, int> _stateOf = new(StringComparer.Ordinal);
    private readonly Dictionary<string, FieldExtras> _proofs = new(StringComparer.Ordinal);

    private void ReadGraph(ref Utf8JsonReader reader, GunMessage message)
    {
        message.Writes = null;
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            if (reader.TokenType != JsonTokenType.Null)
            {
                Refuse(message, WeftError.NodeMalformed, "put must be an object of nodes");
                reader.Skip();
            }

            return;
        }

        _writes.Clear();
        _nodes.Clear();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            bool escaped = reader.ValueIsEscaped;
            ReadOnlySpan<byte> raw = reader.ValueSpan;
            string soul = TextOf(ref reader);
            reader.Read();
            if (message.Refusal != WeftError.None)
            {
                reader.Skip(); // Refused as a whole already; the rest is only stepped over.
            }
            else if (FieldRules.CheckSoul(soul) != WeftError.None)
            {
                Refuse(message, WeftError.SoulInvalid, "a soul is empty, too long or not well-formed");
                reader.Skip();
            }
            else if (reader.TokenType != JsonTokenType.StartObject)
            {
                Refuse(message, WeftError.NodeMalformed, "a node must be an object");
                reader.Skip();
            }
            else if (_nodes.Count == _limits.NodesPerMessageMax)
            {
                Refuse(message, WeftError.TooComplex, $"more than {_limits.NodesPerMessageMax} nodes in one message");
                reader.Skip();
            }
            else
            {
                _nodes.Add((soul, _writes.Count));
                ReadNode(ref reader, message, soul, escaped ? default : raw);
            }
        }

        if (message.Refusal == WeftError.None)
        {
            DropEarlierTwins();
            message.Writes = [.. _writes];
        }

        if (_writes.Capacity > 4_096)
        {
            _writes.Clear();
            _writes.Capacity = 0; // One large message must not hold its memory for the life of the connection.
        }
    }

    private void ReadNode(ref Utf8JsonReader reader, GunMessage message, string soul, ReadOnlySpan<byte> rawSoul)
    {
        int start = _writes.Count;
        bool named = false;
        _states.Clear();
        _proofs.Clear();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (NameOf(ref reader) is [(byte)'_'])
            {
                reader.Read();
                named = ReadMetadata(ref reader, message, soul, rawSoul);
                continue;
            }

            string field = reader.ValueIsEscaped ? TextOf(ref reader) : _names.Get(reader.ValueSpan);
            reader.Read();
            WeftValue value = ReadValue(ref reader, message);
            if (message.Refusal != WeftError.None)
            {
                continue;
            }

            if (FieldRules.CheckField(field) != WeftError.None)
            {
                Refuse(message, WeftError.FieldInvalid, "a field name is empty, reserved, too long or not well-formed");
            }
            else if (_writes.Count == _limits.FieldsPerMessageMax)
            {
                Refuse(message, WeftError.TooComplex, $"more than {_limits.FieldsPerMessageMax} fields in one message");
            }
            else
            {
                _writes.Add(new FieldWrite(soul, field, value, double.NaN));
            }
        }

        if (!named)
        {
            Refuse(message, WeftError.NodeMalformed, "\"_\" must name the same soul as its key");
        }
        else if (message.Refusal == WeftError.None)
        {
            GiveStates(message, start);
        }
    }

    private bool ReadMetadata(
        ref Utf8JsonReader reader, GunMessage message, string soul, ReadOnlySpan<byte> rawSoul)
    {
        _states.Clear();
        _proofs.Clear();
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            reader.Skip();
            return false;
        }

        bool named = false;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            ReadOnlySpan<byte> name = NameOf(ref reader);
            byte symbol = name.Length == 1 ? name[0] : (byte)0;
            bool isWeft = name.SequenceEqual("weft"u8);
            reader.Read();
            if (isWeft && reader.TokenType == JsonTokenType.StartObject)
            {
                _proofs.Clear();
                ReadProofs(ref reader, message);
            }
            else if (symbol == (byte)'#' && reader.TokenType == JsonTokenType.String)
            {
                named = !reader.ValueIsEscaped && !rawSoul.IsEmpty
                    ? reader.ValueSpan.SequenceEqual(rawSoul)
                    : TextOf(ref reader) == soul;
            }
            else if (symbol == (byte)'>' && reader.TokenType == JsonTokenType.StartObject)
            {
                _states.Clear();
                ReadStates(ref reader, message);
            }
            else
            {
                reader.Skip();
            }
        }

        return named;
    }

    /// <summary>
    /// Reads what a Weft peer says about authors. It is a claim: admission verifies it, whoever sent it.
    /// </summary>
    private void ReadProofs(ref Utf8JsonReader reader, GunMessage message)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string field = reader.ValueIsEscaped ? TextOf(ref reader) : _names.Get(reader.ValueSpan);
            reader.Read();
            FieldExtras proof = reader.TokenType == JsonTokenType.String && !reader.ValueIsEscaped
                ? ProofText.Read(reader.ValueSpan)
                : ProofText.Unreadable;
            reader.Skip();
            if (_proofs.Count <= _limits.FieldsPerMessageMax)
            {
                _proofs[field] = proof;
            }
            else
            {
                Refuse(message, WeftError.TooComplex, $"more than {_limits.FieldsPerMessageMax} proofs in one node");
            }
        }
    }

    private void ReadStates(ref Utf8JsonReader reader, GunMessage message)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string field = reader.ValueIsEscaped ? TextOf(ref reader) : _names.Get(reader.ValueSpan);
            reader.Read();
            double state = double.NaN;
            if (reader.TokenType == JsonTokenType.Number)
            {
                state = StateOf(reader.ValueSpan);
            }
            else
            {
                reader.Skip();
            }

            if (_states.Count <= _limits.FieldsPerMessageMax)
            {
                _states.Add((field, state, false));
            }
            else
            {
                Refuse(message, WeftError.TooComplex, $"more than {_limits.FieldsPerMessageMax} states in one node");
            }
        }
    }

    /// <summary>
    /// Joins values with their states. Both usually come in the same order, so a hint finds most at once.
    /// </summary>
    private void GiveStates(GunMessage message, int start)
    {
        bool small = _states.Count <= ScanMax;
        if (small)
        {
            DropEarlierStates();
        }
        else
        {
            _stateOf.Clear();
            for (int i = 0; i < _states.Count; i++)
            {
                _stateOf[_states[i].Field] = i;
            }
        }

        int hint = 0;
        bool twins = false;
        for (int i = start; i < _writes.Count; i++)
        {
            FieldWrite write = _writes[i];
            int at = small ? FindState(write.Field, hint) : _stateOf.GetValueOrDefault(write.Field, -1);
            double state = at < 0 ? double.NaN : _states[at].State;
            if (!double.IsFinite(state))
            {
                Refuse(
                    message,
                        WeftError.StateInvalid, at < 0 ? "a field has no state" : "a state is not a finite number");
                return;
            }

            twins |= _states[at].Used;
            _states[at] = _states[at] with { Used = true };
            FieldExtras? proof = _proofs.Count == 0 ? null : _proofs.GetValueOrDefault(write.Field);
            _writes[i] = write with { State = state, Extras = proof };
            hint = at + 1;
        }

        if (twins)
        {
            KeepLastOfEachField(start);
        }
    }

    private int FindState(string field, int hint)
    {
        if (hint < _states.Count && _states[hint].Field == field)
        {
            return hint;
        }

        for (int i = 0; i < _states.Count; i++)
        {
            if (_states[i].Field == field)
            {
                return i;
            }
        }

        return -1;
    }

    private void DropEarlierStates()
    {
        for (int i = _states.Count - 1; i > 0; i--)
        {
            for (int earlier = i - 1; earlier >= 0; earlier--)
            {
                if (_states[earlier].Field == _states[i].Field)
                {
                    _states.RemoveAt(earlier);
                    i--;
                }
            }
        }
    }

    private void KeepLastOfEachField(int start)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        for (int i = _writes.Count - 1; i >= start; i--)
        {
            if (!seen.Add(_writes[i].Field))
            {
                _writes.RemoveAt(i);
            }
        }
    }

    /// <summary>Of two nodes with one soul, the last replaces the first, as in JavaScript.</summary>
    private void DropEarlierTwins()
    {
        if (_nodes.Count < 2)
        {
            return;
        }

        var last = new Dictionary<string, int>(_nodes.Count, StringComparer.Ordinal);
        for (int i = 0; i < _nodes.Count; i++)
        {
            last[_nodes[i].Soul] = i;
        }

        for (int i = _nodes.Count - 1; i >= 0 && last.Count < _nodes.Count; i--)
        {
            if (last[_nodes[i].Soul] != i)
            {
                int end = i + 1 < _nodes.Count ? _nodes[i + 1].Start : _writes.Count;
                int length = end - _nodes[i].Start;
                _writes.RemoveRange(_nodes[i].Start, length);
                for (int later = i + 1; later < _nodes.Count; later++)
                {
                    _nodes[later] = (_nodes[later].Soul, _nodes[later].Start - length);
                }
            }
        }
    }

    private static WeftValue ReadValue(ref Utf8JsonReader reader, GunMessage message)
    {
        WeftError error = WeftValueReader.Read(ref reader, out WeftValue value);
        if (error != WeftError.None)
        {
            Refuse(message, error, error switch
            {
                WeftError.TooLarge => "a text value is longer than 1 MiB",
                WeftError.SoulInvalid => "a link points to no valid soul",
                _ => "a value must be null, a Boolean, a finite number, text or a link {\"#\":\"soul\"}",
            });
        }

        return value;
    }

    /// <summary>
    /// Reads a state exactly. The usual form, at most 2^53 after dropping the point, needs one division.
    /// </summary>
    private static double StateOf(ReadOnlySpan<byte> raw)
    {
        long mantissa = 0;
        int decimals = -1;
        foreach (byte symbol in raw)
        {
            uint digit = (uint)(symbol - '0');
            if (digit <= 9 && mantissa < 900_000_000_000_000 && decimals < 15)
            {
                mantissa = (mantissa * 10) + digit;
                decimals += decimals >= 0 ? 1 : 0;
            }
            else if (symbol == (byte)'.' && decimals < 0)
            {
                decimals = 0;
            }
            else
            {
                bool isNumber = Utf8Parser.TryParse(raw, out double state, out int used) && used == raw.Length;
                return isNumber ? state : double.NaN;
            }
        }

        return decimals <= 0 ? mantissa : mantissa / PowersOfTen[decimals];
    }

    private static ReadOnlySpan<double> PowersOfTen =>
        [1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
}
