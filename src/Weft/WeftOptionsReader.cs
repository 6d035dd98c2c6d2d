using System.Globalization;
using Microsoft.Extensions.Configuration;
using Weft.Crypto;
using Weft.Node.Blobs;
using Weft.Primitives;

namespace Weft;

/// <summary>Copies the section "Weft" of a configuration into <see cref="WeftOptions"/>, without reflection.</summary>
public static class WeftOptionsReader
{
    /// <summary>Takes every key that is set; the others keep what they have.</summary>
    /// <exception cref="WeftException"><see cref="WeftError.Usage"/>: a value is not of its key's kind.</exception>
    public static void Read(IConfiguration section, WeftOptions options)
    {
        ArgumentNullException.ThrowIfNull(section);
        ArgumentNullException.ThrowIfNull(options);
        options.Name = section["Name"] ?? options.Name;
        options.Path = section["Path"] ?? options.Path;
        options.Store = Choice(section, "Store", options.Store);
        options.Durability = Choice(section, "Durability", options.Durability);
        options.IdentityPassphraseFile = section["IdentityPassphraseFile"] ?? options.IdentityPassphraseFile;
        if (section["NetworkKey"] is { } network)
        {
            options.Node.NetworkKey = Ed25519PublicKey.TryParse(network, out Ed25519PublicKey key)
                ? key
                : throw Wrong("NetworkKey", network, "an Ed25519 key: 43 characters of base64url");
        }

        options.Node.SignWrites = section["SignWrites"] is not { } sign ? options.Node.SignWrites
            : bool.TryParse(sign, out bool signs) ? signs
            : throw Wrong("SignWrites", sign, "true or false");
        options.Node.Verify.Workers = (int)Whole(section, "Verify:Workers", options.Node.Verify.Workers, int.MaxValue);
        options.Node.Verify.WaitingPerSourceMax = (int)Whole(
            section, "Verify:WaitingPerSourceMax", options.Node.Verify.WaitingPerSourceMax, int.MaxValue);
        options.Node.Verify.WaitingMax =
            (int)Whole(section, "Verify:WaitingMax", options.Node.Verify.WaitingMax, int.MaxValue);
        options.Node.Verify.KeysMax = (int)Whole(section, "Verify:KeysMax", options.Node.Verify.KeysMax, int.MaxValue);
        options.Node.Verify.VerifiedMax =
            (int)Whole(section, "Verify:VerifiedMax", options.Node.Verify.VerifiedMax, int.MaxValue);
        options.Node.Replicate = Words(section, "Replicate", options.Node.Replicate);
        options.MemoryMiB = (int)Whole(section, "MemoryMiB", options.MemoryMiB, int.MaxValue);
        options.AcceptLogDamage = section["AcceptLogDamage"] is not { } accept ? options.AcceptLogDamage
            : bool.TryParse(accept, out bool accepts) ? accepts
            : throw Wrong("AcceptLogDamage", accept, "true or false");
        options.Encryption.PassphraseFile = section["Encryption:PassphraseFile"] ?? options.Encryption.PassphraseFile;
        options.Encryption.KeyFile = section["Encryption:KeyFile"] ?? options.Encryption.KeyFile;
        options.TombstoneHorizon = Duration(section, "TombstoneHorizon", options.TombstoneHorizon);
        options.MaintenanceInterval = Duration(section, "MaintenanceInterval", options.MaintenanceInterval);
        options.Peers = Words(section, "Peers", options.Peers);
        options.Node.Lanes = (int)Whole(section, "Lanes", options.Node.Lanes, int.MaxValue);
        options.Node.LaneQueueMax = (int)Whole(section, "LaneQueueMax", options.Node.LaneQueueMax, int.MaxValue);
        options.Node.RecentChangesBytesMax =
            Whole(section, "RecentChangesBytesMax", options.Node.RecentChangesBytesMax, long.MaxValue);
        options.Node.ObserverBatchMax =
            (int)Whole(section, "ObserverBatchMax", options.Node.ObserverBatchMax, int.MaxValue);
        options.Node.Graph.FutureMax = Duration(section, "Graph:FutureMax", options.Node.Graph.FutureMax);
        options.Node.Graph.DeferredMax =
            (int)Whole(section, "Graph:DeferredMax", options.Node.Graph.DeferredMax, int.MaxValue);
        options.Node.Graph.DeferredBytesMax =
            Whole(section, "Graph:DeferredBytesMax", options.Node.Graph.DeferredBytesMax, long.MaxValue);
        options.Node.Graph.JournalMax =
            (int)Whole(section, "Graph:JournalMax", options.Node.Graph.JournalMax, int.MaxValue);
        options.Node.Graph.JournalBytesMax =
            Whole(section, "Graph:JournalBytesMax", options.Node.Graph.JournalBytesMax, long.MaxValue);
        GunKnobs.Read(section, options);
        NetworkKnobs.Read(section, options.Network);
        options.LogListen = Words(section, "Logs:Listen", options.LogListen);
        options.Node.Logs.LogsMax = (int)Whole(section, "Logs:LogsMax", options.Node.Logs.LogsMax, int.MaxValue);
        options.Node.Logs.ConnectionsMax =
            (int)Whole(section, "Logs:ConnectionsMax", options.Node.Logs.ConnectionsMax, int.MaxValue);
        ReadBlobs(section, options.Node.Blobs);
    }

