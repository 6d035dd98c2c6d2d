using System.Diagnostics;

namespace Weft.Load;

/// <summary>Makes the request number <paramref name="number"/> with the given id.</summary>
internal delegate byte[] RequestMaker(int number, string id);

/// <summary>Judges the answer to request <paramref name="number"/>: true when it is the right one.</summary>
internal delegate bool AnswerJudge(int number, in GunMessage answer);

/// <summary>What came of a run of requests.</summary>
/// <param name="Answered">Requests with an answer.</param>
/// <param name="Wrong">Answers that were errors or not what was asked for.</param>
/// <param name="Elapsed">From the first send to the last answer.</param>
/// <param name="LatenciesMs">Sorted, from just before the send to the answer.</param>
internal sealed record WindowResult(int Answered, int Wrong, TimeSpan Elapsed, double[] LatenciesMs)
{
    /// <summary>Processor time the server spent meanwhile; zero when nobody looked.</summary>
    public TimeSpan ServerTime { get; init; }

    public double ServerMicrosecondsEach => ServerTime.TotalMicroseconds / Math.Max(1, Answered);

    public double PerSecond => Answered / Math.Max(Elapsed.TotalSeconds, 1e-9);

    public double Percentile(double share) =>
        LatenciesMs.Length == 0
            ? double.NaN
            : LatenciesMs[(int)Math.Min(LatenciesMs.Length - 1, LatenciesMs.Length * share)];
}

/// <summary>Keeps a fixed number of requests of one client in flight.</summary>
internal sealed class WindowRun(GunSocket client, int window)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(4);

    private bool[] _isAnswered = [];

    /// <summary>Called after each answer with how many there are; a true result ends the run at once.</summary>
    public Func<int, bool>? StopAfter { get; set; }

    /// <summary>True for each request that was answered well.</summary>
    public bool WasAnswered(int number) => _isAnswered[number];

    /// <summary>Sends requests 0 to <paramref name="count"/> - 1, in order.</summary>
    /// <param name="count">How many at the most.</param>
    /// <param name="limit">No further request is sent after this time; those in flight have four seconds of silence.</param>
    /// <param name="make">Makes a request.</param>
    /// <param name="judge">Judges an answer; null takes every answer without an error.</param>
    /// <param name="cancellationToken">Ends the run.</param>
    public async Task<WindowResult> RunAsync(
        int count, TimeSpan limit, RequestMaker make, AnswerJudge? judge, CancellationToken cancellationToken)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(limit * 2);
        var sentAt = new long[count];
        _isAnswered = new bool[count];
        var latencies = new List<double>(count);
        int next = 0;
        int answered = 0;
        int wrong = 0;
        bool isStopped = false;
        long began = Stopwatch.GetTimestamp();
        long last = began;

        void OnMessage(in GunMessage message)
        {
            int number = client.NumberOf(message.ReplyTo);
            if (isStopped || number < 0 || number >= next || _isAnswered[number])
            {
                return; // Noise, or a second answer to the same question (GUN answers from memory and from disk).
            }

            if (!message.HasError && judge is not null && message.HasMore && !judge(number, in message))
            {
                return; // A chunk; the part that counts is still to come.
            }

            last = Stopwatch.GetTimestamp();
            latencies.Add(Stopwatch.GetElapsedTime(sentAt[number], last).TotalMilliseconds);
            bool isRight = !message.HasError && (judge is null || judge(number, in message));
            wrong += isRight ? 0 : 1;
            _isAnswered[number] = true;
            answered++;
            isStopped = StopAfter?.Invoke(answered) == true;
        }

        try
        {
            while (!isStopped && (next > answered || (next < count && Stopwatch.GetElapsedTime(began) < limit)))
            {
                while (next - answered < window && next < count && Stopwatch.GetElapsedTime(began) < limit)
                {
                    int number = next++;
                    byte[] request = make(number, client.NewId(number));
                    sentAt[number] = Stopwatch.GetTimestamp();
                    await client.AddAsync(request, deadline.Token);
                }

                await client.FlushAsync(deadline.Token);
                if (next == count || Stopwatch.GetElapsedTime(began) >= limit)
                {
                    deadline.CancelAfter(Patience); // Nothing more is sent: what is not answered soon never will be.
                }

                if (next > answered && !await client.ReceiveAsync(OnMessage, deadline.Token))
                {
                    break;
                }
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // The deadline: what was answered until then is the result.
        }
        catch (System.Net.WebSockets.WebSocketException) when (StopAfter is not null)
        {
            // The server was killed on purpose.
        }

        latencies.Sort();
        return new WindowResult(answered, wrong, Stopwatch.GetElapsedTime(began, last), [.. latencies]);
    }
}
