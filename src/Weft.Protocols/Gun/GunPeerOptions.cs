namespace Weft.Protocols.Gun;

/// <summary>The ceilings of the GUN core. Section "Weft:Gun" of the configuration.</summary>
public sealed class GunPeerOptions
{
    /// <summary>Souls and fields one connection may be subscribed to: 1 to 1,000,000. Default: 16,384.</summary>
    /// <remarks>A connection that wants more gets every change from then on: memory is bounded, nothing is
    /// missed.</remarks>
    public int SubscriptionsMax { get; set; } = 16_384;

    /// <summary>Changed fields that may wait for one slow connection: 16 to 1,000,000. Default: 65,536.</summary>
    public int PendingFieldsMax { get; set; } = 65_536;

    /// <summary>Bytes of changes that may wait for one slow connection: 64 KiB to 1 GiB. Default: 16 MiB.</summary>
    /// <remarks>A connection that passes this or the bound before is closed; it comes back and asks again.</remarks>
    public long PendingBytesMax { get; set; } = 16L << 20;

    /// <summary>Gets of one connection in progress: 1 to 100,000; more are refused. Default: 4,096.</summary>
    public int GetsMax { get; set; } = 4_096;

    /// <summary>
    /// Questions to peers in progress: 0 to 1,000,000; beyond, a miss is answered at once. Default: 16,384.
    /// </summary>
    public int AsksMax { get; set; } = 16_384;

    /// <summary>How long asked peers may take before "not found" is said: 1 ms to 500 ms. Default: 500 ms.</summary>
    public TimeSpan AskTimeout { get; set; } = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// Clients, beside relays and holders of the soul, that are asked about a miss: 0 to 64. Default: 3.
    /// </summary>
    public int AskOthersMax { get; set; } = 3;

    /// <summary>Relays and holders that are asked about one miss: 1 to 64. Default: 16.</summary>
    public int AskHoldersMax { get; set; } = 16;

    /// <summary>How long a message id is remembered. Default: 9 s, as in GUN.</summary>
    public TimeSpan DedupAge { get; set; } = TimeSpan.FromSeconds(9);

    /// <summary>Message ids remembered: 16 to 10,000,000. Default: 32,768.</summary>
    public int DedupMax { get; set; } = 32_768;

    /// <summary>Bytes of names and values in one part of an answer to a GUN peer. Default: 6,000.</summary>
    /// <remarks>GUN's relay loses keys in large documents, so they stay small.</remarks>
    public int ChunkBytes { get; set; } = 6_000;

    /// <summary>Bytes of names and values in one message to a Weft peer. Default: 64 KiB.</summary>
    public int WeftChunkBytes { get; set; } = 64 << 10;

    /// <summary>Bytes one connection gets pushed in one turn. Default: 1 MiB.</summary>
    public int TurnBytesMax { get; set; } = 1 << 20;

    /// <summary>Ceiling of a range's byte budget, as in GUN. Default: 100,000.</summary>
    public int RangeBytesMax { get; set; } = 100_000;

    /// <summary>Souls that one range over souls may bring. Default: 1,024.</summary>
    public int RangeSoulsMax { get; set; } = 1_024;

    /// <summary>Unacknowledged messages on a link to a Weft relay: 1 to 10,000. Default: 64.</summary>
    public int LinkMessagesMax { get; set; } = 64;

    /// <summary>Peers whose replication cursors are kept: 1 to 100,000. Default: 1,024.</summary>
    public int CursorsMax { get; set; } = 1_024;

    /// <summary>Souls a link to a GUN relay stays interested in: 0 to 1,000,000. Default: 16,384.</summary>
    public int InterestsMax { get; set; } = 16_384;
}