    private static void ReadBlobs(IConfiguration section, BlobOptions options)
    {
        options.BlobMiB = (int)Whole(section, "Blobs:BlobMiB", options.BlobMiB, int.MaxValue);
        options.TotalMiB = (int)Whole(section, "Blobs:TotalMiB", options.TotalMiB, int.MaxValue);
        options.CountMax = (int)Whole(section, "Blobs:CountMax", options.CountMax, int.MaxValue);
        options.AnnounceMax = (int)Whole(section, "Blobs:AnnounceMax", options.AnnounceMax, int.MaxValue);
        options.FetchesMax = (int)Whole(section, "Blobs:FetchesMax", options.FetchesMax, int.MaxValue);
        options.UnlinkedGrace = Duration(section, "Blobs:UnlinkedGrace", options.UnlinkedGrace);
        options.Serve = Flag(section, "Blobs:Serve", options.Serve);
        options.Announce = Flag(section, "Blobs:Announce", options.Announce);
        options.ServeLimits.StreamsMax =
            (int)Whole(section, "Blobs:StreamsMax", options.ServeLimits.StreamsMax, int.MaxValue);
        options.ServeLimits.PeerBytesPerSecond =
            Whole(section, "Blobs:PeerBytesPerSecond", options.ServeLimits.PeerBytesPerSecond, long.MaxValue);
    }

    private static bool Flag(IConfiguration section, string key, bool otherwise) =>
        section[key] is not { } text ? otherwise
        : bool.TryParse(text, out bool value) ? value
        : throw Wrong(key, text, "true or false");

    /// <summary>A duration: "250ms", "5s", "2m", "2h", "7d", or hh:mm:ss.</summary>
    /// <returns>Null when it is none.</returns>
    public static TimeSpan? ParseDuration(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        (string Unit, double Milliseconds)[] units =
            [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
        foreach ((string unit, double milliseconds) in units)
        {
            if (text.EndsWith(unit, StringComparison.Ordinal)
                && double.TryParse(text.AsSpan(0, text.Length - unit.Length), NumberStyles.AllowDecimalPoint,
                    CultureInfo.InvariantCulture, out double count)
                && count * milliseconds < TimeSpan.MaxValue.TotalMilliseconds)
            {
                return TimeSpan.FromMilliseconds(count * milliseconds);
            }
        }

        return text.Contains(':', StringComparison.Ordinal)
            && TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out TimeSpan span) && span >= TimeSpan.Zero
            ? span
            : null;
    }

    private static long Whole(IConfiguration section, string key, long otherwise, long max) =>
        section[key] is not { } text ? otherwise
        : long.TryParse(
            text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value) && value <= max
            ? value
        : throw Wrong(key, text, "a whole number");

    private static TimeSpan Duration(IConfiguration section, string key, TimeSpan otherwise) =>
        section[key] is not { } text ? otherwise
        : ParseDuration(text) ?? throw Wrong(key, text, "a duration such as 250ms, 5s, 2h or 7d");

    private static T Choice<T>(IConfiguration section, string key, T otherwise)
        where T : struct, Enum =>
        section[key] is not { } text ? otherwise
        : Enum.TryParse(text, ignoreCase: true, out T value) && Enum.IsDefined(value) && !char.IsDigit(text[0]) ? value
        : throw Wrong(key, text, string.Join(", ", Enum.GetNames<T>()).ToLowerInvariant());

    internal static IList<string> Words(IConfiguration section, string key, IList<string> otherwise)
    {
        if (section[key] is { } joined)
        {
            return joined.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).ToList();
        }

        var items = section.GetSection(key).GetChildren().Select(child => child.Value).OfType<string>().ToList();
        return items.Count > 0 ? items : otherwise;
    }

    private static WeftException Wrong(string key, string value, string allowed) =>
        new(WeftError.Usage, $"Weft:{key} is \"{value}\"; allowed: {allowed}.");
}
