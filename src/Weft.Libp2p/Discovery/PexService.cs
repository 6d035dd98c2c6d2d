using System.Buffers;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Weft.Libp2p.Connections;
using Weft.Libp2p.Services;
using Weft.Libp2p.Streams;
using Weft.Primitives;
using Weft.Protocols.Dialing;
using Weft.Protocols.Peers;
using Weft.Protocols.Pex;

namespace Weft.Libp2p.Discovery;

/// <summary>Exchanges peers with connected peers: answers their questions, and asks one of them now and then.</summary>
/// <remarks>
/// The driver of one <see cref="PexCore"/>. What others tell counts as hearsay in the address book, although it is
/// signed: a peer can make as many keys as it likes. Source: docs/spec/libp2p.md, "Peer exchange".
/// </remarks>
public sealed class PexService : IDiscovery
{
    private static readonly TimeSpan AnswerTimeout = TimeSpan.FromSeconds(10);

    private readonly Libp2pHost _host;
    private readonly PexCore _core;
    private readonly TimeSpan _interval;
    private readonly WeftRandom _random;
    private readonly ILogger _log;
    private readonly Lock _gate = new();
    private readonly CoreTimer _timer;
    private readonly CancellationTokenSource _stopping = new();
    private Task _watching = Task.CompletedTask;
    private Task _asking = Task.CompletedTask;
    private long _found;

    /// <summary>Makes a service that does nothing yet.</summary>
    /// <param name="host">The host.</param>
    /// <param name="options">Ceilings; null for the defaults.</param>
    /// <param name="interval">Time between two questions of its own; null for 2 min, zero to ask never.</param>
    public PexService(Libp2pHost host, PexOptions? options = null, TimeSpan? interval = null)
    {
        ArgumentNullException.ThrowIfNull(host);
        _host = host;
        _interval = interval ?? TimeSpan.FromMinutes(2);
        _random = new(BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong))));
        _core = new(options ?? new(), host.Options.Crypto, _random.Fork());
        _log = host.Options.Loggers.CreateLogger<PexService>();
        _timer = new(host.Options.Time, OnTimer);
    }

    /// <inheritdoc/>
    public PeerSource Source => PeerSource.PeerExchange;

    /// <inheritdoc/>
    public bool IsActive { get; private set; }

    /// <inheritdoc/>
    public long Found => Interlocked.Read(ref _found);

    /// <summary>Signed records that are kept to be handed on.</summary>
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

    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken = default)
    {
        IsActive = true;
        _watching = WatchAsync(_host.WatchAsync(_stopping.Token));
        foreach (PeerConnection connection in _host.Connections)
        {
            OnMet(connection);
        }

        _host.Handle(PexCodec.Protocol, AnswerAsync);
        if (_interval > TimeSpan.Zero)
        {
            _timer.Start(_timer.Now + _interval);
        }

        return Task.CompletedTask;
    }

    /// <summary>Asks a peer for others, and tells the book of them.</summary>
    /// <param name="peer">Whom.</param>
    /// <param name="wanted">How many at most: 1 to 32.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>What it told, signatures verified.</returns>
    /// <exception cref="Libp2pException">Not reachable, or it does not exchange peers.</exception>
    /// <exception cref="IOException">The stream broke.</exception>
    public async Task<IReadOnlyList<PeerRecord>> AskAsync(
        PeerId peer, int wanted = 16, CancellationToken cancellationToken = default)
    {
        using CancellationTokenSource deadline = _host.Deadline(AnswerTimeout, cancellationToken);
        PeerStream stream = await _host
            .OpenStreamAsync(peer, [PexCodec.Protocol], deadline.Token).ConfigureAwait(false);
        await using ConfiguredAsyncDisposable closing = stream.ConfigureAwait(false);
        await WriteAsync(stream, new(IsQuestion: true, wanted, []), deadline.Token).ConfigureAwait(false);
        byte[]? bytes = await StreamMessages
            .ReadAsync(stream, PexCodec.MessageBytesMax, deadline.Token).ConfigureAwait(false);
        if (bytes is null || !PexCodec.TryRead(bytes, out PexMessage? answer) || answer.IsQuestion)
        {
            stream.Abort();
            return [];
        }

        IReadOnlyList<PeerRecord> records = _core.OnAnswer(answer, wanted, _host.Id);
        foreach (PeerRecord record in records)
        {
            if (_host.Book.Add(record.Peer, record.Addresses, Source, stream.Connection) > 0)
            {
                Interlocked.Increment(ref _found);
            }
        }

        DiscoveryLog.Told(_log, peer, records.Count);
        return records;
    }

    /// <summary>Answers and asks no more.</summary>
    public async ValueTask DisposeAsync()
    {
        IsActive = false;
        _host.Unhandle(PexCodec.Protocol);
        await _stopping.CancelAsync().ConfigureAwait(false);
        _timer.Dispose();
        await _watching.ConfigureAwait(false);
        await _asking.ConfigureAwait(false);
        _stopping.Dispose();
    }

    private static ValueTask WriteAsync(PeerStream stream, PexMessage message, CancellationToken cancellationToken)
    {
        var output = new ArrayBufferWriter<byte>(256);
        PexCodec.Write(message, output);
        return StreamMessages.WriteAsync(stream, output, cancellationToken);
    }

    private async Task AnswerAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        using CancellationTokenSource deadline = _host.Deadline(AnswerTimeout, cancellationToken);
        byte[]? bytes = await StreamMessages
            .ReadAsync(stream, PexCodec.MessageBytesMax, deadline.Token).ConfigureAwait(false);
        if (bytes is null || !PexCodec.TryRead(bytes, out PexMessage? question) || !question.IsQuestion)
        {
            stream.Abort();
            return;
        }

        PexMessage answer;
        lock (_gate)
        {
            answer = _core.OnQuestion(stream.Remote, question, _timer.Now);
        }

        await WriteAsync(stream, answer, deadline.Token).ConfigureAwait(false);
    }

    private async Task WatchAsync(IAsyncEnumerable<PeerEvent> events)
    {
        try
        {
            await foreach (PeerEvent happened in events.ConfigureAwait(false))
            {
                if (happened.Kind == PeerEventKind.Identified)
                {
                    OnMet(happened.Connection);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The service stops.
        }
    }

    private void OnMet(PeerConnection connection)
    {
        if (connection.Identity?.SignedRecord is { IsEmpty: false } record)
        {
            lock (_gate)
            {
                _core.OnMet(connection.Remote, record, _timer.Now);
            }
        }
    }

    private void OnTimer()
    {
        if (_asking.IsCompleted && !_stopping.IsCancellationRequested)
        {
            _asking = AskSomebodyAsync();
        }

        _timer.Start(_timer.Now + _interval);
    }

    private async Task AskSomebodyAsync()
    {
        PeerConnection[] able =
        [
            .. _host.Connections.Where(
                one => !one.IsLimited && one.Identity?.Protocols.Contains(PexCodec.Protocol) == true),
        ];
        if (able.Length == 0)
        {
            return;
        }

        PeerId asked = able[_random.Next(able.Length)].Remote;
        try
        {
            await AskAsync(asked, cancellationToken: _stopping.Token).ConfigureAwait(false);
        }
        catch (Exception error) when (
            error is IOException or Libp2pException or OperationCanceledException or ObjectDisposedException)
        {
            DiscoveryLog.ToldNothing(_log, asked, error.Message);
        }
    }
}
