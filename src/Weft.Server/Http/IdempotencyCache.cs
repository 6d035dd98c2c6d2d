using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Weft.Primitives;

namespace Weft.Server.Http;

/// <summary>
/// Gives a repeated request the answer it got the first time, so that a client may retry without doing twice.
/// </summary>
internal sealed class IdempotencyCache(int keysMax, TimeProvider time)
{
    private const int KeyLengthMax = 255;
    private const int AnswerBytesMax = 64 << 10;

    private static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(10);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Entry> _entries = [];
    private readonly Queue<Entry> _order = new();

    /// <summary>Runs the handler, or repeats the answer of the same request.</summary>
    /// <exception cref="ApiException">The key was used for another request, or is not usable.</exception>
    internal async Task RunAsync(ApiCall call, string key, Func<ApiCall, Task> handler)
    {
        if (key.Length is 0 or > KeyLengthMax)
        {
            throw new ApiException(WeftError.RequestMalformed, $"Idempotency-Key has 1 to {KeyLengthMax} characters.");
        }

        ReadOnlyMemory<byte> body = await call.ReadBodyAsync();
        call.Request.Body = new MemoryStream(body.ToArray(), writable: false);
        byte[] fingerprint = Fingerprint(call.Request, body.Span);
        key = $"{call.Caller.Id} {key}"; // One caller never gets the answer of another.
        while (true)
        {
            (Entry entry, bool isFirst) = Enter(key, fingerprint);
            if (isFirst)
            {
                await RunFirstAsync(call, entry, handler);
                return;
            }

            if (!CryptographicOperations.FixedTimeEquals(entry.Fingerprint, fingerprint))
            {
                throw new ApiException(
                    WeftError.RequestMalformed, "This Idempotency-Key was used for another request.",
                    StatusCodes.Status422UnprocessableEntity);
            }

            if (await entry.Answer.Task.WaitAsync(call.Aborted) is { } answer)
            {
                await RepeatAsync(call, answer);
                return;
            }

            // The first try failed and left nothing to repeat: this one is the first now.
        }
    }

    private static byte[] Fingerprint(HttpRequest request, ReadOnlySpan<byte> body)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes($"{request.Method} {request.Path}{request.QueryString.Value}\n"));
        hash.AppendData(Encoding.UTF8.GetBytes($"{request.Headers.IfMatch}\n{request.Headers.IfNoneMatch}\n"));
        hash.AppendData(body);
        return hash.GetHashAndReset();
    }

    private static async Task RepeatAsync(ApiCall call, Answer answer)
    {
        call.Response.StatusCode = answer.Status;
        call.Response.ContentType = answer.ContentType;
        call.Response.Headers.CacheControl = "no-store";
        call.Response.Headers["Idempotent-Replay"] = "true";
        if (answer.ETag is not null)
        {
            call.Response.Headers.ETag = answer.ETag;
        }

        await call.Response.Body.WriteAsync(answer.Body, call.Aborted);
    }

    private async Task RunFirstAsync(ApiCall call, Entry entry, Func<ApiCall, Task> handler)
    {
        Stream outer = call.Response.Body;
        using var captured = new MemoryStream();
        call.Response.Body = captured;
        Answer? answer = null;
        try
        {
            await handler(call);
            await call.Response.BodyWriter.FlushAsync(CancellationToken.None);
            answer = new(
                call.Response.StatusCode, call.Response.ContentType, call.Response.Headers.ETag, captured.ToArray());
        }
        finally
        {
            call.Response.Body = outer;
            bool keep = answer is { Body.Length: <= AnswerBytesMax };
            if (!keep)
            {
                Forget(entry);
            }

            entry.Answer.SetResult(keep ? answer : null);
        }

        await outer.WriteAsync(answer.Body, call.Aborted);
    }

    private (Entry Entry, bool IsFirst) Enter(string key, byte[] fingerprint)
    {
        DateTimeOffset now = time.GetUtcNow();
        lock (_gate)
        {
            while (_order.TryPeek(out Entry? oldest) && (oldest.Until <= now || _order.Count >= keysMax))
            {
                _order.Dequeue();
                if (_entries.TryGetValue(oldest.Key, out Entry? held) && ReferenceEquals(held, oldest))
                {
                    _entries.Remove(oldest.Key);
                }
            }

            if (_entries.TryGetValue(key, out Entry? known))
            {
                return (known, false);
            }

            var entry = new Entry(key, fingerprint, now + Lifetime);
            _entries.Add(key, entry);
            _order.Enqueue(entry);
            return (entry, true);
        }
    }

    private void Forget(Entry entry)
    {
        lock (_gate)
        {
            if (_entries.TryGetValue(entry.Key, out Entry? held) && ReferenceEquals(held, entry))
            {
                _entries.Remove(entry.Key);
            }
        }
    }

    private sealed record Answer(int Status, string? ContentType, string? ETag, byte[] Body);

    private sealed record Entry(string Key, byte[] Fingerprint, DateTimeOffset Until)
    {
        public TaskCompletionSource<Answer?> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
