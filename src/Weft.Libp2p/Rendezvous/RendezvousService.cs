using System.Buffers;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Weft.Libp2p.Connections;
using Weft.Libp2p.Services;
using Weft.Libp2p.Streams;
using Weft.Primitives;
using Weft.Protocols;
using Weft.Protocols.Rendezvous;

namespace Weft.Libp2p.Rendezvous;

/// <summary>A rendezvous point: peers register under namespaces, and others find them there.</summary>
/// <remarks>
/// The driver of one <see cref="RendezvousCore"/>; what is registered lives in memory alone. Source:
/// docs/spec/libp2p.md, "Rendezvous"; libp2p specs, rendezvous/README.md.
/// </remarks>
public sealed class RendezvousService : IAsyncDisposable
{
    private static readonly TimeSpan QuestionTimeout = TimeSpan.FromSeconds(30);

    private readonly Libp2pHost _host;
    private readonly RendezvousOptions _options;
    private readonly RendezvousCore _core;
    private readonly Lock _gate = new();
    private readonly Outbox<RendezvousOutput> _outbox = new();
    private readonly ConditionalWeakTable<PeerConnection, Pace> _paces = [];
    private readonly CoreTimer _timer;

    /// <summary>Makes a rendezvous point that serves nobody yet.</summary>
    /// <param name="host">The host.</param>
    /// <param name="options">Ceilings; null for the defaults.</param>
    public RendezvousService(Libp2pHost host, RendezvousOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(host);
        _host = host;
        _options = options ?? new();
        _core = new(_options, host.Options.Crypto, RandomNumberGenerator.GetBytes(32));
        _timer = new(host.Options.Time, OnTimer);
    }

    /// <summary>Registrations there are.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _core.Count;
            }
        }
    }

    /// <summary>Begins to serve.</summary>
    public Task StartAsync(CancellationToken cancellationToken = default)
    {
        _host.Handle(RendezvousCodec.Protocol, ServeAsync);
        return Task.CompletedTask;
    }

    /// <summary>Serves no more.</summary>
    public ValueTask DisposeAsync()
    {
        _host.Unhandle(RendezvousCodec.Protocol);
        _timer.Dispose();
        return default;
    }

    private async Task ServeAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        while (true)
        {
            using CancellationTokenSource deadline = _host.Deadline(QuestionTimeout, cancellationToken);
            byte[]? bytes = await StreamMessages
                .ReadAsync(stream, RendezvousCodec.QuestionBytesMax, deadline.Token).ConfigureAwait(false);
            if (bytes is null)
            {
                return;
            }

            if (!RendezvousCodec.TryRead(bytes, out RendezvousMessage? question)
                || question.Kind is RendezvousKind.RegisterResponse or RendezvousKind.DiscoverResponse)
            {
                stream.Abort();
                return;
            }

            // Whoever asks too fast waits; his answers wait, and nobody else's.
            TimeSpan wait = _paces.GetValue(stream.Connection, _ => new(_options)).Take(_timer.Now);
            if (wait > TimeSpan.Zero)
            {
                await Task.Delay(wait, _host.Options.Time, deadline.Token).ConfigureAwait(false);
            }

            RendezvousMessage? answer = Answer(stream.Remote, question);
            if (answer is not null)
            {
                var output = new ArrayBufferWriter<byte>(1_024);
                RendezvousCodec.Write(answer, output);
                await StreamMessages.WriteAsync(stream, output, deadline.Token).ConfigureAwait(false);
            }
        }
    }

    private RendezvousMessage? Answer(PeerId peer, RendezvousMessage question)
    {
        lock (_gate)
        {
            _outbox.Clear();
            RendezvousMessage? answer = _core.OnQuestion(peer, question, _timer.Now, _outbox);
            Apply();
            return answer;
        }
    }

    private void OnTimer()
    {
        lock (_gate)
        {
            _outbox.Clear();
            _core.OnTimer(_timer.Now, _outbox);
            Apply();
        }
    }

    private void Apply()
    {
        foreach (RendezvousOutput output in _outbox.Items)
        {
            _timer.Start(output.Due);
        }

        _outbox.Clear();
    }

    /// <summary>How fast the questions of one connection come.</summary>
    private sealed class Pace(RendezvousOptions options)
    {
        private readonly Lock _gate = new();
        private TokenBucket _bucket = new(options.QuestionsPerSecond, 10 * options.QuestionsPerSecond);

        public TimeSpan Take(WeftInstant now)
        {
            lock (_gate)
            {
                return _bucket.Take(1, now);
            }
        }
    }
}
