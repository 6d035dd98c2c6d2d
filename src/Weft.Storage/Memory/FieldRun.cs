using Weft.Graph;

namespace Weft.Storage.Memory;

/// <summary>Which fields of a node a read wants, as bytes to start from and rules to stop by.</summary>
internal sealed class FieldWindow
{
    public FieldWindow(LexRange range, int fieldsMax, long bytesMax)
    {
        Range = range;
        FieldsMax = fieldsMax;
        BytesMax = bytesMax;
        Lowest = range.Lowest;
        if (!range.Reverse)
        {
            Start = KeyText.Encode(Lowest);
            return;
        }

        string? high = range.Exact ?? range.To;
        byte[]? start = high is null ? null : KeyText.Encode(high);
        if (!string.IsNullOrEmpty(range.Prefix))
        {
            byte[] end = [.. KeyText.Encode(range.Prefix), 0xFF]; // Above every key that starts so.
            start = start is null || end.AsSpan().SequenceCompareTo(start) < 0 ? end : start;
        }

        Start = start ?? [];
        StartsAtEnd = start is null;
    }

    public LexRange Range { get; }

    public int FieldsMax { get; }

    public long BytesMax { get; }

    public byte[] Start { get; }

    public bool StartsAtEnd { get; }

    public bool Reverse => Range.Reverse;

    private string Lowest { get; }

    /// <summary>True when the name and everything behind it lie outside.</summary>
    public bool IsPast(string name) =>
        Reverse ? string.CompareOrdinal(name, Lowest) < 0 : Range.IsBeyond(name);
}

/// <summary>Fields of one node from one tier, in the order of the walk, as far as a read can need them.</summary>
internal sealed class FieldRun
{
    private long _bytes;

    public List<StoredField> Fields { get; } = [];

    /// <summary>True when the tier holds more than was taken.</summary>
    public bool IsCut { get; private set; }

    /// <summary>Takes one field.</summary>
    /// <returns>False when the run needs no more.</returns>
    public bool Add(in PackedField packed, FieldWindow window)
    {
        string name = NameTable.Get(packed.Name.Span);
        if (window.IsPast(name))
        {
            return false;
        }

        if (!window.Range.Contains(name))
        {
            return true;
        }

        if (Fields.Count >= window.FieldsMax || (_bytes >= window.BytesMax && Fields.Count > 0))
        {
            IsCut = true;
            return false;
        }

        StoredField field = packed.ToStored(name);
        Fields.Add(field);
        _bytes += Size(field);
        return true;
    }

    public static long Size(in StoredField field) => field.Field.Length + field.Value.Json.Length
        + (field.Extras is { } extras ? extras.Author.Length + extras.Signature.Length : 0);
}
