using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Weft.Graph;
using Weft.Node;
using Weft.Primitives;
using Weft.Server.Access;
using ReadResult = System.IO.Pipelines.ReadResult;

namespace Weft.Server.Http;

/// <summary>One request on its way through a handler.</summary>
internal sealed class ApiCall(ApiServer server, HttpContext context, WeftPeer peer, Caller caller)
{
    private static readonly TimeSpan WaitDefault = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan WaitMax = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan PeersWaitDefault = TimeSpan.FromSeconds(5);

    // Who takes less than this for two minutes is gone; until then it only costs its place.
    private static readonly MinDataRate SlowestReader = new(bytesPerSecond: 8, gracePeriod: TimeSpan.FromMinutes(2));

    /// <summary>The server.</summary>
    public ApiServer Server { get; } = server;

    /// <summary>ASP.NET's view of the request.</summary>
    public HttpContext Context { get; } = context;

    /// <summary>The request.</summary>
    public HttpRequest Request => Context.Request;

    /// <summary>The answer.</summary>
    public HttpResponse Response => Context.Response;

    /// <summary>The peer that serves it.</summary>
    public WeftPeer Peer { get; } = peer;

    /// <summary>Who sends it.</summary>
    public Caller Caller { get; } = caller;

    /// <summary>The graph, as far as the caller may touch it.</summary>
    public GraphDoor Graph => new(Peer.Graph, Caller);

    /// <summary>Ends when the client is gone.</summary>
    public CancellationToken Aborted => Context.RequestAborted;

    /// <summary>The query.</summary>
    public QueryValues Query { get; } = QueryValues.Parse(context.Request.QueryString.Value);

    /// <summary>True when the client would rather have one JSON document per line.</summary>
    public bool WantsLines => Accepts("application/x-ndjson");

    /// <summary>The parameter "soul".</summary>
    /// <exception cref="ApiException">It is missing or not valid.</exception>
    public string Soul() => Name("soul", FieldRules.CheckSoul);

    /// <summary>The parameter "name" (or "field").</summary>
    /// <exception cref="ApiException">It is missing or not valid.</exception>
    public string Field() =>
        Name(Query["name"] is null && Query["field"] is not null ? "field" : "name", FieldRules.CheckField);

    /// <summary>How far a read goes, from the parameter "wait".</summary>
    public ReadPolicy Policy() => ReadPolicy.LocalFirst(Query.Duration("wait", WaitDefault, WaitMax));

    /// <summary>How firmly a write is to be held, from the parameter "ack".</summary>
    /// <param name="takesPeers">True where <see cref="PeersAck"/> is asked, too.</param>
    public Durability Ack(bool takesPeers = false) => Query["ack"] switch
    {
        null => Peer.Options.Durability,
        "disk" => Durability.Disk,
        "buffered" => Durability.Buffered,
        "memory" => Durability.Memory,
        string peers when takesPeers && int.TryParse(peers, NumberStyles.None, CultureInfo.InvariantCulture, out _) =>
            Durability.Disk,
        string other => throw new ApiException(
            WeftError.RequestMalformed, $"ack is \"{LogText.Clean(other)}\"; allowed: disk, buffered or memory"
                + (takesPeers ? ", or a number of peers." : ".")),
    };

    /// <summary>
    /// How many peers must hold a write, and how long to wait for them, from the parameters "ack" and "timeout"; null when
    /// ack names a level.
    /// </summary>
    public WriteAck? PeersAck() =>
        int.TryParse(Query["ack"], NumberStyles.None, CultureInfo.InvariantCulture, out _)
            ? new((int)Query.Whole("ack", 1, 1, WriteAck.PeersMax),
                Query.Duration("timeout", PeersWaitDefault, WriteAck.TimeoutMax))
            : null;

