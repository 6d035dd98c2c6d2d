using Microsoft.Extensions.Options;
using Weft.Primitives;

namespace Weft;

/// <summary>Checks <see cref="WeftOptions"/>: every message says the key, the value and what is allowed.</summary>
internal sealed class WeftOptionsRules : IValidateOptions<WeftOptions>
{
    /// <summary>How many peers may be configured.</summary>
    public const int PeersMax = 64;

    /// <inheritdoc/>
    public ValidateOptionsResult Validate(string? name, WeftOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var failures = new List<string>();
        Text(failures, "Name", options.Name, 64);
        if (options.Store == WeftStoreKind.Engine)
        {
            Text(failures, "Path", options.Path, 4_096);
        }

        Defined(failures, "Store", options.Store);
        if (options.Encryption is { PassphraseFile: not null, KeyFile: not null })
        {
            failures.Add("Weft:Encryption has a PassphraseFile and a KeyFile; allowed: one of them.");
        }

        if (options.Encryption.IsOn && options.Store == WeftStoreKind.Memory)
        {
            failures.Add("Weft:Encryption is for the engine; the memory store writes nothing.");
        }

        Defined(failures, "Durability", options.Durability);
        Range(failures, "MemoryMiB", options.MemoryMiB, 16, 65_536);
        Range(failures, "Lanes", options.Node.Lanes, 0, 64);
        Range(failures, "LaneQueueMax", options.Node.LaneQueueMax, 1, 1_000_000);
        Range(failures, "ObserverBatchMax", options.Node.ObserverBatchMax, 1, 100_000);
        Range(failures, "RecentChangesBytesMax", options.Node.RecentChangesBytesMax, 1 << 16, 1L << 34);
        Range(failures, "Graph:DeferredMax", options.Node.Graph.DeferredMax, 0, 1_000_000);
        Range(failures, "Graph:DeferredBytesMax", options.Node.Graph.DeferredBytesMax, 0, 1L << 30);
        Range(failures, "Graph:JournalMax", options.Node.Graph.JournalMax, 0, 1_000_000);
        Range(failures, "Graph:JournalBytesMax", options.Node.Graph.JournalBytesMax, 0, 1L << 30);
        AtLeast(failures, "Graph:FutureMax", options.Node.Graph.FutureMax, TimeSpan.Zero, orZero: true);
        AtLeast(failures, "TombstoneHorizon", options.TombstoneHorizon, TimeSpan.FromMinutes(1), orZero: false);
        AtLeast(failures, "MaintenanceInterval", options.MaintenanceInterval, TimeSpan.FromSeconds(1), orZero: true);
        GunKnobs.Check(failures, options);
        failures.AddRange(options.Network.FindFaults().Select(fault => "Weft:" + fault));
        Range(failures, "Peers:Count", options.Peers.Count, 0, PeersMax);
        foreach (string peer in options.Peers)
        {
            if (PeerAddress.Parse(peer) is null)
            {
                failures.Add(
                    $"Weft:Peers has \"{Plain(peer)}\"; allowed: a ws:// or wss:// URL, such as ws://host:8765/gun.");
            }
        }

        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
    }

    /// <summary>Throws when a bound is broken.</summary>
    /// <exception cref="WeftException"><see cref="WeftError.Usage"/>, or AddressInvalid for a peer.</exception>
    public static void ThrowIfInvalid(WeftOptions options)
    {
        ValidateOptionsResult result = new WeftOptionsRules().Validate(null, options);
        if (result.Failed)
        {
            string first = result.Failures!.First();
            throw new WeftException(
                first.Contains(" has \"", StringComparison.Ordinal) ? WeftError.AddressInvalid : WeftError.Usage,
                string.Join(' ', result.Failures!));
        }

        try
        {
            options.Node.ThrowIfInvalid();
        }
        catch (ArgumentException wrong)
        {
            throw new WeftException(WeftError.Usage, wrong.Message, wrong);
        }
    }

    private static void Text(List<string> failures, string key, string value, int lengthMax)
    {
        if (string.IsNullOrWhiteSpace(value) || value.Length > lengthMax || value.Any(char.IsControl))
        {
            failures.Add(
                $"Weft:{key} is \"{Plain(value)}\"; allowed: 1 to {lengthMax} characters, no control characters.");
        }
    }

    private static void Range(List<string> failures, string key, long value, long min, long max)
    {
        if (value < min || value > max)
        {
            failures.Add($"Weft:{key} is {value}; allowed: {min} to {max}.");
        }
    }

    private static void AtLeast(List<string> failures, string key, TimeSpan value, TimeSpan min, bool orZero)
    {
        if (value < min && !(orZero && value == TimeSpan.Zero))
        {
            failures.Add($"Weft:{key} is {value}; allowed: {(orZero ? "0, or " : "")}{min} and more.");
        }
    }

    private static void Defined<T>(List<string> failures, string key, T value)
        where T : struct, Enum
    {
        if (!Enum.IsDefined(value))
        {
            failures.Add(
                $"Weft:{key} is {value}; allowed: {string.Join(", ", Enum.GetNames<T>()).ToLowerInvariant()}.");
        }
    }

    private static string Plain(string? text) =>
        string.Concat((text ?? "").Take(100).Select(unit => char.IsControl(unit) ? '?' : unit));
}
