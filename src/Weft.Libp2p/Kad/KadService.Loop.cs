using System.Buffers;
using Weft.Libp2p.Connections;
using Weft.Libp2p.Streams;
using Weft.Primitives;
using Weft.Protocols.Dialing;
using Weft.Protocols.Identify;
using Weft.Protocols.Kad;
using Weft.Protocols.Peers;

namespace Weft.Libp2p.Kad;

/// <content>The loop: inputs, timers, outputs.</content>
public sealed partial class KadService
{
    private const int InputsInTurn = 64;

    private static readonly TimeSpan SweepInterval = TimeSpan.FromSeconds(2);

    private async Task LoopAsync()
    {
        try
        {
            while (await _inputs.Reader.WaitToReadAsync(_stopping.Token).ConfigureAwait(false))
            {
                for (int i = 0; i < InputsInTurn && _inputs.Reader.TryRead(out Action? input); i++)
                {
                    input();
                    Apply();
                }

                RunTimers();
                Volatile.Write(
                    ref _snapshot,
                    new(_core.RouteCount, _core.QueryCount, _core.RequestCount, _core.ProviderKeyCount, Records.Count, Records.Bytes));
            }
        }
        catch (OperationCanceledException)
        {
            // The service stops.
        }
        catch (Exception error)
        {
            IsHealthy = false; // A bug here must not take the host down, nor stay unseen.
            KadLog.Stopped(_log, Protocol, error);
            _host.Unhandle(Protocol);
        }

        End();
    }

    private void RunTimers()
    {
        WeftInstant now = Now;
        while (_timers.TryPeek(out KadTimer timer, out WeftInstant due) && due <= now)
        {
            _timers.Dequeue();
            _core.OnTimer(timer, now, NowMs, _outbox);
            Apply();
        }

        if (_timers.TryPeek(out _, out WeftInstant next))
        {
            _timer.Change(next - now, Timeout.InfiniteTimeSpan);
        }
    }

    private void Apply()
    {
        for (int i = 0; i < _outbox.Count; i++)
        {
            KadOutput output = _outbox[i];
            switch (output.Kind)
            {
                case KadOutputKind.Ask:
                    var giveUp = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
                    _asks.Add(output.Request, giveUp);
                    _ = AskAsync(output.Request, output.Peer, output.Message, giveUp);
                    break;
                case KadOutputKind.Abandon when _asks.Remove(output.Request, out CancellationTokenSource? asking):
                    asking.Cancel();
                    break;
                case KadOutputKind.Answer or KadOutputKind.Refuse:
                    if (_answers.Remove(output.Token, out TaskCompletionSource<KadOutput>? answered))
                    {
                        answered.TrySetResult(output);
                    }

                    break;
                case KadOutputKind.Done:
                    Count(output.Result!);
                    if (_commands.Remove(output.Result!.Query.Value, out TaskCompletionSource<KadResult>? done))
                    {
                        done.TrySetResult(output.Result);
                    }

                    break;
                case KadOutputKind.Learned:
                    Learn(output.Peer, output.Message);
                    break;
                case KadOutputKind.StartTimer:
                    _timers.Enqueue(output.Timer, output.Due);
                    break;
                case KadOutputKind.Mode:
                    SetMode(output.IsServer);
                    break;
                case KadOutputKind.RouteAdded:
                    KadLog.RouteAdded(_log, Protocol, output.Peer);
                    break;
                case KadOutputKind.RouteRemoved:
                    KadLog.RouteRemoved(_log, Protocol, output.Peer);
                    break;
            }
        }

        _outbox.Clear();
    }

    private void Count(KadResult result)
    {
        Interlocked.Increment(ref _results[(int)result.Status]);
        Interlocked.Add(ref _requestsSent, result.Requests);
        Interlocked.Add(ref _timeOuts, result.TimeOuts);
    }

    private void SetMode(bool isServer)
    {
        IsServer = isServer;
        KadLog.Mode(_log, Protocol, isServer);
        if (isServer)
        {
            _host.Handle(Protocol, ServeAsync);
        }
        else
        {
            _host.Unhandle(Protocol);
        }
    }

