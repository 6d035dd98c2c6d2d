using System.Text.Json;

namespace Weft.Simulation;

/// <summary>
/// Reads what goes over the network, as an eavesdropper would, and counts how often each version of a field is pushed.
/// I8: never twice to one peer over one connection, and never back to where it came from.
/// </summary>
/// <remarks>It parses the frames for itself, so that a bug in the production codec cannot hide another one.</remarks>
public sealed class TrafficCheck
{
    private readonly SimWorld _world;
    private readonly bool _isEchoForbidden;
    private readonly HashSet<(long Connection, int From, string Version)> _pushed = [];

    /// <summary>Starts to listen.</summary>
    /// <param name="world">Gets the reports.</param>
    /// <param name="network">What to listen to.</param>
    /// <param name="isEchoForbidden">
    /// True where a version can come to a node in one way only: then sending it back there is an error, not a crossing.
    /// </param>
    public TrafficCheck(SimWorld world, SimNetwork network, bool isEchoForbidden)
    {
        _world = world;
        _isEchoForbidden = isEchoForbidden;
        network.Tap = OnMessage;
    }

    /// <summary>Versions of fields that were pushed, each counted once per connection and direction.</summary>
    public long Pushes => _pushed.Count;

    /// <summary>Messages with data, answers included.</summary>
    public long Puts { get; private set; }

    /// <summary>Questions.</summary>
    public long Gets { get; private set; }

    private void OnMessage(SimConnection connection, int from, ReadOnlyMemory<byte> frame)
    {
        using JsonDocument document = JsonDocument.Parse(frame);
        if (document.RootElement.ValueKind == JsonValueKind.Array)
        {
            foreach (JsonElement message in document.RootElement.EnumerateArray())
            {
                Read(connection, from, message);
            }
        }
        else
        {
            Read(connection, from, document.RootElement);
        }
    }

    private void Read(SimConnection connection, int from, JsonElement message)
    {
        Gets += message.TryGetProperty("get", out _) ? 1 : 0;
        if (!message.TryGetProperty("put", out JsonElement put))
        {
            return;
        }

        Puts++;
        bool isAnswer = message.TryGetProperty("@", out _);
        foreach (JsonProperty node in put.EnumerateObject())
        {
            if (!node.Value.GetProperty("_").TryGetProperty(">", out JsonElement states))
            {
                continue;
            }

            foreach (JsonProperty state in states.EnumerateObject())
            {
                string value = node.Value.GetProperty(state.Name).GetRawText();
                string version = $"{node.Name} {state.Name} {state.Value.GetRawText()} {value}";
                Note(connection, from, version, isAnswer);
            }
        }
    }

    private void Note(SimConnection connection, int from, string version, bool isAnswer)
    {
        int to = connection.Other(from);
        if (!isAnswer && !_pushed.Add((connection.Id, from, version)))
        {
            _world.Report("I8", from, $"pushed twice to n{to}: {version}");
        }

        if (!isAnswer && _isEchoForbidden && _pushed.Contains((connection.Id, to, version)))
        {
            _world.Report("I8", from, $"pushed back to n{to}, where it came from: {version}");
        }
    }
}
