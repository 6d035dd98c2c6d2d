using System.Buffers;
using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Weft.Graph.Access;

/// <summary>What a text turned out to be.</summary>
internal enum SeaForm
{
    /// <summary>A value that the owner signed, as SEA writes one.</summary>
    Usual = 0,

    /// <summary>Something else that may still be signed: the general way has to read it.</summary>
    Other,

    /// <summary>No JSON at all.</summary>
    NotJson,
}

/// <summary>
/// Takes a signed value of SEA apart in one pass over its bytes, without texts in between. Nearly every value is
/// <c>{":":value,"~":signature}</c> and no more; what has another form, a certificate for example, is left to
/// <see cref="SeaRules"/>, which reads whatever gun.js can read. Where both can read a value they say the same.
/// </summary>
internal static class SeaEnvelope
{
    private const int StackBytes = 1_024;
    private const int SignatureText = 88;

    /// <summary>Reads a value.</summary>
    /// <param name="write">The write; its state is part of what is signed.</param>
    /// <param name="pub">The owner, "x.y".</param>
    /// <param name="signature">What must verify, for the usual form.</param>
    public static SeaForm Read(in FieldWrite write, string pub, out SeaSignature? signature)
    {
        signature = null;
        ReadOnlySpan<byte> json = write.Value.Json;
        if (json[0] != (byte)'"' || write.State == 0)
        {
            return SeaForm.Other;
        }

        json = json[1..^1];
        byte[]? rented = json.Length > StackBytes ? ArrayPool<byte>.Shared.Rent(json.Length) : null;
        Span<byte> text = rented ?? stackalloc byte[StackBytes];
        try
        {
            return TryUnescape(json, text, out int length) && Utf8.IsValid(text[..length])
                ? Read(write, pub, text[..length], out signature)
                : SeaForm.Other;
        }
        catch (JsonException)
        {
            return SeaForm.NotJson;
        }
        finally
        {
            if (rented is not null)
            {
                ArrayPool<byte>.Shared.Return(rented);
            }
        }
    }

    private static SeaForm Read(
        in FieldWrite write, string pub, ReadOnlySpan<byte> text, out SeaSignature? signature)
    {
        signature = null;
        var reader = new Utf8JsonReader(text, new JsonReaderOptions { MaxDepth = ScriptJson.DepthMax });
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            return SeaForm.Other;
        }

        ReadOnlySpan<byte> said = default;
        ReadOnlySpan<byte> proof = default;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            byte name = reader.ValueSpan.Length == 1 ? reader.ValueSpan[0] : (byte)0;
            if (reader.ValueIsEscaped || name == (byte)'*')
            {
                return SeaForm.Other;
            }

            reader.Read();
            int start = (int)reader.TokenStartIndex;
            if (name == (byte)'~')
            {
                if (reader.TokenType != JsonTokenType.String || reader.ValueIsEscaped)
                {
                    return SeaForm.Other;
                }

                proof = reader.ValueSpan;
            }

            reader.Skip();
            if (name == (byte)':')
            {
                said = text[start..(int)reader.BytesConsumed]; // A name that stands twice counts where it stands last.
            }
        }

        while (reader.Read())
        {
            // Only white space may follow; anything else makes the reader throw.
        }

        byte[] bytes = new byte[WriteProof.SignatureLength];
        if (said.IsEmpty || !TryDecode(proof, bytes))
        {
            return SeaForm.Other;
        }

        signature = SignatureOf(write, pub, said, bytes);
        return SeaForm.Usual;
    }

    private static SeaSignature SignatureOf(in FieldWrite write, string pub, ReadOnlySpan<byte> said, byte[] bytes)
    {
        bool isWritten = said[0] is (byte)'t' or (byte)'f' or (byte)'n'
            || (said[0] == (byte)'"' && !said.Contains((byte)'\\'));
        if (isWritten)
        {
            return new(pub, SeaRules.Signed(write, said), null, bytes); // As JavaScript writes it already.
        }

        byte[]? sorted = said[0] is (byte)'{' or (byte)'[' ? SeaSignature.SortedOf(said) : null;
        return new(
            pub, SeaRules.Signed(write, ScriptJson.Rewrite(said)),
            sorted is null ? null : SeaRules.Signed(write, sorted), bytes);
    }

    /// <summary>The same rule as <see cref="SeaSignature.TryDecode"/>: one text for one signature.</summary>
    private static bool TryDecode(ReadOnlySpan<byte> text, Span<byte> signature)
    {
        Span<byte> bytes = stackalloc byte[WriteProof.SignatureLength + 2];
        Span<byte> back = stackalloc byte[SignatureText];
        if (text.Length != SignatureText
            || Base64.DecodeFromUtf8(text, bytes, out _, out int length) != OperationStatus.Done
            || length != WriteProof.SignatureLength
            || Base64.EncodeToUtf8(bytes[..length], back, out _, out _) != OperationStatus.Done
            || !back.SequenceEqual(text))
        {
            return false;
        }

        bytes[..length].CopyTo(signature);
        return true;
    }

    /// <summary>Undoes the escapes of a text of one byte each; false for any other.</summary>
    private static bool TryUnescape(ReadOnlySpan<byte> raw, Span<byte> text, out int length)
    {
        length = 0;
        while (true)
        {
            int run = raw.IndexOf((byte)'\\');
            if (run < 0)
            {
                raw.CopyTo(text[length..]);
                length += raw.Length;
                return true;
            }

            byte kind = run + 1 < raw.Length ? raw[run + 1] : (byte)'u';
            byte symbol = kind switch
            {
                (byte)'"' or (byte)'\\' or (byte)'/' => kind,
                (byte)'b' => (byte)'\b',
                (byte)'f' => (byte)'\f',
                (byte)'n' => (byte)'\n',
                (byte)'r' => (byte)'\r',
                (byte)'t' => (byte)'\t',
                _ => 0,
            };
            if (symbol == 0)
            {
                return false;
            }

            raw[..run].CopyTo(text[length..]);
            length += run;
            text[length++] = symbol;
            raw = raw[(run + 2)..];
        }
    }
}
