using System.Threading.Channels;
using Weft.Protocols.Gossip;

namespace Weft.Libp2p.Gossip;

/// <content>Signatures and validators, in loops beside the core.</content>
public sealed partial class GossipService
{
    private const int BatchMax = 32;

    private readonly Channel<GossipMessage>[] _verifiers;

    /// <summary>
    /// Bounded by the core: it lets no more than PendingMax messages wait for a verdict, so that a line is never full.
    /// </summary>
    private Channel<GossipMessage>[] MakeVerifiers() =>
    [
        .. Enumerable.Range(0, Math.Clamp(Options.Verifiers, 1, 64)).Select(_ => Channel.CreateBounded<GossipMessage>(
            new BoundedChannelOptions(Options.Core.PendingMax) { SingleReader = true })),
    ];

    private IEnumerable<Task> StartVerifiers() => _verifiers.Select(line => Task.Run(() => VerifyAsync(line.Reader)));

    private void CompleteVerifiers() => Array.ForEach(_verifiers, line => line.Writer.TryComplete());

    /// <summary>Messages of one author keep their order: they go to one loop.</summary>
    private void Judge(GossipMessage message)
    {
        uint author = (uint)message.From.GetHashCode();
        _verifiers[author % (uint)_verifiers.Length].Writer.TryWrite(message); // False only once the service stops.
    }

    private async Task VerifyAsync(ChannelReader<GossipMessage> line)
    {
        var judged = new List<(GossipMessage Message, GossipVerdict Verdict)>(BatchMax);
        while (await line.WaitToReadAsync().ConfigureAwait(false))
        {
            while (judged.Count < BatchMax && line.TryRead(out GossipMessage? message))
            {
                if (Stopping.IsCancellationRequested)
                {
                    continue; // Drained: nobody waits for it any more.
                }

                bool fits = GossipSigning.Verify(message, _crypto);
                Interlocked.Increment(ref _verified);
                GossipVerdict verdict = fits ? GossipVerdict.Accept : GossipVerdict.BadSignature;
                if (fits && _validators.TryGetValue(message.Topic, out GossipValidator? validator))
                {
                    verdict = await ValidateAsync(validator, message).ConfigureAwait(false);
                }

                judged.Add((message, verdict));
            }

            Report(judged);
            judged.Clear();
        }
    }

    private void Report(List<(GossipMessage Message, GossipVerdict Verdict)> judged)
    {
        lock (Gate)
        {
            foreach ((GossipMessage message, GossipVerdict verdict) in judged)
            {
                _core.OnVerdict(message, verdict, Now, _outbox);
                (message.Source?.Tag as GossipLink)?.OnJudged();
            }

            Apply();
        }
    }

    private async ValueTask<GossipVerdict> ValidateAsync(GossipValidator validator, GossipMessage message)
    {
        try
        {
            ValueTask<GossipVerdict> quick = validator(message, Stopping);
            if (quick.IsCompletedSuccessfully)
            {
                return quick.Result;
            }

            return await quick.AsTask().WaitAsync(Options.ValidationTimeout, _time, Stopping).ConfigureAwait(false);
        }
        catch (Exception error) when (error is OperationCanceledException or TimeoutException)
        {
            return GossipVerdict.Ignore;
        }
        catch (Exception error)
        {
            // An application's fault is nobody else's: the message goes no further, and no peer pays for it.
            GossipLog.ValidatorFailed(_log, message.Topic, error);
            return GossipVerdict.Ignore;
        }
    }
}
