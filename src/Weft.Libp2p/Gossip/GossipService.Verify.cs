using System.Threading.Channels;
using Weft.Protocols.Gossip;

namespace Weft.Libp2p.Gossip;

/// <content>Signatures and validators, in loops beside the core, or where a message was read.</content>
public sealed partial class GossipService
{
    private const int BatchMax = 32;

    private readonly Channel<GossipMessage>[] _verifiers;
    private List<GossipMessage>? _here; // Takes what is to be judged by the caller; the gate is held.
    private int _judgingHere;

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
        if (_here is { } here && !_validators.ContainsKey(message.Topic))
        {
            here.Add(message);
            return;
        }

        uint author = (uint)message.From.GetHashCode();
        _verifiers[author % (uint)_verifiers.Length].Writer.TryWrite(message); // False only once the service stops.
    }

    /// <summary>
    /// True when the reader of a link may verify for itself, which spares two changes of threads: nothing of its peer waits
    /// in a line, so that nothing is overtaken, and no more readers do it than there are lines.
    /// </summary>
    internal bool TryBeginHere(GossipLink link)
    {
        lock (Gate)
        {
            bool may = link.Peer is { Pending: 0 } && _judgingHere < _verifiers.Length;
            if (may)
            {
                Interlocked.Increment(ref _judgingHere);
            }

            return may;
        }
    }

    /// <summary>Judges what a reader has gathered, and gives its place to another.</summary>
    internal void JudgeHere(List<GossipMessage> messages)
    {
        var judged = new List<(GossipMessage Message, GossipVerdict Verdict)>(Math.Min(messages.Count, BatchMax));
        foreach (GossipMessage message in messages)
        {
            bool fits = GossipSigning.Verify(message, _crypto);
            judged.Add((message, fits ? GossipVerdict.Accept : GossipVerdict.BadSignature));
            if (judged.Count == BatchMax)
            {
                Report(judged);
                judged.Clear();
            }
        }

        if (judged.Count > 0)
        {
            Report(judged);
        }

        Interlocked.Add(ref _verified, messages.Count);
        Interlocked.Decrement(ref _judgingHere);
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
