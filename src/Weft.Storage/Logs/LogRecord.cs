using System.Buffers;
using Weft.Log;
using Weft.Storage.Files;
using Weft.Storage.Tier;

namespace Weft.Storage.Logs;

/// <summary>What the disk tier keeps about a log besides its rows.</summary>
/// <param name="Id">Its number in the disk tier.</param>
/// <param name="IsRestored">True since a restore, until the log says otherwise.</param>
/// <param name="State">Head, manifest, evidence, as a change from nothing.</param>
/// <param name="Meta">What the node notes about it.</param>
internal sealed record LogRecord(long Id, bool IsRestored, LogDelta State, byte[] Meta)
{
    public static LogRecord Read(long id, bool isRestored, ReadOnlySpan<byte> state, byte[] meta) =>
        LogDeltaCodec.TryRead(ref state, out LogDelta? read) && state.IsEmpty
            ? new LogRecord(id, isRestored, read!, meta)
            : throw StorageErrors.Damaged(SqliteTier.FileName, $"log {id}", "its state cannot be read");

    public static ReadOnlyMemory<byte> Encode(LogDelta state)
    {
        var target = new ArrayBufferWriter<byte>();
        LogDeltaCodec.Write(target, state);
        return target.WrittenMemory;
    }
}