    /// <summary>What a peer says of others goes into the address book, bounded by where that peer is.</summary>
    private void Learn(PeerId from, in KadMessage message)
    {
        PeerConnection? teller = _host.Find(from);
        foreach (KadPeer peer in (message.Closer ?? []).Concat(message.Providers ?? []))
        {
            if (peer.Id != _host.Id && peer.Addresses.Count > 0)
            {
                _host.Book.Add(peer.Id, peer.Addresses, PeerSource.Dht, teller);
            }
        }
    }

    private async Task AskAsync(long request, PeerId peer, KadMessage question, CancellationTokenSource giveUp)
    {
        KadMessage? answer = null;
        bool isSent = false;
        try
        {
            answer = await _streams.AskAsync(peer, question, giveUp.Token).ConfigureAwait(false);
            isSent = true;
        }
        catch (Exception error) when (error is IOException or Libp2pException or OperationCanceledException
            or ObjectDisposedException)
        {
            KadLog.NoAnswer(_log, Protocol, peer, error.Message);
        }

        TryPost(() =>
        {
            _asks.Remove(request);
            giveUp.Dispose();
            if (answer is { } message)
            {
                _core.OnAnswer(request, message, Now, NowMs, _outbox);
            }
            else if (isSent)
            {
                _core.OnSent(request, Now, NowMs, _outbox);
            }
            else
            {
                _core.OnFailure(request, Now, NowMs, _outbox);
            }
        });
    }

