using System.Buffers;
using Weft.Crypto;
using Weft.Log.Encoding;
using Weft.Log.Tree;

namespace Weft.Log;

/// <summary>One key that may sign a log.</summary>
/// <param name="Namespace">32 bytes that keep signatures of one key for different purposes apart.</param>
/// <param name="PublicKey">An Ed25519 public key.</param>
public readonly record struct LogSigner(Hash32 Namespace, Hash32 PublicKey);

/// <summary>A beginning that is fixed by its hash instead of by signatures.</summary>
/// <param name="Hash">The tree hash at <paramref name="Length"/>.</param>
/// <param name="Length">Blocks.</param>
public readonly record struct LogPrologue(Hash32 Hash, long Length);

/// <summary>Who may sign a log, and how many must. Its hash is the log's key, so that it cannot change.</summary>
/// <remarks>
/// Weft makes manifests of version 1 with one signer; all others of versions 0 to 3 are read and verified.
/// Source: docs/spec/log.md, section 4.
/// </remarks>
public sealed class LogManifest
{
    private const int VersionMax = 3;
    private const int FlagPatch = 1;
    private const int FlagPrologue = 2;
    private const int FlagLinked = 4;
    private const int FlagUserData = 8;
    private const int SignerBytes = 1 + (2 * Hash32.Length);

    private LogManifest(int version, bool allowsPatch, int quorum, LogSigner[] signers)
    {
        Version = version;
        AllowsPatch = allowsPatch;
        Quorum = quorum;
        Signers = signers;
    }

    /// <summary>0 to 3.</summary>
    public int Version { get; }

    /// <summary>True when a signer may have signed a longer log than the others.</summary>
    public bool AllowsPatch { get; }

    /// <summary>How many signers must have signed.</summary>
    public int Quorum { get; }

    /// <summary>The signers, in the order by which signatures name them.</summary>
    public IReadOnlyList<LogSigner> Signers { get; }

    /// <summary>The fixed beginning, if there is one.</summary>
    public LogPrologue? Prologue { get; private init; }

    /// <summary>Keys of logs that belong to this one; null when not said. Version 2 and up.</summary>
    public IReadOnlyList<Hash32>? Linked { get; private init; }

    /// <summary>Bytes of the application; null when not said. Version 2 and up.</summary>
    public ReadOnlyMemory<byte>? UserData { get; private init; }

    /// <summary>The manifest of a fresh log: version 1, one signer, the usual namespace.</summary>
    /// <param name="crypto">The primitives.</param>
    /// <param name="publicKey">The signer's Ed25519 public key.</param>
    public static LogManifest OneSigner(ICrypto crypto, Hash32 publicKey) =>
        OneSigner(new LogHasher(crypto).DefaultNamespace, publicKey);

    internal static LogManifest OneSigner(Hash32 name, Hash32 publicKey) =>
        new(1, false, 1, [new LogSigner(name, publicKey)]);

    /// <summary>The log's key: the hash of this manifest.</summary>
    public Hash32 Key(ICrypto crypto)
    {
        var hasher = new LogHasher(crypto);
        return Key(hasher);
    }

    /// <summary>Reads a manifest.</summary>
    /// <returns>False when it is malformed, of an unknown version, or beyond <see cref="LogLimits"/>.</returns>
    public static bool TryDecode(ReadOnlySpan<byte> bytes, out LogManifest? manifest)
    {
        var reader = new CompactReader(bytes);
        manifest = Decode(ref reader);
        return manifest is not null;
    }

    /// <summary>The bytes that are hashed, stored and sent.</summary>
    public byte[] Encode()
    {
        var target = new ArrayBufferWriter<byte>();
        Encode(target);
        return target.WrittenSpan.ToArray();
    }

    internal Hash32 Key(LogHasher hasher)
    {
        var target = new ArrayBufferWriter<byte>();
        target.WriteFixed32(hasher.ManifestSpace);
        Encode(target);
        return hasher.Plain(target.WrittenSpan);
    }

