using System.Buffers;
using System.Text;
using System.Text.Json;
using Weft.Crypto;
using Weft.Primitives;

namespace Weft.Graph.Access;

/// <summary>What a write into a SEA soul claims: who wrote it, and which signatures must hold.</summary>
/// <param name="Author">The writer's key, "x.y"; null for a field that needs no signature.</param>
/// <param name="Signatures">All must verify.</param>
/// <param name="Block">Where the owner keeps who is blocked; null for nowhere.</param>
public sealed record SeaClaim(string? Author, IReadOnlyList<SeaSignature> Signatures, SeaBlock? Block = null);

/// <summary>The rules of gun.js's SEA about who may put what, without the arithmetic.</summary>
/// <remarks>
/// Source: gun.js 0.2020.1241, sea.js "check". Where Weft differs: docs/spec/ownership.md, section 4.
/// </remarks>
public static class SeaRules
{
    private const int StackBytes = 1_024;

    private static readonly SeaClaim Unsigned = new(null, []);

    /// <summary>Judges a write by everything but its signatures.</summary>
    /// <param name="write">Judged by <see cref="FieldRules"/>.</param>
    /// <param name="owner">Of the soul; <see cref="SoulOwnerKind.Sea"/>.</param>
    /// <param name="claim">What is left to verify, when None is returned.</param>
    public static WeftError Read(in FieldWrite write, in SoulOwner owner, out SeaClaim? claim)
    {
        claim = null;
        string pub = owner.Sea!;
        if (write.Field == "pub" && write.Soul.Length == pub.Length + 1
            && write.Soul.EndsWith(pub, StringComparison.Ordinal))
        {
            claim = Unsigned; // Anyone may say it, because it can say only one thing.
            return write.Value.AsText() == pub ? WeftError.None : WeftError.NameMismatch;
        }

        SeaForm form = SeaEnvelope.Read(write, pub, out SeaSignature? usual);
        if (form == SeaForm.Usual)
        {
            claim = new(pub, [usual!]);
            return WeftError.None;
        }

        return form == SeaForm.NotJson ? WeftError.SignatureMissing : ReadAny(write, pub, out claim);
    }

