using System.Text.Json;
using Weft.Graph;
using Weft.Primitives;

namespace Weft.Protocols.Gun;

public sealed partial class GunCodec
{
    private void ReadGet(ref Utf8JsonReader reader, GunMessage message)
    {
        message.Get = null;
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            if (reader.TokenType != JsonTokenType.Null)
            {
                Refuse(message, WeftError.RequestMalformed, "get must be an object");
                reader.Skip();
            }

            return;
        }

        string? soul = null;
        string? field = null;
        LexRange? souls = null;
        LexRange? fields = null;
        int? budget = null;
        bool reverse = false;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            ReadOnlySpan<byte> name = NameOf(ref reader);
            byte symbol = name.Length == 1 ? name[0] : (byte)0;
            reader.Read();
            switch (symbol)
            {
                case (byte)'#':
                    (soul, souls) = ReadKey(ref reader, message, ref budget, ref reverse);
                    break;
                case (byte)'.':
                    (field, fields) = ReadKey(ref reader, message, ref budget, ref reverse);
                    break;
                case (byte)'%':
                    budget = BudgetOf(ref reader) ?? budget;
                    break;
                case (byte)'-':
                    reverse = IsTruthy(ref reader);
                    reader.Skip();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        if (souls is null && FieldRules.CheckSoul(soul) != WeftError.None)
        {
            Refuse(message, WeftError.SoulInvalid, "get has no valid soul");
            return;
        }

        if (field is not null && FieldRules.CheckField(field) != WeftError.None)
        {
            Refuse(message, WeftError.FieldInvalid, "get has no valid field name");
            return;
        }

        bool isRange = souls is not null || fields is { IsAll: false } || (fields is not null && budget is not null);
        message.Get = new GunGet
        {
            Soul = souls is null ? soul : null,
            Souls = (souls ?? default) with { Reverse = reverse && souls is not null },
            Field = field,
            Fields = (fields ?? default) with { Reverse = reverse && souls is null && fields is not null },
            IsRange = isRange,
            Budget = budget,
        };
    }

    /// <summary>A key is a text, or an object that describes a lexical range.</summary>
    private (string? Text, LexRange? Range) ReadKey(
        ref Utf8JsonReader reader, GunMessage message, ref int? budget, ref bool reverse)
    {
        if (reader.TokenType == JsonTokenType.String)
        {
            return (TextOf(ref reader), null);
        }

        if (reader.TokenType != JsonTokenType.StartObject)
        {
            bool isNull = reader.TokenType == JsonTokenType.Null;
            if (!isNull)
            {
                Refuse(message, WeftError.RequestMalformed, "a key is a text or a range");
            }

            reader.Skip();
            return (null, null);
        }

        var range = new LexRange();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            ReadOnlySpan<byte> name = NameOf(ref reader);
            byte symbol = name.Length == 1 ? name[0] : (byte)0;
            reader.Read();
            if (reader.TokenType == JsonTokenType.String && symbol is (byte)'*' or (byte)'>' or (byte)'<' or (byte)'=')
            {
                string bound = reader.TokenType == JsonTokenType.String ? TextOf(ref reader) : "";
                range = symbol switch
                {
                    (byte)'*' => range with { Prefix = bound },
                    (byte)'>' => range with { From = bound },
                    (byte)'<' => range with { To = bound },
                    _ => range with { Exact = bound },
                };
                reader.Skip();
                continue;
            }

            if (symbol == (byte)'%')
            {
                budget = BudgetOf(ref reader) ?? budget;
                continue;
            }

            reverse |= symbol == (byte)'-' && IsTruthy(ref reader);
            reader.Skip();
        }

        return (null, range);
    }

    private static int? BudgetOf(ref Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.Number && reader.TryGetDouble(out double bytes))
        {
            return double.IsNaN(bytes) ? null : (int)Math.Clamp(bytes, 0, int.MaxValue);
        }

        reader.Skip();
        return null;
    }
}
