using System.Buffers;
using System.Text;
using Weft.Crypto;
using Weft.Crypto.Sea;

namespace Weft.Graph.Access;

/// <summary>Wraps and signs values as gun.js does for a user that is logged in.</summary>
/// <remarks>Source: gun.js 0.2020.1241, sea.js "check.pub".</remarks>
public static class SeaSigner
{
    /// <summary>
    /// The write as it goes into a SEA soul: its value becomes the text <c>{":":value,"~":signature}</c>.
    /// </summary>
    /// <param name="crypto">Hashes and signs.</param>
    /// <param name="writer">The writer's keys.</param>
    /// <param name="write">With the state it will have.</param>
    /// <param name="certificate">The owner's certificate as SEA text or JSON; null when the owner writes.</param>
    public static FieldWrite Sign(ICrypto crypto, SeaPair writer, in FieldWrite write, string? certificate = null)
    {
        Span<byte> signature = stackalloc byte[WriteProof.SignatureLength];
        writer.Sign(crypto, SeaRules.Signed(write, write.Value.Json), signature);
        var text = new ArrayBufferWriter<byte>(write.Value.Json.Length + 128);
        text.Write("{\":\":"u8);
        text.Write(write.Value.Json);
        text.Write(",\"~\":\""u8);
        text.Write(Encoding.ASCII.GetBytes(Convert.ToBase64String(signature)));
        text.Write("\""u8);
        if (certificate is not null)
        {
            string json = certificate.StartsWith("SEA{", StringComparison.Ordinal) ? certificate[3..] : certificate;
            text.Write(",\"+\":"u8);
            text.Write(ScriptJson.Rewrite(Encoding.UTF8.GetBytes(json)));
            text.Write(",\"*\":"u8);
            JsonText.WriteQuoted(text, writer.Pub.ToString());
        }

        text.Write("}"u8);
        return write with { Value = WeftValue.Text(Encoding.UTF8.GetString(text.WrittenSpan)) };
    }
}
