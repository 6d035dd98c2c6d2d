using Weft.Graph;
using Weft.Primitives;

namespace Weft.Simulation;

/// <summary>
/// gun.js clients write, read, lose their connections, write offline, and come back; their relays crash.
/// </summary>
internal sealed class ClientScenario : Scenario
{
    public override string Name => "clients";

    public override string Summary =>
        "gun.js clients that write offline and come back, write without reading, and meet crashes";

    public override int NodesDefault => 5;

    protected override void Play(ScenarioRun run)
    {
        SimCluster cluster = run.Begin(
            new SimCluster(run.Nodes, run.Seed, NetworkProfile.Internet),
            "two clients per relay, cut off now and then");
        var random = new WeftRandom(run.Seed);
        SimClient[] clients = [.. Enumerable.Range(0, run.Nodes * 2)
            .Select(i => new SimClient(cluster.World, cluster.Network, i % run.Nodes))];
        foreach (SimClient client in clients)
        {
            client.Connect();
            for (int i = 0; i < 60; i++)
            {
                cluster.World.After(TimeSpan.FromSeconds(20 * random.NextDouble()), () => Act(client, random));
            }
        }

        for (int i = 0; i < run.Nodes; i++)
        {
            cluster.World.After(TimeSpan.FromSeconds(20 * random.NextDouble()), () =>
            {
                if (cluster.AnyUp() is { } node)
                {
                    cluster.CrashAndRestart(node, random.Chance(0.5), TimeSpan.FromSeconds(3 * random.NextDouble()));
                }
            });
        }

        run.RunFor(TimeSpan.FromSeconds(22), "writing");
        cluster.Network.Profile = new NetworkProfile();
        run.RunFor(TimeSpan.FromSeconds(20), "reconnecting"); // Dead connections are noticed, and all come back.
        foreach (SimClient client in clients)
        {
            // One more write by each, into a node it never asked for: others write there later.
            client.Put("written/" + (client.Number % 3), $"by{client.Number}", 1);
        }

        run.RunFor(TimeSpan.FromSeconds(1), "writing once more");
        cluster.Nodes[0].Put("written/0", "late", "late");
        cluster.Nodes[0].Put("written/1", "late", "late");
        cluster.Nodes[0].Put("written/2", "late", "late");
        run.HealAndCheck(TimeSpan.FromSeconds(30));
        foreach (SimClient client in clients)
        {
            ClientCheck.Run(cluster.World, client, cluster.Nodes[client.Relay]);
        }

        run.Count("clients", clients.Length);
        run.Passed("I2", "every client knows what its relay knows");
    }

    private static void Act(SimClient client, WeftRandom random)
    {
        string soul = $"room/{random.Next(6)}";
        switch (random.Next(10))
        {
            case 0:
                client.Disconnect();
                client.Put(soul, $"f{random.Next(4)}", $"offline {random.Next(100)}");
                break;
            case 1 or 2 or 3:
                client.Get(soul, _ => { });
                break;
            case 4:
                client.Get($"nowhere/{random.Next(1_000)}", _ => { });
                break;
            default:
                client.Put(soul, $"f{random.Next(4)}", random.Next(100), _ => { });
                break;
        }
    }
}

/// <summary>
/// Relays that dial each other both ways, clients that burst: each change crosses each link once, then silence.
/// </summary>
internal sealed class RelayScenario : Scenario
{
    public override string Name => "relays";

    public override string Summary =>
        "relays that dial each other both ways, bursts by clients: no echo, no storm, then silence";

    public override int NodesDefault => 2;

