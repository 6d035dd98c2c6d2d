using System.Text.Json;

namespace Weft.Simulation;

/// <summary>
/// Reads what goes over the network, as an eavesdropper would, and counts how often each version of a field is pushed.
/// I8: never twice to one peer over one connection, and never back to where it came from. A client whose write may have
/// lost is told once more what stands.
/// </summary>
/// <remarks>It parses the frames for itself, so that a bug in the production codec cannot hide another one.</remarks>
public sealed class TrafficCheck
{
    private readonly SimWorld _world;
    private readonly int _nodes;
    private readonly bool _isEchoForbidden;
    private readonly Dictionary<(long Connection, string Field), int> _mayRepeat = [];
    private readonly HashSet<(long Connection, int From, string Version)> _pushed = [];

    /// <summary>Starts to listen.</summary>
    /// <param name="world">Gets the reports.</param>
    /// <param name="network">What to listen to.</param>
    /// <param name="nodes">Hosts from this number on are clients.</param>
    /// <param name="isEchoForbidden">
    /// True where a version can come to a node in one way only: then sending it back there is an error, not a crossing.
    /// </param>
    public TrafficCheck(SimWorld world, SimNetwork network, int nodes, bool isEchoForbidden)
    {
        _world = world;
        _nodes = nodes;
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
                Note(connection, from, $"{node.Name} {state.Name}", version, isAnswer);
            }
        }
    }

    private void Note(SimConnection connection, int from, string field, string version, bool isAnswer)
    {
        int to = connection.Other(from);
        if (from >= _nodes)
        {
            _mayRepeat[(connection.Id, field)] = _mayRepeat.GetValueOrDefault((connection.Id, field)) + 1;
        }

        if (!isAnswer && !_pushed.Add((connection.Id, from, version))
            && (to < _nodes || !TakeRepeat((connection.Id, field))))
        {
            _world.Report("I8", from, $"pushed twice to n{to}: {version}");
        }

        if (!isAnswer && _isEchoForbidden && _pushed.Contains((connection.Id, to, version)))
        {
            _world.Report("I8", from, $"pushed back to n{to}, where it came from: {version}");
        }
    }

    // Each write of a client may be answered once.
    private bool TakeRepeat((long Connection, string Field) key)
    {
        int left = _mayRepeat.GetValueOrDefault(key);
        _mayRepeat[key] = left - 1;
        return left > 0;
    }
}
