using System.Text.Json;
using System.Text.Unicode;
using Weft.Fuzz;
using Weft.Graph;
using Weft.Primitives;

namespace Weft.Tests.Fuzz;

/// <summary>The one reader of JSON values: what it takes is within all bounds, and is read as itself again.</summary>
internal sealed class ValueReaderFuzz : FuzzTarget
{
    public override string Name => "value-reader";

    public override IEnumerable<byte[]> Seeds =>
    [
        "null"u8.ToArray(), "true"u8.ToArray(), "-0.5e+10"u8.ToArray(), "123456789012345"u8.ToArray(),
        "\"te\\u0078t\\n\""u8.ToArray(), "{\"#\":\"soul\"}"u8.ToArray(), "{ \"\\u0023\" : \"s\\u0000\" }"u8.ToArray(),
        "[1,{\"a\":[]}]"u8.ToArray(), "{\"#\":\"a\",\"b\":1}"u8.ToArray(),
    ];

    public override IReadOnlyList<byte[]> Words =>
    [
        "{\"#\":"u8.ToArray(), "\\ud800"u8.ToArray(), "1e999"u8.ToArray(), "-0"u8.ToArray(), "00"u8.ToArray(),
        "\"\""u8.ToArray(), "}"u8.ToArray(), "[["u8.ToArray(),
    ];

    public override int AllocationFactor => 64; // The checks below read and write the value again.

    public override ulong Run(ReadOnlyMemory<byte> input)
    {
        if (!Utf8.IsValid(input.Span))
        {
            return 0; // Callers look before.
        }

        WeftError error;
        WeftValue value;
        try
        {
            var reader = new Utf8JsonReader(input.Span);
            if (!reader.Read())
            {
                return 1;
            }

            error = WeftValueReader.Read(ref reader, out value);
        }
        catch (JsonException)
        {
            return 2;
        }

        if (error != WeftError.None)
        {
            FuzzFailure.Unless(value.IsNull, "what is refused leaves no value");
            return 10 + (ulong)error;
        }

        FuzzFailure.Unless(FieldRules.CheckValue(value) == WeftError.None, "a value that is taken keeps all bounds");
        var again = new Utf8JsonReader(value.Json);
        again.Read();
        FuzzFailure.Unless(
            WeftValueReader.Read(ref again, out WeftValue second) == WeftError.None && second == value,
            "the one form is read as itself");
        WeftValue rebuilt = value.Kind switch
        {
            WeftValueKind.Boolean => value.AsBoolean()!.Value,
            WeftValueKind.Number => value.AsNumber()!.Value,
            WeftValueKind.Text => WeftValue.Text(value.AsText()),
            WeftValueKind.Link => WeftValue.Link(value.AsLink()!),
            _ => default,
        };
        FuzzFailure.Unless(rebuilt == value, "and is what its parts would make");
        return 3 + (ulong)value.Kind;
    }
}
