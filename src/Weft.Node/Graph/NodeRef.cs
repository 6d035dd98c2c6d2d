using System.Buffers;
using System.Linq.Expressions;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Weft.Graph;
using Weft.Primitives;

namespace Weft.Node;

/// <summary>A link to a node of a known type. Written as <c>{"#":"soul"}</c>.</summary>
/// <typeparam name="T">What the node holds.</typeparam>
/// <param name="Soul">The node; null for no link.</param>
public readonly record struct Link<T>([property: JsonPropertyName("#")] string? Soul);

/// <summary>A node read as a type.</summary>
/// <typeparam name="T">What the node holds.</typeparam>
/// <param name="Status">What was found out.</param>
/// <param name="Value">The node; fields that are not there have their defaults. Null unless found.</param>
/// <param name="Missing">JSON names of the type's properties that the node lacks.</param>
/// <param name="States">The state of each field that is there.</param>
public sealed record NodeView<T>(
    ReadStatus Status, T? Value, IReadOnlyList<string> Missing, IReadOnlyDictionary<string, double> States)
    where T : class;

/// <summary>A handle to one node as a type. Fields travel through source-generated JSON; nothing is reflected.</summary>
/// <typeparam name="T">A class with nullable, settable properties: graph nodes may always be partial.</typeparam>
public sealed class NodeRef<T>
    where T : class
{
    private readonly GraphNode _node;
    private readonly JsonTypeInfo<T> _type;

    internal NodeRef(GraphNode node, JsonTypeInfo<T> type) => (_node, _type) = (node, type);

    /// <summary>The node's global name.</summary>
    public string Soul => _node.Soul;

    /// <summary>Writes the properties that are set. Null means "not set": it deletes nothing.</summary>
    /// <exception cref="ArgumentException">No property is set, or one holds a list or an object that is no link.</exception>
    public ValueTask<WriteResult> PutAsync(T value, CancellationToken cancellationToken = default) =>
        _node.PutAsync(ToFields(value), cancellationToken);

    /// <summary>Writes one property.</summary>
    /// <param name="property">For example <c>p => p.Name</c>.</param>
    /// <param name="value">The value; null deletes the field.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    public ValueTask<WriteResult> UpdateAsync<TValue>(
        Expression<Func<T, TValue>> property, WeftValue value, CancellationToken cancellationToken = default) =>
        _node.PutAsync(NameOf(property), value, cancellationToken);

    /// <summary>Reads the node.</summary>
    public async ValueTask<NodeView<T>> GetAsync(
        ReadPolicy policy = default, CancellationToken cancellationToken = default)
    {
        NodeResult node = await _node.GetAsync(policy, cancellationToken).ConfigureAwait(false);
        var states = node.Fields.Where(field => !field.Value.IsNull).ToDictionary(field => field.Field, field => field.State);
        string[] missing = [.. _type.Properties.Select(property => property.Name).Where(name => !states.ContainsKey(name))];
        T? value = node.Status == ReadStatus.Found ? JsonSerializer.Deserialize(ToJson(node.Fields), _type) : null;
        return new(node.Status, value, missing, states);
    }

    private static byte[] ToJson(IReadOnlyList<StoredField> fields)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using var json = new Utf8JsonWriter(buffer);
        json.WriteStartObject();
        foreach (StoredField field in fields)
        {
            if (!field.Value.IsNull)
            {
                json.WritePropertyName(field.Field);
                json.WriteRawValue(field.Value.Json, skipInputValidation: true);
            }
        }

        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    private Dictionary<string, WeftValue> ToFields(T value)
    {
        using JsonDocument document = JsonSerializer.SerializeToDocument(value, _type);
        var fields = new Dictionary<string, WeftValue>();
        foreach (JsonProperty property in document.RootElement.EnumerateObject())
        {
            JsonElement element = property.Value;
            switch (element.ValueKind)
            {
                case JsonValueKind.String:
                    fields[property.Name] = element.GetString();
                    break;
                case JsonValueKind.Number:
                    fields[property.Name] = element.GetDouble();
                    break;
                case JsonValueKind.True or JsonValueKind.False:
                    fields[property.Name] = element.GetBoolean();
                    break;
                case JsonValueKind.Object when element.TryGetProperty("#", out JsonElement soul):
                    if (soul.GetString() is string target)
                    {
                        fields[property.Name] = WeftValue.Link(target);
                    }

                    break;
                case JsonValueKind.Array or JsonValueKind.Object:
                    throw new ArgumentException(
                        $"Property '{property.Name}' is a list or an object; store it as a node of its own and link to it.");
            }
        }

        return fields;
    }

    private string NameOf<TValue>(Expression<Func<T, TValue>> property)
    {
        if (property.Body is not MemberExpression member)
        {
            throw new ArgumentException("Name one property, for example p => p.Name.", nameof(property));
        }

        string name = _type.Options.PropertyNamingPolicy?.ConvertName(member.Member.Name) ?? member.Member.Name;
        return _type.Properties.Any(known => known.Name == name)
            ? name
            : throw new ArgumentException($"'{name}' is no property that JSON knows.", nameof(property));
    }
}
