using System.Buffers;
using System.Text.Json;
using Weft.Libp2p;
using Weft.Primitives;
using Weft.Protocols.Peers;

namespace Weft;

/// <summary>
/// The file anchors.json in the data folder: the peers that are dialled first after a restart, so that whoever fills the
/// address book in the meantime does not choose this node's company alone.
/// </summary>
internal sealed class AnchorsFile(string path)
{
    internal const string Name = "anchors.json";

    private const int BytesMax = 1 << 20;
    private const int AnchorsMax = 8;
    private const int AddressesMax = 16;

    /// <summary>Reads it; nothing where it is not there, or is no such file: a node starts without it as well.</summary>
    internal IReadOnlyList<PeerAnchor> Read()
    {
        try
        {
            var file = new FileInfo(path);
            if (!file.Exists || file.Length > BytesMax)
            {
                return [];
            }

            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
            var anchors = new List<PeerAnchor>();
            foreach (JsonElement item in document.RootElement.GetProperty("anchors").EnumerateArray().Take(AnchorsMax))
            {
                List<Multiaddr> addresses = [];
                foreach (JsonElement text in item.GetProperty("addresses").EnumerateArray().Take(AddressesMax))
                {
                    if (Multiaddr.TryParse(text.GetString(), out Multiaddr? address))
                    {
                        addresses.Add(address);
                    }
                }

                if (PeerId.TryParse(item.GetProperty("peer").GetString(), out PeerId peer) && addresses.Count > 0)
                {
                    anchors.Add(new(peer, addresses));
                }
            }

            return anchors;
        }
        catch (Exception wrong) when (wrong is JsonException or InvalidOperationException or KeyNotFoundException
            or IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>Replaces it.</summary>
    /// <exception cref="IOException">The old file is as it was.</exception>
    internal void Write(IReadOnlyList<PeerAnchor> anchors)
    {
        var content = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(content, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteStartArray("anchors");
            foreach (PeerAnchor anchor in anchors.Take(AnchorsMax))
            {
                json.WriteStartObject();
                json.WriteString("peer", anchor.Peer.ToString());
                json.WriteStartArray("addresses");
                foreach (Multiaddr address in anchor.Addresses.Take(AddressesMax))
                {
                    json.WriteStringValue(address.ToString());
                }

                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        OwnerFile.Replace(path, content.WrittenSpan);
    }
}
