using Weft.Crypto;
using Weft.Graph;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Storage;
using Weft.Storage.Sealing;

namespace Weft.Integration.Tests.Storage;

/// <summary>Short ways to write to a store and to read it.</summary>
internal static class StoreKit
{
    public static CommitBatch Batch(params FieldWrite[] writes) => new(
        [.. writes.Select(write => new CommitField(write, default, false))], [], [], writes.Max(write => write.State));

    public static async Task<long> PutAsync(this IStore store, string soul, string field, WeftValue value, double state = 1)
    {
        CommitReceipt receipt = await store.AppendAsync(
            Batch(new FieldWrite(soul, field, value, state)), Durability.Disk);
        return receipt.Sequence;
    }

    public static async Task<string?> GetAsync(this IStore store, string soul, string field) =>
        (await store.ReadFieldAsync(soul, field))?.Value.ToString();

    public static async Task<string[]> NamesAsync(
        this IStore store, string soul, LexRange range = default, int fieldsMax = int.MaxValue) =>
        [.. (await store.ReadNodeAsync(soul, range, fieldsMax, long.MaxValue)).Fields.Select(field => field.Field)];

    public static async Task<List<StoredChange>> ChangesAsync(this IStore store, long after, string prefix = "")
    {
        var changes = new List<StoredChange>();
        await foreach (StoredChange change in store.ReadChangesAsync(after, prefix))
        {
            changes.Add(change);
        }

        return changes;
    }

    /// <summary>Brings everything into the disk tier.</summary>
    public static async Task FlushAsync(this IStore store) => await store.MaintainAsync(double.MinValue);

    public static StorageOptions Small(string path, bool encrypted = false) => new()
    {
        Path = path,
        MemoryMiB = 16,
        SegmentBytes = 64 << 10,
        TableBytes = 3 << 20,
        Encryption = encrypted ? Encryption() : null,
    };

    /// <summary>A key file's key, always the same.</summary>
    public static StoreEncryption Encryption() => new(PlatformCrypto.Create(), StoreSecret.FromKey("the key of every test: 32 bytes!"u8));
}