    /// <summary>Answers the questions of one stream, one after the other.</summary>
    private async Task ServeAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        var buffer = new ArrayBufferWriter<byte>(1_024);
        while (true)
        {
            using CancellationTokenSource deadline = _host.Deadline(_options.QuestionTimeout, cancellationToken);
            if (await KadStreams.ReadAsync(stream, buffer, deadline.Token).ConfigureAwait(false) is not { } question)
            {
                return;
            }

            if (question.Kind == KadMessageKind.AddProvider)
            {
                await PostAsync(
                    () => _core.OnQuestion(0, stream.Remote, question, Now, NowMs, _outbox), deadline.Token)
                    .ConfigureAwait(false);
                continue;
            }

            KadOutput output = await AnswerAsync(stream.Remote, question, deadline.Token).ConfigureAwait(false);
            if (output.Kind == KadOutputKind.Refuse)
            {
                KadLog.Refused(_log, Protocol, stream.Remote);
                stream.Abort();
                return;
            }

            if (output.IsDurable && _options.FlushAsync is { } flush)
            {
                await flush(deadline.Token).ConfigureAwait(false); // Nobody is told that a record is kept before it is.
            }

            await KadStreams.WriteAsync(stream, output.Message, deadline.Token).ConfigureAwait(false);
        }
    }

    private async Task<KadOutput> AnswerAsync(PeerId from, KadMessage question, CancellationToken cancellationToken)
    {
        var answer = new TaskCompletionSource<KadOutput>(TaskCreationOptions.RunContinuationsAsynchronously);
        await PostAsync(
            () =>
            {
                long token = ++_token;
                _answers.Add(token, answer);
                _core.OnQuestion(token, from, question, Now, NowMs, _outbox);
            },
            cancellationToken).ConfigureAwait(false);
        return await answer.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    private async Task WatchAsync(IAsyncEnumerable<PeerEvent> events)
    {
        try
        {
            await foreach (PeerEvent happened in events.ConfigureAwait(false))
            {
                Action? input = happened.Kind switch
                {
                    PeerEventKind.Identified => () => OnIdentified(happened.Connection),
                    PeerEventKind.Disconnected when _host.Find(happened.Peer) is null =>
                        () => _core.OnPeerGone(happened.Peer, Now, _outbox),
                    _ => null,
                };
                if (input is not null)
                {
                    await PostAsync(input, _stopping.Token).ConfigureAwait(false);
                }
            }
        }
        catch (Exception error) when (error is OperationCanceledException or ObjectDisposedException
            or System.Threading.Channels.ChannelClosedException)
        {
            // The service stops.
        }
    }

    private void OnIdentified(PeerConnection connection)
    {
        if (connection.Identity is not { } identity || connection.IsLimited)
        {
            return;
        }

        if (identity.Protocols.Contains(Protocol))
        {
            IReadOnlyList<Multiaddr> known = _host.Book.Addresses(connection.Remote);
            _core.OnPeerServes(
                connection.Remote, known.Count > 0 ? known : identity.ListenAddresses, Now, NowMs, _outbox);
        }
        else
        {
            _core.OnPeerStops(connection.Remote, Now, _outbox);
        }

        if (connection.IsInbound && !IsServer && _host.Addresses.Count > 0)
        {
            _core.OnReachable(true, _outbox); // Somebody has reached this peer: others can.
        }
    }

    private async Task SweepAsync()
    {
        using var timer = new PeriodicTimer(SweepInterval, Time);
        try
        {
            while (await timer.WaitForNextTickAsync(_stopping.Token).ConfigureAwait(false))
            {
                await _streams.SweepAsync().ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // The service stops.
        }
    }

    private async Task<KadResult> CommandAsync(
        Func<KadQueryId> command, TimeSpan? timeout, CancellationToken cancellationToken)
    {
        var done = new TaskCompletionSource<KadResult>(TaskCreationOptions.RunContinuationsAsynchronously);
        KadQueryId id = await InvokeAsync(
            () =>
            {
                KadQueryId started = command();
                _commands.Add(started.Value, done);
                return started;
            },
            cancellationToken).ConfigureAwait(false);
        using CancellationTokenSource late = new(timeout ?? Timeout.InfiniteTimeSpan, Time);
        using CancellationTokenRegistration cancelled = cancellationToken.UnsafeRegister(_ => Cancel(id), null);
        using CancellationTokenRegistration timedOut = late.Token.UnsafeRegister(_ => Cancel(id), null);
        KadResult result = await done.Task.ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        return result.Status == KadStatus.Cancelled ? result with { Status = KadStatus.TimedOut } : result;
    }

    private void Cancel(KadQueryId id) => TryPost(() => _core.Cancel(id, Now, NowMs, _outbox));

    private async Task<T> InvokeAsync<T>(Func<T> call, CancellationToken cancellationToken)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        await PostAsync(
            () =>
            {
                try
                {
                    done.TrySetResult(call());
                }
                catch (Exception wrong)
                {
                    done.TrySetException(wrong); // A bad argument is its caller's, not the loop's.
                }
            },
            cancellationToken).ConfigureAwait(false);
        return await done.Task.WaitAsync(_stopping.Token).ConfigureAwait(false);
    }

    private ValueTask PostAsync(Action input, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_isStopped != 0, this);
        return _inputs.Writer.WriteAsync(input, cancellationToken);
    }

    /// <summary>For what must not be lost while the service runs, from where nobody can wait.</summary>
    private void TryPost(Action input)
    {
        if (!_inputs.Writer.TryWrite(input))
        {
            _ = PostLateAsync(input);
        }
    }

    private async Task PostLateAsync(Action input)
    {
        try
        {
            await _inputs.Writer.WriteAsync(input, _stopping.Token).ConfigureAwait(false);
        }
        catch (Exception error) when (error is OperationCanceledException or ObjectDisposedException
            or System.Threading.Channels.ChannelClosedException)
        {
            // The service stops, and with it everybody who waits for this.
        }
    }

    /// <summary>Nobody is left waiting.</summary>
    private void End()
    {
        _inputs.Writer.TryComplete();
        foreach (TaskCompletionSource<KadResult> command in _commands.Values)
        {
            command.TrySetResult(new() { Status = KadStatus.Cancelled });
        }

        foreach (TaskCompletionSource<KadOutput> answer in _answers.Values)
        {
            answer.TrySetResult(new(KadOutputKind.Refuse));
        }

        foreach (CancellationTokenSource ask in _asks.Values)
        {
            ask.Cancel();
        }
    }
}