    protected override void Play(ScenarioRun run)
    {
        SimCluster cluster = run.Begin(
            new SimCluster(run.Nodes, run.Seed, new NetworkProfile(), linksPerNode: 1),
            "a ring of links in both directions");
        var traffic = new TrafficCheck(cluster.World, cluster.Network, run.Nodes, isEchoForbidden: run.Nodes == 2);
        for (int i = 0; i < run.Nodes; i++)
        {
            cluster.Nodes[i].Link((i + 1) % run.Nodes);
            cluster.Nodes[(i + 1) % run.Nodes].Link(i);
        }

        var clients = new List<SimClient>();
        for (int i = 0; i < run.Nodes * 3; i++)
        {
            clients.Add(new SimClient(cluster.World, cluster.Network, i % run.Nodes));
            clients[i].Connect();
        }

        run.RunFor(TimeSpan.FromSeconds(10), "meeting");
        var random = new WeftRandom(run.Seed);
        int writes = 0;
        foreach (SimClient client in clients)
        {
            client.Get("hall", _ => { });
            for (int i = 0; i < 30; i++, writes++)
            {
                cluster.World.After(TimeSpan.FromSeconds(5 * random.NextDouble()), () =>
                    client.Put("hall", $"f{random.Next(50)}", $"{client.Number} {random.NextUInt64()}", _ => { }));
            }
        }

        run.RunFor(TimeSpan.FromSeconds(10), "writing");
        long before = traffic.Puts;
        long events = cluster.World.Events;
        run.RunFor(TimeSpan.FromSeconds(10), "silence");
        if (traffic.Puts > before)
        {
            cluster.World.Report("I8", -1, $"{traffic.Puts - before} messages with data although nobody writes");
        }

        // The log is taken over now and then; anything beyond that would be a circle.
        if (cluster.World.Events - events > run.Nodes * 100)
        {
            cluster.World.Report("I8", -1, $"{cluster.World.Events - events} events in ten seconds of silence");
        }

        // A version crosses each link at most once in each direction, and reaches each client at most once.
        long ways = (4L * run.Nodes) + clients.Count;
        if (traffic.Pushes > writes * ways)
        {
            cluster.World.Report("I8", -1, $"{traffic.Pushes} pushes for {writes} writes over {ways} ways");
        }

        run.HealAndCheck(TimeSpan.FromSeconds(30));
        foreach (SimClient client in clients)
        {
            ClientCheck.Run(cluster.World, client, cluster.Nodes[client.Relay]);
        }

        run.Count("pushes", traffic.Pushes);
        run.Passed("I8", "no change pushed twice or back, and silence afterwards");
    }
}

/// <summary>Ceilings so low that everything runs into them: queues close or refuse, and still nothing is lost.</summary>
internal sealed class CeilingScenario : Scenario
{
    public override string Name => "ceilings";

    public override string Summary => "tiny queues, windows and tables: slow peers are cut off, early writes refused";

    public override int NodesDefault => 6;

    protected override void Play(ScenarioRun run)
    {
        var options = new SimNodeOptions
        {
            Graph = new GraphOptions { DeferredMax = 5 },
            Gun = new Weft.Protocols.Gun.GunPeerOptions
            {
                PendingFieldsMax = 16, LinkMessagesMax = 2, SubscriptionsMax = 2, DedupMax = 16, WeftChunkBytes = 1_024,
            },
            SendBufferBytes = 2_048,
        };
        NetworkProfile slow = NetworkProfile.Internet with { BytesPerSecond = 20_000 };
        SimCluster cluster = run.Begin(
            new SimCluster(run.Nodes, run.Seed, slow, options), "queues of 16, windows of 2, 20 kB/s");
        SimClient[] clients = [.. Enumerable.Range(0, run.Nodes)
            .Select(i => new SimClient(cluster.World, cluster.Network, i % run.Nodes))];
        foreach (SimClient client in clients)
        {
            client.Connect();
            for (int soul = 0; soul < 5; soul++)
            {
                client.Get($"s/{soul}", _ => { });
            }
        }

        new Workload(cluster, souls: 10, fields: 5) { Early = 0.2 }.Run(Writes(run, 20), TimeSpan.FromSeconds(20));
        run.RunFor(TimeSpan.FromSeconds(22), "writing");
        run.HealAndCheck(TimeSpan.FromSeconds(30), quiet: TimeSpan.FromSeconds(30));
        foreach (SimClient client in clients)
        {
            ClientCheck.Run(cluster.World, client, cluster.Nodes[client.Relay]);
        }
    }
}