    internal void Encode(IBufferWriter<byte> target)
    {
        target.WriteUint(Version);
        if (Version == 0)
        {
            EncodeOld(target);
            return;
        }

        target.WriteUint((AllowsPatch ? FlagPatch : 0) | (Prologue is null ? 0 : FlagPrologue)
            | (Linked is null ? 0 : FlagLinked) | (UserData is null ? 0 : FlagUserData));
        target.WriteUint(0); // BLAKE2b, the one hash there is.
        target.WriteUint(Quorum);
        WriteSigners(target);
        if (Prologue is LogPrologue prologue)
        {
            target.WriteFixed32(prologue.Hash);
            target.WriteUint(prologue.Length);
        }

        if (Linked is not null)
        {
            target.WriteUint(Linked.Count);
            foreach (Hash32 key in Linked)
            {
                target.WriteFixed32(key);
            }
        }

        if (UserData is ReadOnlyMemory<byte> data)
        {
            target.WriteBuffer(data.Span);
        }
    }

    /// <summary>Reads a manifest inside another message; null and a broken reader when it is none.</summary>
    internal static LogManifest? Decode(ref CompactReader reader)
    {
        long version = reader.Uint(VersionMax);
        LogManifest? manifest = version == 0 ? DecodeOld(ref reader) : DecodeNew((int)version, ref reader);
        return reader.IsBroken ? null : manifest;
    }

    private static LogManifest DecodeNew(int version, ref CompactReader reader)
    {
        long flags = reader.Uint();
        reader.Uint(0);
        int quorum = (int)reader.Uint(LogLimits.ArrayItemsMax);
        LogSigner[] signers = ReadSigners(ref reader);
        LogPrologue? prologue = null;
        if ((flags & FlagPrologue) != 0)
        {
            Hash32 hash = reader.Fixed32();
            prologue = new LogPrologue(hash, reader.Uint(LogLimits.LengthMax));
        }

        Hash32[]? linked = null;
        if ((flags & FlagLinked) != 0)
        {
            linked = new Hash32[reader.Count(LogLimits.LinkedMax, Hash32.Length)];
            for (int i = 0; i < linked.Length; i++)
            {
                linked[i] = reader.Fixed32();
            }
        }

        ReadOnlyMemory<byte>? userData = null;
        if ((flags & FlagUserData) != 0)
        {
            userData = reader.Buffer(LogLimits.ManifestBytesMax).ToArray();
        }

        return new LogManifest(version, (flags & FlagPatch) != 0, quorum, signers)
        {
            Prologue = prologue,
            Linked = linked,
            UserData = userData,
        };
    }

    private static LogManifest DecodeOld(ref CompactReader reader)
    {
        reader.Uint(0);
        switch (reader.Uint(2))
        {
            case 0:
                return new LogManifest(0, false, 0, []) { Prologue = new LogPrologue(reader.Fixed32(), 0) };
            case 1:
                return new LogManifest(0, false, 1, [ReadSigner(ref reader)]);
            default:
                bool allowsPatch = (reader.Uint() & FlagPatch) != 0;
                int quorum = (int)reader.Uint(LogLimits.ArrayItemsMax);
                return new LogManifest(0, allowsPatch, quorum, ReadSigners(ref reader));
        }
    }

    private static LogSigner[] ReadSigners(ref CompactReader reader)
    {
        var signers = new LogSigner[reader.Count(LogLimits.SignersMax, SignerBytes)];
        for (int i = 0; i < signers.Length; i++)
        {
            signers[i] = ReadSigner(ref reader);
        }

        return signers;
    }

    private static LogSigner ReadSigner(ref CompactReader reader)
    {
        reader.Uint(0); // Ed25519, the one kind of signature there is.
        Hash32 name = reader.Fixed32();
        return new LogSigner(name, reader.Fixed32());
    }

    private void EncodeOld(IBufferWriter<byte> target)
    {
        target.WriteUint(0);
        if (Prologue is LogPrologue prologue && Signers.Count == 0)
        {
            target.WriteUint(0);
            target.WriteFixed32(prologue.Hash);
        }
        else if (Quorum == 1 && Signers.Count == 1 && !AllowsPatch)
        {
            target.WriteUint(1);
            WriteSigner(target, Signers[0]);
        }
        else
        {
            target.WriteUint(2);
            target.WriteUint(AllowsPatch ? FlagPatch : 0);
            target.WriteUint(Quorum);
            WriteSigners(target);
        }
    }

    private void WriteSigners(IBufferWriter<byte> target)
    {
        target.WriteUint(Signers.Count);
        foreach (LogSigner signer in Signers)
        {
            WriteSigner(target, signer);
        }
    }

    private static void WriteSigner(IBufferWriter<byte> target, in LogSigner signer)
    {
        target.WriteUint(0);
        target.WriteFixed32(signer.Namespace);
        target.WriteFixed32(signer.PublicKey);
    }
}
