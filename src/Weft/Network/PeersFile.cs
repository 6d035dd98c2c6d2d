using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Weft.Node.Network;
using Weft.Primitives;

namespace Weft;

/// <summary>What a data folder remembers of peers: those that were added while the node ran, and those banned.</summary>
/// <param name="Links">Addresses: ws:// and wss:// URLs, and multiaddrs.</param>
/// <param name="Bans">Banned libp2p peers.</param>
internal sealed record PeerMemory(IReadOnlyList<string> Links, IReadOnlyList<BannedPeer> Bans)
{
    /// <summary>Nothing.</summary>
    public static PeerMemory Empty { get; } = new([], []);
}

/// <summary>The file peers.json in the data folder. It holds addresses and peer ids, no secrets.</summary>
internal sealed class PeersFile(string path)
{
    internal const string Name = "peers.json";

    private const int BytesMax = 32 << 20;

    /// <summary>Reads it; nothing when it is not there.</summary>
    /// <exception cref="WeftException">FileDamaged: bans would be forgotten without a word otherwise.</exception>
    internal PeerMemory Read()
    {
        if (!File.Exists(path))
        {
            return PeerMemory.Empty;
        }

        try
        {
            if (new FileInfo(path).Length > BytesMax)
            {
                throw new JsonException("It is larger than 32 MiB.");
            }

            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
            JsonElement root = document.RootElement;
            var links = root.GetProperty("links").EnumerateArray().Select(item => item.GetString() ?? "").ToList();
            var bans = new List<BannedPeer>();
            foreach (JsonElement ban in root.GetProperty("bans").EnumerateArray())
            {
                if (PeerId.TryParse(ban.GetProperty("peer").GetString(), out PeerId peer))
                {
                    bans.Add(new(
                        peer, ban.GetProperty("since").GetDateTimeOffset(), ban.GetProperty("reason").GetString() ?? ""));
                }
            }

            return new PeerMemory(links, bans);
        }
        catch (Exception wrong) when (wrong is JsonException or InvalidOperationException or KeyNotFoundException
            or FormatException)
        {
            throw new WeftException(
                WeftError.FileDamaged,
                $"{path} cannot be read: {wrong.Message} It holds added and banned peers; without it there are none.",
                wrong);
        }
    }

    /// <summary>Replaces it.</summary>
    /// <exception cref="WeftException">DiskFailed; the old file is as it was.</exception>
    internal void Write(PeerMemory memory)
    {
        var content = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(content, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteStartArray("links");
            foreach (string link in memory.Links)
            {
                json.WriteStringValue(link);
            }

            json.WriteEndArray();
            json.WriteStartArray("bans");
            foreach (BannedPeer ban in memory.Bans)
            {
                json.WriteStartObject();
                json.WriteString("peer", ban.Peer.ToString());
                json.WriteString("since", ban.Since.ToString("O", CultureInfo.InvariantCulture));
                json.WriteString("reason", ban.Reason);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        try
        {
            OwnerFile.Replace(path, content.WrittenSpan);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new WeftException(WeftError.DiskFailed, $"{path} cannot be written: {failure.Message}", failure);
        }
    }
}
