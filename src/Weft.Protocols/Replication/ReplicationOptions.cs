namespace Weft.Protocols.Replication;

/// <summary>Times and ceilings of replication by policy. Section "Weft:Network:Replication".</summary>
public sealed class ReplicationOptions
{
    /// <summary>
    /// How long changes of a soul gather before its state goes to the responsible peers: 0 to 1 min. Default: 100 ms.
    /// </summary>
    public TimeSpan StoreDelay { get; set; } = TimeSpan.FromMilliseconds(100);

    /// <summary>The first wait before a soul is stored again that too few peers took: up to 1 h. Default: 2 s.</summary>
    public TimeSpan RetryMin { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>The longest such wait: up to 1 day. Default: 5 min.</summary>
    public TimeSpan RetryMax { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>Souls that are stored at once: 1 to 256. Default: 8.</summary>
    public int StoresMax { get; set; } = 8;

    /// <summary>
    /// Souls that wait to be stored: 1 to 1,000,000. Default: 65,536. What comes beyond is found by going through the
    /// store, when there is room again.
    /// </summary>
    public int PendingMax { get; set; } = 65_536;

    /// <summary>Topics of prefixes that are joined: 1 to 1,024. Default: 512; the first by prefix.</summary>
    public int TopicsMax { get; set; } = 512;

    /// <summary>Fields of one published message: 1 to 512. Default: 128.</summary>
    public int MessageFieldsMax { get; set; } = 128;

    /// <summary>
    /// Bytes of one published message, about; one field may have more: 1 KiB to 512 KiB. Default: 64 KiB.
    /// </summary>
    public int MessageBytesMax { get; set; } = 64 << 10;

    /// <summary>What is out of bounds: the key, the value, and what is allowed.</summary>
    public IEnumerable<string> FindFaults()
    {
        foreach ((string key, double value, double min, double max) in ((string, double, double, double)[])
            [
                ("StoreDelay (s)", StoreDelay.TotalSeconds, 0, 60),
                ("RetryMin (s)", RetryMin.TotalSeconds, 0.01, 3_600),
                ("RetryMax (s)", RetryMax.TotalSeconds, RetryMin.TotalSeconds, 86_400),
                ("StoresMax", StoresMax, 1, 256),
                ("PendingMax", PendingMax, 1, 1_000_000),
                ("TopicsMax", TopicsMax, 1, 1_024),
                ("MessageFieldsMax", MessageFieldsMax, 1, 512),
                ("MessageBytesMax", MessageBytesMax, 1_024, 512 << 10),
            ])
        {
            if (!(value >= min && value <= max))
            {
                yield return $"Network:Replication:{key} is {value}; allowed: {min} to {max}.";
            }
        }
    }
}
