using System.Buffers;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json;

namespace Weft.Crypto.Sea;

/// <summary>
/// The keys of a SEA user, as gun.js has them: pub and priv to sign, epub and epriv to agree on secrets. Holds the
/// secrets until disposed, then clears them; its text never shows them.
/// </summary>
/// <remarks>Source: docs/spec/crypto.md, section 5.</remarks>
public sealed class SeaPair : IDisposable
{
    /// <summary>Bytes of each of the two secrets.</summary>
    public const int SecretLength = 32;

    internal const int SecretTextLength = 43;

    // Pinned, so that the collector leaves no second copy behind.
    private readonly byte[] _priv = GC.AllocateArray<byte>(SecretLength, pinned: true);
    private readonly byte[] _epriv = GC.AllocateArray<byte>(SecretLength, pinned: true);
    private volatile bool _disposed;

    private SeaPair(ReadOnlySpan<byte> priv, ReadOnlySpan<byte> epriv, SeaPublicKey pub, SeaPublicKey epub)
    {
        priv.CopyTo(_priv);
        epriv.CopyTo(_epriv);
        Pub = pub;
        Epub = epub;
    }

    /// <summary>Verifies what this pair signs; the user's name in the graph is "~" and its text.</summary>
    public SeaPublicKey Pub { get; }

    /// <summary>What others agree on secrets with.</summary>
    public SeaPublicKey Epub { get; }

    /// <summary>Makes the pair of two secrets.</summary>
    /// <param name="crypto">Finds the public keys.</param>
    /// <param name="priv">32 bytes, big-endian; the caller clears them.</param>
    /// <param name="epriv">32 bytes, big-endian; the caller clears them.</param>
    /// <returns>Null when one is not between 1 and the order of the group.</returns>
    /// <exception cref="ArgumentException">Another length.</exception>
    public static SeaPair? TryCreate(ICrypto crypto, ReadOnlySpan<byte> priv, ReadOnlySpan<byte> epriv)
    {
        ArgumentNullException.ThrowIfNull(crypto);
        Span<byte> point = stackalloc byte[SeaPublicKey.Length];
        if (!crypto.PublicKeyP256(priv, point[..32], point[32..]))
        {
            return null;
        }

        var pub = new SeaPublicKey(point[..32], point[32..]);
        return crypto.PublicKeyP256(epriv, point[..32], point[32..])
            ? new SeaPair(priv, epriv, pub, new SeaPublicKey(point[..32], point[32..]))
            : null;
    }

