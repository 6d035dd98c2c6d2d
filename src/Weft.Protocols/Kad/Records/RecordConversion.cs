namespace Weft.Protocols.Kad.Records;

/// <summary>A type that says itself how it becomes a record and comes back: no reflection, safe for trimming.</summary>
/// <typeparam name="TSelf">The type.</typeparam>
/// <remarks>
/// <code>
/// public sealed record Profile(string Name) : IRecordSchema&lt;Profile&gt;
/// {
///     public static string Prefix => "profile/";
///     public ReadOnlyMemory&lt;byte&gt; RecordKey => Encoding.UTF8.GetBytes(Name);
///     public void WriteValue(IBufferWriter&lt;byte&gt; target) { … }
///     public static bool TryReadValue(ReadOnlySpan&lt;byte&gt; key, ReadOnlySpan&lt;byte&gt; value, out Profile?
/// read) { … }
/// }
/// KadRecord record = profile.ToRecord(publisher);
/// </code>
/// </remarks>
public interface IRecordSchema<TSelf>
    where TSelf : IRecordSchema<TSelf>
{
    /// <summary>What every key of the type begins with, for example "/weft/".</summary>
    static abstract string Prefix { get; }

    /// <summary>What follows the prefix in this object's key.</summary>
    ReadOnlyMemory<byte> RecordKey { get; }

    /// <summary>Writes the value.</summary>
    void WriteValue(System.Buffers.IBufferWriter<byte> target);

    /// <summary>Reads an object; false when the value is not of this type.</summary>
    /// <param name="key">What followed the prefix.</param>
    /// <param name="value">The value.</param>
    /// <param name="read">The object.</param>
    static abstract bool TryReadValue(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, out TSelf? read);
}

/// <summary>Objects to records and back.</summary>
public static class RecordConversion
{
    /// <summary>Makes the record of an object.</summary>
    /// <typeparam name="T">Its type.</typeparam>
    /// <param name="source">The object.</param>
    /// <param name="publisher">Who publishes it; the default names nobody.</param>
    public static KadRecord ToRecord<T>(this T source, Primitives.PeerId publisher = default)
        where T : IRecordSchema<T>
    {
        ArgumentNullException.ThrowIfNull(source);
        byte[] key = [.. System.Text.Encoding.UTF8.GetBytes(T.Prefix), .. source.RecordKey.Span];
        var value = new System.Buffers.ArrayBufferWriter<byte>(256);
        source.WriteValue(value);
        return KadRecord.Make(key, value.WrittenSpan, publisher);
    }

    /// <summary>Reads an object from a record.</summary>
    /// <typeparam name="T">Its type.</typeparam>
    /// <param name="record">The record.</param>
    /// <param name="read">The object.</param>
    /// <returns>False when the key is of another type, or the value malformed.</returns>
    public static bool FromRecord<T>(this KadRecord record, out T? read)
        where T : IRecordSchema<T>
    {
        read = default;
        byte[] prefix = System.Text.Encoding.UTF8.GetBytes(T.Prefix);
        return !record.IsEmpty && record.Key.Span.StartsWith(prefix)
            && T.TryReadValue(record.Key.Span[prefix.Length..], record.Value.Span, out read);
    }
}
