using System.Text;
using Weft;
using Weft.Node.Network;
using Weft.Node.Topics;

namespace ChatRoom;

/// <summary>A room: what was said before, then what is said.</summary>
public static class ChatApp
{
    private const string Usage = "usage: ChatRoom ROOM NAME RELAY [RELAY ...]";

    /// <summary>Enters a room: prints its history, then what comes; each line of the input is said.</summary>
    /// <returns>0 when the input has ended; 2 when the arguments were not understood.</returns>
    public static async Task<int> RunAsync(string[] args, TextReader input, TextWriter output)
    {
        ArgumentNullException.ThrowIfNull(args);
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(output);
        if (args is not [string room, string name, _, ..])
        {
            await output.WriteLineAsync(Usage);
            return 2;
        }

        await using WeftPeer peer = await WeftPeer.StartAsync(new WeftOptions
        {
            Store = WeftStoreKind.Memory,
            Network = new NetworkOptions { TopicRelays = [.. args[2..]] },
        });
        NodeTopics topics = peer.Node.Topics;
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (topics.ListRelays().Count == 0)
        {
            await Task.Delay(20, late.Token);
        }

        using var leaving = new CancellationTokenSource();
        await using TopicSubscription subscription = await topics.SubscribeAsync("chat/" + room, Replay.All);
        Task reading = ReadAsync(subscription, output, leaving.Token);
        while (await input.ReadLineAsync() is { } line)
        {
            // Returns when a relay has it on its disk: what is said is read by who comes later.
            TopicReceipt receipt = await topics.PublishStoredAsync(
                "chat/" + room, Encoding.UTF8.GetBytes($"{name}: {line}"));
            if (receipt.Stored == 0)
            {
                await output.WriteLineAsync("! no relay has kept that");
            }
        }

        await leaving.CancelAsync();
        await reading;
        return 0;
    }

    private static async Task ReadAsync(TopicSubscription subscription, TextWriter output, CancellationToken leaving)
    {
        try
        {
            await foreach (TopicMessage message in subscription.ReadAllAsync(leaving))
            {
                await output.WriteLineAsync(message.IsGap ? "! messages are missing here" : message.Text);
            }
        }
        catch (OperationCanceledException)
        {
            // The room was left.
        }
    }
}