    /// <summary>True when the Accept header names a type.</summary>
    public bool Accepts(string type)
    {
        foreach (string? accept in Request.Headers.Accept)
        {
            if (accept is not null && accept.Contains(type, StringComparison.OrdinalIgnoreCase))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>
    /// True when the body says that it is JSON. The types that a page of another site can send without being asked
    /// first (none, text, forms) are not taken, token or not.
    /// </summary>
    public bool IsJson => IsBody("application/json");

    /// <summary>True when the body says that it is bytes and nothing else.</summary>
    public bool IsBytes => IsBody("application/octet-stream");

    /// <summary>True when the body is one JSON document per line.</summary>
    public bool IsLines => IsBody("application/x-ndjson", "application/jsonl");

    /// <summary>
    /// Lets the client read as slowly as it likes, for example through a pager, until it is surely gone.
    /// </summary>
    public void AllowSlowReader()
    {
        if (Context.Features.Get<IHttpMinResponseDataRateFeature>() is { } rate)
        {
            rate.MinDataRate = SlowestReader;
        }
    }

    private bool IsBody(params ReadOnlySpan<string> types)
    {
        ReadOnlySpan<char> type = Request.ContentType;
        int semicolon = type.IndexOf(';');
        type = (semicolon < 0 ? type : type[..semicolon]).Trim();
        foreach (string wanted in types)
        {
            if (type.Equals(wanted, StringComparison.OrdinalIgnoreCase))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Reads the whole body.</summary>
    /// <exception cref="ApiException">TooLarge.</exception>
    public async ValueTask<ReadOnlyMemory<byte>> ReadBodyAsync()
    {
        PipeReader reader = Request.BodyReader;
        int bytesMax = Server.Options.BodyBytesMax;
        while (true)
        {
            ReadResult read = await reader.ReadAsync(Aborted);
            if (read.Buffer.Length > bytesMax)
            {
                reader.AdvanceTo(read.Buffer.End);
                throw new ApiException(WeftError.TooLarge, $"The body has more than {bytesMax} bytes.");
            }

            if (read.IsCompleted)
            {
                // Copied: what is parsed refers to the bytes, and the pipe takes its memory back.
                byte[] body = read.Buffer.ToArray();
                reader.AdvanceTo(read.Buffer.End);
                return body;
            }

            reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }

    /// <summary>Answers with a JSON document.</summary>
    public async Task AnswerAsync(int status, Action<Utf8JsonWriter> write)
    {
        Response.StatusCode = status;
        Response.ContentType = "application/json";
        Response.Headers.CacheControl = "no-store";
        using (var json = new Utf8JsonWriter(Response.BodyWriter, Problem.JsonOptions))
        {
            write(json);
            json.Flush();
        }

        await Response.BodyWriter.FlushAsync(Aborted);
    }

    /// <summary>Answers a write with what became of it.</summary>
    /// <exception cref="ApiException">It was refused.</exception>
    public Task AnswerAsync(in WriteResult result, string? path = null)
    {
        ThrowIfRefused(result, path);
        WriteResult written = result;
        return AnswerAsync(StatusCodes.Status200OK, json =>
        {
            json.WriteStartObject();
            JsonAnswers.WriteResult(json, written);
            json.WriteEndObject();
        });
    }

    /// <summary>Answers a write that peers were to hold, with how far it came.</summary>
    /// <exception cref="ApiException">It was refused.</exception>
    public Task AnswerAsync(AckedWrite acked, string? path = null)
    {
        ThrowIfRefused(acked.Write, path);
        return AnswerAsync(StatusCodes.Status200OK, json =>
        {
            json.WriteStartObject();
            JsonAnswers.WriteResult(json, acked.Write, acked.Peers);
            json.WriteNumber("wanted", acked.Wanted);
            json.WriteBoolean("complete", acked.IsComplete);
            json.WriteNumber("waitedMs", (long)acked.Elapsed.TotalMilliseconds);
            json.WriteEndObject();
        });
    }

    /// <summary>Makes a refusal a problem.</summary>
    public static void ThrowIfRefused(in WriteResult result, string? path = null)
    {
        if (!result.IsAccepted)
        {
            string why = result.Reason is null ? "" : $" Here: {result.Reason}.";
            throw new ApiException(
                result.Error, $"{ErrorCatalogue.Find(result.Error).Cause}{why} Nothing was stored.") { Path = path };
        }
    }

    private string Name(string parameter, Func<string?, WeftError> check)
    {
        string? value = Query[parameter];
        if (value is null)
        {
            throw new ApiException(
                WeftError.RequestMalformed, $"The query lacks \"{parameter}\".") { Path = parameter };
        }

        WeftError error = check(value);
        return error == WeftError.None
            ? value
            : throw new ApiException(error, ErrorCatalogue.Find(error).Cause) { Path = parameter };
    }
}
