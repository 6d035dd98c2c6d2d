using System.Text.Json;
using Weft.Graph;
using Weft.Graph.Access;
using Weft.Primitives;

namespace Weft.Server.Http;

/// <summary>
/// Reads records of the form <c>{"soul":…,"fields":{…},"states":{…},"proof":{…}}</c> into writes. Other properties are
/// skipped, so that what this node answers can be sent back to it. A proof is a claim: admission verifies it. One
/// caller at a time; reused from record to record.
/// </summary>
internal sealed class RecordReader
{
    private const int ScanMax = 12; // Up to so many names a plain scan for repeated ones is cheaper than a set.

    private readonly NameCache _names = new();
    private readonly List<(string Name, double State)> _states = [];
    private readonly Dictionary<string, int> _statesByName = new(StringComparer.Ordinal);
    private readonly HashSet<string> _seen = new(StringComparer.Ordinal);
    private readonly Dictionary<string, FieldExtras> _proofs = new(StringComparer.Ordinal);

    /// <summary>Reads one record that is a whole document.</summary>
    /// <param name="json">The document.</param>
    /// <param name="into">Gets the writes.</param>
    /// <param name="soul">The soul, when the request names it elsewhere; else the record must.</param>
    /// <exception cref="ApiException">It is not such a record. <paramref name="into"/> is as it was.</exception>
    internal void ReadDocument(ReadOnlySpan<byte> json, List<FieldWrite> into, string? soul = null)
    {
        JsonBody.ThrowIfNoUtf8(json);
        int start = into.Count;
        try
        {
            var reader = new Utf8JsonReader(json, JsonBody.Options);
            if (!reader.Read())
            {
                throw new ApiException(WeftError.RequestMalformed, "The record is empty.");
            }

            Read(ref reader, into, soul);
            JsonBody.Finish(ref reader);
        }
        catch (JsonException broken)
        {
            into.RemoveRange(start, into.Count - start);
            throw JsonBody.Malformed(broken);
        }
        catch (ApiException)
        {
            into.RemoveRange(start, into.Count - start);
            throw;
        }
    }

