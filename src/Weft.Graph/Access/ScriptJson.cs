using System.Buffers;
using System.Globalization;
using System.Text.Json;

namespace Weft.Graph.Access;

/// <summary>Writes any JSON text again as JavaScript's JSON.stringify(JSON.parse(text)) does.</summary>
/// <remarks>
/// SEA signs that text, so what a browser reordered must be reordered here: names that are array indexes come first, a
/// name
/// that stands twice keeps its first place and its last value. Source: ECMA-262, sections 10.1.11 and 25.5.
/// </remarks>
internal sealed class ScriptJson
{
    /// <summary>Levels of nesting that are read; a deeper text is refused.</summary>
    public const int DepthMax = 64;

    private readonly ArrayBufferWriter<byte> _text = new();
    private readonly bool _sorted;

    private ScriptJson(bool sorted) => _sorted = sorted;

    /// <summary>The text as JavaScript would write it.</summary>
    /// <param name="json">One value, valid JSON.</param>
    /// <param name="sorted">
    /// True for the order of GUN's own serialiser: names of objects sorted. It differs only where objects are.
    /// </param>
    /// <exception cref="JsonException">Not JSON, or too deep.</exception>
    public static byte[] Rewrite(ReadOnlySpan<byte> json, bool sorted = false)
    {
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = DepthMax });
        reader.Read();
        var writer = new ScriptJson(sorted);
        writer.WriteValue(ref reader);
        return writer._text.WrittenSpan.ToArray();
    }

    private void WriteValue(ref Utf8JsonReader reader)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.StartObject:
                WriteObject(ref reader);
                break;
            case JsonTokenType.StartArray:
                WriteArray(ref reader);
                break;
            case JsonTokenType.String:
                Put(JsonText.Canonical(reader.ValueSpan));
                break;
            case JsonTokenType.Number when reader.TryGetDouble(out double number) && double.IsFinite(number):
                Span<byte> digits = stackalloc byte[32];
                Put(digits[..JsonText.FormatNumber(number, digits)]);
                break;
            case JsonTokenType.Number:
                Put("null"u8); // JavaScript reads 1e999 as Infinity, and writes that as null.
                break;
            default:
                Put(reader.ValueSpan);
                break;
        }
    }

    private void WriteArray(ref Utf8JsonReader reader)
    {
        Put("["u8);
        bool isFirst = true;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            Put(isFirst ? ""u8 : ","u8);
            isFirst = false;
            WriteValue(ref reader);
        }

        Put("]"u8);
    }

    private void WriteObject(ref Utf8JsonReader reader)
    {
        int start = _text.WrittenCount;
        var members = new List<Member>();
        var places = new Dictionary<string, int>(StringComparer.Ordinal);
        bool inOrder = true;
        Put("{"u8);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = JsonText.Unescape(reader.ValueSpan);
            reader.Read();
            Put(members.Count == 0 ? ""u8 : ","u8);
            int from = _text.WrittenCount;
            JsonText.WriteQuoted(_text, name);
            Put(":"u8);
            WriteValue(ref reader);
            var member = new Member(name, IndexOf(name), from, _text.WrittenCount);
            if (places.TryGetValue(name, out int place))
            {
                members[place] = member;
                inOrder = false;
                continue;
            }

            inOrder &= members.Count == 0 || Compare(members[^1], member, _sorted) <= 0;
            places.Add(name, members.Count);
            members.Add(member);
        }

        Put("}"u8);
        if (!inOrder)
        {
            Reorder(start, members);
        }
    }

    private void Reorder(int start, List<Member> members)
    {
        byte[] old = _text.WrittenSpan[start..].ToArray();
        byte[] head = _text.WrittenSpan[..start].ToArray();
        _text.ResetWrittenCount();
        Put(head);
        Put("{"u8);
        bool isFirst = true;
        bool sorted = _sorted;
        foreach (Member member in members.Order(Comparer<Member>.Create((a, b) => Compare(a, b, sorted))))
        {
            Put(isFirst ? ""u8 : ","u8);
            isFirst = false;
            Put(old.AsSpan(member.From - start, member.To - member.From));
        }

        Put("}"u8);
    }

    private static int Compare(in Member left, in Member right, bool sorted) =>
        left.Index != right.Index ? left.Index.CompareTo(right.Index)
        : sorted ? string.CompareOrdinal(left.Name, right.Name)
        : 0; // A stable sort keeps the order of insertion.

    /// <summary>The array index that a name stands for; all other names share one value behind them.</summary>
    private static uint IndexOf(string name) =>
        name.Length is > 0 and <= 10 && char.IsAsciiDigit(name[0]) && (name.Length == 1 || name[0] != '0')
            && uint.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out uint index)
            ? index
            : uint.MaxValue;

    private void Put(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(_text.GetSpan(bytes.Length));
        _text.Advance(bytes.Length);
    }

    private readonly record struct Member(string Name, uint Index, int From, int To);
}
