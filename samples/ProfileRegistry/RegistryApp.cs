using Weft;
using Weft.Node.Network;
using Weft.Primitives;

namespace ProfileRegistry;

/// <summary>The program: <c>publish</c> and <c>resolve</c>.</summary>
public static class RegistryApp
{
    private const string Usage = """
        usage: ProfileRegistry publish FOLDER NAME TEXT RELAY [RELAY ...]
               ProfileRegistry resolve FOLDER NAME RELAY [RELAY ...]
        A RELAY is the address of a node that runs with --profile super: /ip4/…/tcp/…/p2p/12D3Koo…
        The FOLDER holds the peer's key, and the owners that were seen before.
        """;

    /// <summary>Runs one command.</summary>
    /// <returns>0; 1 when the name is another's or nobody's, or no relay holds it; 2 when it was not understood.</returns>
    public static async Task<int> RunAsync(string[] args, TextWriter output)
    {
        ArgumentNullException.ThrowIfNull(args);
        ArgumentNullException.ThrowIfNull(output);
        bool publishes = args is ["publish", _, _, _, _, ..];
        if (!publishes && args is not ["resolve", _, _, _, ..])
        {
            await output.WriteLineAsync(Usage);
            return 2;
        }

        string[] relays = args[(publishes ? 4 : 3)..];
        await using WeftPeer peer = await WeftPeer.StartAsync(new WeftOptions
        {
            Path = args[1],
            Network = new NetworkOptions { TopicRelays = [.. relays] },
        });
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (peer.Node.Topics.ListRelays().Count == 0)
        {
            await Task.Delay(20, late.Token);
        }

        string file = Path.Combine(args[1], "owners.txt");
        Dictionary<string, PeerId> pins = Read(file);
        var registry = new Registry(peer.Node.Topics, peer.Network!.Id, pins);
        int exit = publishes
            ? await PublishAsync(registry, args[2], args[3], output)
            : await ResolveAsync(registry, args[2], output);
        await File.WriteAllLinesAsync(file, pins.Select(pin => $"{pin.Value} {pin.Key}"), late.Token);
        return exit;
    }

    private static async Task<int> PublishAsync(Registry registry, string name, string text, TextWriter output)
    {
        if (await registry.PublishAsync(name, text, relays: 1, DateTimeOffset.UtcNow) is not { } stored)
        {
            await output.WriteLineAsync($"{name} is another's");
            return 1;
        }

        await output.WriteLineAsync($"{name} is published; relays that hold it: {stored}");
        return stored > 0 ? 0 : 1;
    }

    private static async Task<int> ResolveAsync(Registry registry, string name, TextWriter output)
    {
        if (await registry.ResolveAsync(name) is not { } found)
        {
            await output.WriteLineAsync($"nobody has claimed {name}");
            return 1;
        }

        await output.WriteLineAsync($"{found.Owner} {found.Profile.Name}: {found.Profile.Text}");
        return 0;
    }

    private static Dictionary<string, PeerId> Read(string file)
    {
        var pins = new Dictionary<string, PeerId>();
        foreach (string line in File.Exists(file) ? File.ReadAllLines(file) : [])
        {
            int space = line.IndexOf(' ', StringComparison.Ordinal);
            if (space > 0 && PeerId.TryParse(line.AsSpan(0, space), out PeerId owner))
            {
                pins[line[(space + 1)..]] = owner;
            }
        }

        return pins;
    }
}
