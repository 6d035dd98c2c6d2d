using System.Text.Json;
using Weft.Server.Api;
using Weft.Server.Http;

namespace Weft.Server;

/// <summary>
/// Tells others on this machine who runs on a data folder and where it answers: the file running.json beside the data.
/// The lock file itself cannot be read while it is held. The store removes it when it closes.
/// </summary>
internal static class RunInfo
{
    private const string FileName = "running.json";

    internal static void Write(WeftOptions options, WeftServer server)
    {
        if (options.Store != WeftStoreKind.Engine)
        {
            return;
        }

        string file = Path.Combine(options.Path, FileName);
        string fresh = file + ".new"; // Readers see the old file or the new one, never half of one.
        using (var stream = new FileStream(fresh, FileMode.Create, FileAccess.Write))
        using (var json = new Utf8JsonWriter(stream, Problem.JsonOptions))
        {
            json.WriteStartObject();
            json.WriteNumber("pid", Environment.ProcessId);
            json.WriteString("startedAt", JsonAnswers.Time(DateTimeOffset.UtcNow));
            json.WriteString("since", JsonAnswers.Time(DateTimeOffset.UtcNow));
            json.WriteString("url", server.Url.ToString());
            json.WriteString("name", options.Name);
            json.WriteString("version", OperationApi.Version);
            json.WriteString("tokenFile", server.TokenFile);
            json.WriteString("peerId", server.Peer.Identity.PublicKey.ToPeerId().ToString());
            json.WriteStartArray("addresses");
            foreach (Protocols.Peers.Multiaddr address in server.Peer.Network?.Addresses ?? [])
            {
                json.WriteStringValue(address.ToString());
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        File.Move(fresh, file, overwrite: true);
    }
}