    /// <summary>Reads whatever gun.js can read; nearly all of it has gone through <see cref="SeaEnvelope"/>.</summary>
    internal static WeftError ReadAny(in FieldWrite write, string pub, out SeaClaim? claim)
    {
        claim = null;
        if (write.Value.AsText() is not string text)
        {
            return WeftError.SignatureMissing;
        }

        try
        {
            using var parsed = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = ScriptJson.DepthMax });
            return Read(write, pub, parsed.RootElement, out claim);
        }
        catch (Exception error) when (IsUnreadable(error))
        {
            return WeftError.SignatureMissing; // A text that is not JSON carries no signature.
        }
    }

    /// <summary>The claim of the owner, whose value this node is about to sign itself.</summary>
    internal static WeftError Own(string pub, out SeaClaim? claim)
    {
        claim = new(pub, []);
        return WeftError.None;
    }

    /// <summary>Judges a write that this node is about to sign with a certificate.</summary>
    internal static WeftError ReadCertificate(
        in FieldWrite write, string owner, string? text, string writer, out SeaClaim? claim)
    {
        claim = null;
        if (text is null)
        {
            return WeftError.NotOwner;
        }

        try
        {
            string json = text.StartsWith("SEA{", StringComparison.Ordinal) ? text[3..] : text;
            using var parsed = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = ScriptJson.DepthMax });
            if (SeaCertificate.Read(parsed.RootElement, owner) is not SeaCertificate certificate)
            {
                return WeftError.CertificateRefused;
            }

            WeftError error = certificate.Judge(write, writer);
            claim = error == WeftError.None
                ? new(writer, [certificate.Signature], certificate.BlockOf(owner, writer))
                : null;
            return error;
        }
        catch (Exception error) when (IsUnreadable(error))
        {
            return WeftError.CertificateRefused;
        }
    }

    /// <summary>True for a text that looks like a signed value: an object with ":" and "~".</summary>
    public static bool IsWrapped(WeftValue value) => Unwrap(value, out _);

    /// <summary>
    /// The value inside a signed one, as applications see it; the value itself when it is not signed.
    /// </summary>
    public static WeftValue Unwrap(WeftValue value) => Unwrap(value, out WeftValue inner) ? inner : value;

    private static bool Unwrap(WeftValue value, out WeftValue inner)
    {
        inner = value;
        if (value.Kind != WeftValueKind.Text || value.AsText() is not ['{', ..] text)
        {
            return false;
        }

        try
        {
            using var parsed = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = ScriptJson.DepthMax });
            JsonElement root = parsed.RootElement;
            if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("~", out _)
                || !root.TryGetProperty(":", out JsonElement said))
            {
                return false;
            }

            var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(said.GetRawText()));
            reader.Read();
            inner = WeftValueReader.Read(ref reader, out WeftValue found) == WeftError.None ? found : value;
            return true;
        }
        catch (Exception error) when (IsUnreadable(error))
        {
            return false;
        }
    }

    /// <summary>
    /// The key that a signed value names as its writer; null when it names none, and the owner wrote it.
    /// </summary>
    /// <param name="write">A write into a SEA soul.</param>
    /// <param name="owner">Of the soul.</param>
    public static string? AuthorOf(in FieldWrite write, in SoulOwner owner) =>
        owner.Kind == SoulOwnerKind.Sea && Read(write, owner, out SeaClaim? claim) == WeftError.None
            ? claim!.Author
            : null;

    /// <summary>True when what a block list holds for a writer blocks it: 1 or true, signed or bare.</summary>
    public static bool Blocks(WeftValue value)
    {
        WeftValue said = Unwrap(value);
        return said.AsBoolean() == true || said.AsNumber() == 1;
    }

    /// <summary>"~@" and "~@NAME": a field is a link to the soul its own name stands for.</summary>
    public static WeftError JudgeName(in FieldWrite write, SoulOwnerKind kind)
    {
        string? target = write.Value.AsLink();
        bool holds = kind == SoulOwnerKind.AliasList
            ? target is not null && target.StartsWith("~@", StringComparison.Ordinal)
                && target.AsSpan(2).SequenceEqual(write.Field)
            : target == write.Field;
        return holds ? WeftError.None : WeftError.NameMismatch;
    }

    /// <summary>
    /// A soul with "#": what stands behind the last "#" of the field is the value's SHA-256, base64 or hex.
    /// </summary>
    public static WeftError JudgeContent(in FieldWrite write, ICrypto crypto)
    {
        ReadOnlySpan<char> named = write.Field.AsSpan(write.Field.LastIndexOf('#') + 1);
        Span<byte> expected = stackalloc byte[WriteProof.HashLength + 2];
        int written = 0;
        bool isHash = named.Length switch
        {
            44 => Convert.TryFromBase64Chars(named, expected, out written),
            64 => Convert.FromHexString(named, expected, out _, out written) == OperationStatus.Done,
            _ => false,
        };
        if (!isHash || written != WriteProof.HashLength)
        {
            return WeftError.ContentHashWrong;
        }

        Span<byte> actual = stackalloc byte[WriteProof.HashLength];
        string? text = write.Value.AsText();
        crypto.Sha256(text is null ? write.Value.Json : Encoding.UTF8.GetBytes(text), actual);
        return actual.SequenceEqual(expected[..written]) ? WeftError.None : WeftError.ContentHashWrong;
    }

    private static WeftError Read(in FieldWrite write, string pub, JsonElement root, out SeaClaim? claim)
    {
        claim = null;
        if (root.ValueKind != JsonValueKind.Object
            || !root.TryGetProperty(":", out JsonElement value)
            || !root.TryGetProperty("~", out JsonElement signature)
            || write.State == 0)
        {
            return WeftError.SignatureMissing;
        }

        bool isOther = root.TryGetProperty("*", out JsonElement star) && !IsFalse(star);
        string author = isOther && star.ValueKind == JsonValueKind.String ? star.GetString()! : pub;
        byte[] bytes = new byte[WriteProof.SignatureLength];
        if ((isOther && star.ValueKind != JsonValueKind.String)
            || signature.ValueKind != JsonValueKind.String
            || !SeaSignature.TryDecode(signature.GetString()!, bytes))
        {
            return WeftError.SignatureRefused;
        }

        var signed = new SeaSignature(
            author,
            Signed(write, SeaSignature.Rewrite(value)),
            SeaSignature.SortedOf(value) is byte[] sorted ? Signed(write, sorted) : null,
            bytes);
        if (!isOther)
        {
            claim = new(pub, [signed]);
            return WeftError.None;
        }

        // gun.js takes a value that names another writer and brings no certificate, whoever signed it. Nobody can
        // depend on that but a thief: here it is refused.
        if (!root.TryGetProperty("+", out JsonElement plus)
            || SeaCertificate.Read(plus, pub) is not SeaCertificate certificate)
        {
            return author == pub ? WeftError.SignatureRefused : WeftError.NotOwner;
        }

        WeftError error = certificate.Judge(write, author);
        if (error == WeftError.None)
        {
            claim = new(author, [signed, certificate.Signature], certificate.BlockOf(pub, author));
        }

        return error;
    }

    /// <summary>The text under the signature: soul, field, value and state, in this order.</summary>
    internal static byte[] Signed(in FieldWrite write, ReadOnlySpan<byte> value)
    {
        const int Around = 64; // The names, the marks and the number.
        int most = value.Length + (3 * (write.Soul.Length + write.Field.Length)) + Around;
        byte[]? rented = most > StackBytes ? ArrayPool<byte>.Shared.Rent(most) : null;
        Span<byte> text = rented ?? stackalloc byte[StackBytes];
        int at = 0;
        Put(text, ref at, "{\"#\":"u8);
        bool isPlain = JsonText.TryQuotePlain(write.Soul, text, ref at);
        Put(text, ref at, ",\".\":"u8);
        isPlain = isPlain && JsonText.TryQuotePlain(write.Field, text, ref at);
        Put(text, ref at, ",\":\":"u8);
        Put(text, ref at, value);
        Put(text, ref at, ",\">\":"u8);
        at += JsonText.FormatNumber(write.State, text[at..]);
        Put(text, ref at, "}"u8);
        byte[] signed = isPlain ? text[..at].ToArray() : SignedQuoted(write, value);
        if (rented is not null)
        {
            ArrayPool<byte>.Shared.Return(rented);
        }

        return signed;
    }

    /// <summary>The same for names that JavaScript writes with escapes.</summary>
    private static byte[] SignedQuoted(in FieldWrite write, ReadOnlySpan<byte> value)
    {
        var text = new ArrayBufferWriter<byte>(value.Length + write.Soul.Length + write.Field.Length + 64);
        text.Write("{\"#\":"u8);
        JsonText.WriteQuoted(text, write.Soul);
        text.Write(",\".\":"u8);
        JsonText.WriteQuoted(text, write.Field);
        text.Write(",\":\":"u8);
        text.Write(value);
        text.Write(",\">\":"u8);
        text.Advance(JsonText.FormatNumber(write.State, text.GetSpan(32)));
        text.Write("}"u8);
        return text.WrittenSpan.ToArray();
    }

    private static void Put(Span<byte> text, ref int at, ReadOnlySpan<byte> part)
    {
        part.CopyTo(text[at..]);
        at += part.Length;
    }

    /// <summary>Not JSON, too deep, or a text with half a surrogate pair where one must be read.</summary>
    private static bool IsUnreadable(Exception error) =>
        error is JsonException or InvalidOperationException or ArgumentException;

    private static bool IsFalse(JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.Null or JsonValueKind.False => true,
        JsonValueKind.String => json.GetString()!.Length == 0,
        JsonValueKind.Number => json.TryGetDouble(out double number) && number == 0,
        _ => false,
    };
}