    /// <summary>Reads the pair that gun.js writes: {"pub","priv","epub","epriv"} in any order.</summary>
    /// <param name="crypto">Checks that the public keys belong to the secrets.</param>
    /// <param name="json">UTF-8; the caller clears it.</param>
    /// <returns>Null when a part is missing, malformed, or of another pair.</returns>
    public static SeaPair? TryParse(ICrypto crypto, ReadOnlySpan<byte> json)
    {
        Span<byte> secrets = stackalloc byte[2 * SecretLength];
        try
        {
            return TryRead(json, secrets, out string? pub, out string? epub)
                && TryCreate(crypto, secrets[..SecretLength], secrets[SecretLength..]) is { } pair
                    ? pair.If(pair.Pub.ToString() == pub && pair.Epub.ToString() == epub)
                    : null;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secrets);
        }
    }

    /// <summary>Writes the pair as gun.js does, secrets included; the caller clears what it is written to.</summary>
    /// <exception cref="ObjectDisposedException">The secrets are cleared.</exception>
    public void WriteSecrets(IBufferWriter<byte> target)
    {
        ArgumentNullException.ThrowIfNull(target);
        ObjectDisposedException.ThrowIf(_disposed, this);
        using var writer = new Utf8JsonWriter(target);
        writer.WriteStartObject();
        writer.WriteString("pub"u8, Pub.ToString());
        Write(writer, "priv"u8, _priv);
        writer.WriteString("epub"u8, Epub.ToString());
        Write(writer, "epriv"u8, _epriv);
        writer.WriteEndObject();
    }

    /// <summary>Signs as SEA does: ECDSA over the SHA-256 of the message, which ECDSA hashes once more.</summary>
    /// <param name="crypto">Does it.</param>
    /// <param name="message">The UTF-8 of the text, or of its JSON as JavaScript writes it.</param>
    /// <param name="signature">Takes 64 bytes: r, then s.</param>
    /// <exception cref="ObjectDisposedException">The secrets are cleared.</exception>
    public void Sign(ICrypto crypto, ReadOnlySpan<byte> message, Span<byte> signature)
    {
        ArgumentNullException.ThrowIfNull(crypto);
        ObjectDisposedException.ThrowIf(_disposed, this);
        Span<byte> digest = stackalloc byte[32];
        crypto.Sha256(message, digest);
        crypto.SignP256(_priv, digest, signature);
    }

    /// <summary>The passphrase that this pair and another share: the raw ECDH secret in base64url.</summary>
    /// <param name="crypto">Does it.</param>
    /// <param name="theirs">The other's epub.</param>
    /// <param name="passphrase">Takes 43 bytes of ASCII; the caller clears them. Cleared when false.</param>
    /// <returns>False when their point is not on the curve.</returns>
    /// <exception cref="ObjectDisposedException">The secrets are cleared.</exception>
    public bool Secret(ICrypto crypto, SeaPublicKey theirs, Span<byte> passphrase)
    {
        ArgumentNullException.ThrowIfNull(crypto);
        ObjectDisposedException.ThrowIf(_disposed, this);
        Span<byte> shared = stackalloc byte[32];
        bool agreed = crypto.AgreeP256(_epriv, theirs.X, theirs.Y, shared);
        passphrase = passphrase[..SecretTextLength];
        passphrase.Clear();
        if (agreed)
        {
            Base64Url.EncodeToUtf8(shared, passphrase);
        }

        CryptographicOperations.ZeroMemory(shared);
        return agreed;
    }

    /// <summary>What SEA encrypts with when it is given a pair: the text of epriv.</summary>
    /// <param name="passphrase">Takes 43 bytes of ASCII; the caller clears them.</param>
    /// <exception cref="ObjectDisposedException">The secrets are cleared.</exception>
    public void CopyPassphraseTo(Span<byte> passphrase)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        Base64Url.EncodeToUtf8(_epriv, passphrase[..SecretTextLength]);
    }

    /// <summary>Clears the secrets.</summary>
    public void Dispose()
    {
        _disposed = true;
        CryptographicOperations.ZeroMemory(_priv);
        CryptographicOperations.ZeroMemory(_epriv);
    }

    /// <summary>The public key; the secrets never.</summary>
    public override string ToString() => $"SEA key {Pub} (secrets withheld)";

    internal static bool TryRead(ReadOnlySpan<byte> json, Span<byte> secrets, out string? pub, out string? epub)
    {
        pub = null;
        epub = null;
        int found = 0;
        try
        {
            var reader = new Utf8JsonReader(json);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                return false;
            }

            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                bool isPriv = reader.ValueTextEquals("priv"u8);
                bool isEpriv = reader.ValueTextEquals("epriv"u8);
                bool isPub = reader.ValueTextEquals("pub"u8);
                bool isEpub = reader.ValueTextEquals("epub"u8);
                reader.Read();
                if (isPriv || isEpriv)
                {
                    Span<byte> target = secrets.Slice(isPriv ? 0 : SecretLength, SecretLength);
                    if (reader.TokenType != JsonTokenType.String || !Base64UrlText.TryDecode(reader.ValueSpan, target))
                    {
                        return false;
                    }

                    found |= isPriv ? 1 : 2;
                }

                pub = isPub && reader.TokenType == JsonTokenType.String ? reader.GetString() : pub;
                epub = isEpub && reader.TokenType == JsonTokenType.String ? reader.GetString() : epub;
                reader.Skip();
            }

            return found == 3 && !reader.Read();
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            return false; // Not JSON, or text that is not UTF-8.
        }
    }

    internal void CopySecretsTo(Span<byte> priv, Span<byte> epriv)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        _priv.CopyTo(priv);
        _epriv.CopyTo(epriv);
    }

    private SeaPair? If(bool fits)
    {
        if (fits)
        {
            return this;
        }

        Dispose();
        return null;
    }

    private static void Write(Utf8JsonWriter writer, ReadOnlySpan<byte> name, ReadOnlySpan<byte> secret)
    {
        Span<byte> text = stackalloc byte[SecretTextLength];
        Base64Url.EncodeToUtf8(secret, text);
        writer.WriteString(name, text);
        CryptographicOperations.ZeroMemory(text);
    }
}
