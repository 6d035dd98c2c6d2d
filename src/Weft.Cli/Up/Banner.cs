using System.Globalization;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Output;

namespace Weft.Cli.Up;

/// <summary>What a started node says about itself.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Url">Where it serves.</param>
/// <param name="Folder">Its data folder.</param>
/// <param name="TokenPlace">Where the token is; never the token.</param>
/// <param name="Nodes">Nodes in the store, about.</param>
/// <param name="DiskBytes">Bytes on disk.</param>
/// <param name="Durability">What a completed write means.</param>
/// <param name="Peers">The peers it dials.</param>
/// <param name="Elapsed">How long the start took.</param>
internal sealed record Banner(
    string Name, Uri Url, string Folder, string TokenPlace, long Nodes, long DiskBytes, string Durability,
    IReadOnlyList<string> Peers, TimeSpan Elapsed)
{
    /// <summary>Who the node is.</summary>
    public string PeerId { get; init; } = "";

    /// <summary>Where libp2p peers reach it; empty when it does not listen.</summary>
    public IReadOnlyList<string> Addresses { get; init; } = [];

    /// <summary>For people: what to click and where things are.</summary>
    public void WriteText(CliOutput output)
    {
        string root = Url.AbsoluteUri.TrimEnd('/');
        output.Line(PlainText.OneLine($"  weft {AppVersion.Short}   node \"{Name}\""));
        output.Line("");
        Row(output, "gun.js", root + "/gun", "");
        Row(output, "API", root + "/api/v1", "token in " + TokenPlace);
        Row(output, "Health", root + "/health/ready", root + "/metrics");
        if (Peers.Count > 0)
        {
            Row(output, "Peers", string.Join(' ', Peers), "");
        }

        for (int i = 0; i < Addresses.Count; i++)
        {
            Row(output, i == 0 ? "libp2p" : "", Addresses[i], "");
        }

        output.Line("");
        Row(output, "Data", Folder, $"{Units.Count(Nodes)} nodes, {Units.Size(DiskBytes)}, durability {Durability}");
        output.Line(string.Create(
            CultureInfo.InvariantCulture, $"  Ready in {Elapsed.TotalSeconds:0.00} s on {root}. Ctrl+C stops."));
    }

    /// <summary>For services and scripts: one object on one line.</summary>
    public void WriteJson(CliOutput output)
    {
        string root = Url.AbsoluteUri.TrimEnd('/');
        output.Json(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("event", "ready");
            writer.WriteString("url", root);
            writer.WriteString("gun", root + "/gun");
            writer.WriteString("api", root + "/api/v1");
            writer.WriteString("name", Name);
            writer.WriteString("peerId", PeerId);
            writer.WriteStartArray("addresses");
            foreach (string address in Addresses)
            {
                writer.WriteStringValue(address);
            }

            writer.WriteEndArray();
            writer.WriteNumber("pid", Environment.ProcessId);
            writer.WriteString("data", Folder);
            writer.WriteString("token", TokenPlace);
            writer.WriteString("durability", Durability);
            writer.WriteNumber("nodes", Nodes);
            writer.WriteNumber("startMs", Math.Round(Elapsed.TotalMilliseconds));
            writer.WriteString("version", AppVersion.Short);
            writer.WriteEndObject();
        });
    }

    private static void Row(CliOutput output, string name, string left, string right) =>
        output.Line(PlainText.OneLine($"  {name,-9} {left,-32} {right}".TrimEnd()));
}