    /// <summary>Reads a list of records.</summary>
    /// <exception cref="ApiException">One is not such a record, or there are too many fields.</exception>
    internal int ReadList(ReadOnlySpan<byte> json, List<FieldWrite> into, int fieldsMax)
    {
        JsonBody.ThrowIfNoUtf8(json);
        try
        {
            var reader = new Utf8JsonReader(json, JsonBody.Options);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartArray)
            {
                throw new ApiException(WeftError.RequestMalformed, "The body is not a list of records.");
            }

            int records = 0;
            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            {
                Read(ref reader, into, null);
                records++;
                if (into.Count > fieldsMax)
                {
                    throw new ApiException(
                        WeftError.TooComplex,
                        $"The batch has more than {fieldsMax} fields. Nothing was stored; send lines instead.");
                }
            }

            JsonBody.Finish(ref reader);
            return records;
        }
        catch (JsonException broken)
        {
            throw JsonBody.Malformed(broken);
        }
    }

    private void Read(ref Utf8JsonReader reader, List<FieldWrite> into, string? given)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw new ApiException(WeftError.RequestMalformed, "A record is an object {\"soul\":…,\"fields\":{…}}.");
        }

        int start = into.Count;
        string? soul = null;
        bool hasFields = false;
        bool hasStates = false;
        _states.Clear();
        _statesByName.Clear();
        _proofs.Clear();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (JsonBody.IsName(in reader, "soul"u8) && soul is null)
            {
                soul = ReadSoul(ref reader);
            }
            else if (JsonBody.IsName(in reader, "fields"u8) && !hasFields)
            {
                hasFields = true;
                ReadFields(ref reader, into);
            }
            else if (JsonBody.IsName(in reader, "states"u8) && !hasStates)
            {
                hasStates = true;
                ReadStates(ref reader);
            }
            else if (JsonBody.IsName(in reader, "proof"u8) && _proofs.Count == 0)
            {
                ReadProofs(ref reader);
            }
            else if (JsonBody.IsName(in reader, "soul"u8)
                || JsonBody.IsName(in reader, "fields"u8)
                || JsonBody.IsName(in reader, "states"u8)
                || JsonBody.IsName(in reader, "proof"u8))
            {
                throw new ApiException(WeftError.RequestMalformed, "The record gives a property twice.");
            }
            else
            {
                reader.Skip();
            }
        }

        if (given is not null && soul is not null && soul != given)
        {
            throw new ApiException(
                WeftError.RequestMalformed, "The record is for another soul than the request.") { Path = "soul" };
        }

        soul ??= given ?? throw new ApiException(
            WeftError.RequestMalformed, "The record has no \"soul\".") { Path = "soul" };
        if (!hasFields)
        {
            throw new ApiException(WeftError.RequestMalformed, "The record has no \"fields\".") { Path = "fields" };
        }

        Complete(into, start, soul);
    }

    private static string ReadSoul(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType != JsonTokenType.String)
        {
            throw new ApiException(WeftError.SoulInvalid, "\"soul\" is not text.") { Path = "soul" };
        }

        string soul = JsonText.Unescape(reader.ValueSpan);
        return FieldRules.CheckSoul(soul) == WeftError.None
            ? soul
            : throw new ApiException(
                WeftError.SoulInvalid, ErrorCatalogue.Find(WeftError.SoulInvalid).Cause) { Path = "soul" };
    }

    private void ReadFields(ref Utf8JsonReader reader, List<FieldWrite> into)
    {
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw new ApiException(WeftError.RequestMalformed, "\"fields\" is not an object.") { Path = "fields" };
        }

        int start = into.Count;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string field = ReadField(reader.ValueSpan);
            reader.Read();
            WeftError error = WeftValueReader.Read(ref reader, out WeftValue value);
            if (error != WeftError.None)
            {
                JsonBody.ThrowIfInvalid(error, "fields." + field);
            }

            into.Add(new FieldWrite("", field, value, double.NaN));
        }

        ThrowIfRepeated(into, start);
    }

    private string ReadField(ReadOnlySpan<byte> raw)
    {
        if (_names.TryFind(raw, out string known))
        {
            return known;
        }

        string field = JsonText.Unescape(raw);
        if (FieldRules.CheckField(field) != WeftError.None)
        {
            throw new ApiException(
                WeftError.FieldInvalid, ErrorCatalogue.Find(WeftError.FieldInvalid).Cause) { Path = "fields" };
        }

        _names.Add(raw, field); // Keyed by the raw bytes: an escaped spelling is another key for the same name.
        return field;
    }

    private void ReadStates(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw new ApiException(WeftError.RequestMalformed, "\"states\" is not an object.") { Path = "states" };
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string field = ReadField(reader.ValueSpan);
            reader.Read();
            if (reader.TokenType != JsonTokenType.Number
                || !reader.TryGetDouble(out double state) || !double.IsFinite(state))
            {
                throw new ApiException(WeftError.StateInvalid, ErrorCatalogue.Find(WeftError.StateInvalid).Cause)
                {
                    Path = "states." + field,
                };
            }

            _states.Add((field, state));
        }
    }

    private void ReadProofs(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw new ApiException(WeftError.ProofMalformed, "\"proof\" is not an object.") { Path = "proof" };
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string field = ReadField(reader.ValueSpan);
            reader.Read();
            if (reader.TokenType != JsonTokenType.String)
            {
                throw new ApiException(WeftError.ProofMalformed, "A proof is text.") { Path = "proof." + field };
            }

            _proofs[field] = ProofText.Read(reader.ValueSpan);
        }
    }

    private void ThrowIfRepeated(List<FieldWrite> into, int start)
    {
        int count = into.Count - start;
        if (count > ScanMax)
        {
            _seen.Clear();
            for (int i = start; i < into.Count; i++)
            {
                if (!_seen.Add(into[i].Field))
                {
                    throw Repeated(into[i].Field);
                }
            }

            return;
        }

        for (int i = start + 1; i < into.Count; i++)
        {
            for (int j = start; j < i; j++)
            {
                if (string.Equals(into[i].Field, into[j].Field, StringComparison.Ordinal))
                {
                    throw Repeated(into[i].Field);
                }
            }
        }
    }

    private static ApiException Repeated(string field) =>
        new(WeftError.RequestMalformed, "A field stands twice in one record.") { Path = "fields." + field };

    private void Complete(List<FieldWrite> into, int start, string soul)
    {
        int next = 0; // States mostly stand in the order of the fields.
        for (int i = start; i < into.Count; i++)
        {
            int at = FindState(into[i].Field, next);
            into[i] = into[i] with
            {
                Soul = soul,
                State = at < 0 ? double.NaN : _states[at].State,
                Extras = _proofs.Count == 0 ? null : _proofs.GetValueOrDefault(into[i].Field),
            };
            next = at < 0 ? next : at + 1;
        }
    }

    private int FindState(string field, int from)
    {
        if (_statesByName.Count == 0)
        {
            if (from < _states.Count && string.Equals(_states[from].Name, field, StringComparison.Ordinal))
            {
                return from;
            }

            for (int i = 0; i < _states.Count; i++)
            {
                _statesByName[_states[i].Name] = i; // Out of order: look up from here on.
            }
        }

        return _statesByName.TryGetValue(field, out int at) ? at : -1;
    }
}
