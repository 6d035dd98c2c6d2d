using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Weft.Log;
using Weft.Node.Logs;
using Weft.Primitives;
using Weft.Server.Http;

namespace Weft.Server.Api;

/// <summary>Appending to a log: one block as JSON, or any number as lines.</summary>
internal static class LogAppendApi
{
    private const int BatchBlocks = 1_000;
    private const long BatchBytes = 1 << 20;
    private const int LineBytesMax = ((LogLimits.BlockBytesMax / 3) * 4) + 1_024; // A largest block as base64.

    internal static async Task PostAsync(ApiCall call)
    {
        SignedLog log = await LogApi.FindAsync(call);
        Durability ack = call.Ack();
        var batch = new Batch(log, ack, call.Aborted);
        if (call.IsLines)
        {
            await ReadLinesAsync(call, batch);
        }
        else
        {
            ReadOnlyMemory<byte> body = await call.ReadBodyAsync();
            await batch.AddAsync(Block(body.Span, line: 0));
        }

        await batch.FlushAsync();
        LogInfo info = await log.InfoAsync(call.Aborted);
        await call.AnswerAsync(StatusCodes.Status200OK, json =>
        {
            json.WriteStartObject();
            json.WriteNumber("index", batch.First);
            json.WriteNumber("count", batch.Count);
            json.WriteNumber("length", info.Length);
            json.WriteNumber("fork", info.Fork);
            json.WriteString("durable", JsonAnswers.Name(ack));
            json.WriteEndObject();
        });
    }

    private static async Task ReadLinesAsync(ApiCall call, Batch batch)
    {
        // Of any length, and as slow as its source, as an import is.
        if (call.Context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = null;
        }

        if (call.Context.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } rate)
        {
            rate.MinDataRate = null;
        }

        PipeReader reader = call.Request.BodyReader;
        long line = 0;
        while (true)
        {
            if (!reader.TryRead(out ReadResult read))
            {
                await batch.FlushAsync(); // Nothing more has come: what is here does not wait for it.
                read = await reader.ReadAsync(call.Aborted);
            }

            ReadOnlySequence<byte> rest = read.Buffer;
            while (rest.PositionOf((byte)'\n') is SequencePosition end)
            {
                await batch.AddLineAsync(rest.Slice(0, end), ++line);
                rest = rest.Slice(rest.GetPosition(1, end));
            }

            if (rest.Length > LineBytesMax)
            {
                throw new ApiException(WeftError.TooLarge, $"A line has more than {LineBytesMax} bytes.")
                {
                    Line = line + 1,
                };
            }

            if (read.IsCompleted)
            {
                await batch.AddLineAsync(rest, ++line);
                reader.AdvanceTo(read.Buffer.End);
                return;
            }

            reader.AdvanceTo(rest.Start, rest.End);
        }
    }

    /// <summary>A block: a JSON text, or {"text":…}, or {"base64":…}.</summary>
    private static byte[] Block(ReadOnlySpan<byte> json, long line)
    {
        JsonBody.ThrowIfNoUtf8(json);
        try
        {
            var reader = new Utf8JsonReader(json, JsonBody.Options);
            reader.Read();
            byte[]? block = null;
            if (reader.TokenType == JsonTokenType.String)
            {
                block = System.Text.Encoding.UTF8.GetBytes(reader.GetString()!);
            }
            else if (reader.TokenType == JsonTokenType.StartObject && reader.Read()
                && reader.TokenType == JsonTokenType.PropertyName)
            {
                bool isText = reader.ValueTextEquals("text"u8);
                bool isBase64 = reader.ValueTextEquals("base64"u8);
                reader.Read();
                if (reader.TokenType == JsonTokenType.String && (isText || isBase64))
                {
                    block = isText ? System.Text.Encoding.UTF8.GetBytes(reader.GetString()!)
                        : reader.TryGetBytesFromBase64(out byte[]? bytes) ? bytes
                        : null;
                }

                block = reader.Read() && reader.TokenType == JsonTokenType.EndObject ? block : null;
            }

            bool isWhole = !reader.Read();
            return block is not null && isWhole
                ? block
                : throw new ApiException(
                    WeftError.RequestMalformed, "A block is a text, {\"text\":\"…\"} or {\"base64\":\"…\"}.")
                    { Line = line };
        }
        catch (JsonException broken)
        {
            throw JsonBody.Malformed(broken);
        }
        catch (InvalidOperationException)
        {
            throw new ApiException(WeftError.RequestMalformed, "A text in the body is not well-formed.")
            {
                Line = line,
            };
        }
    }

    /// <summary>Gathers blocks, so that a thousand lines take one signature and not a thousand.</summary>
    private sealed class Batch(SignedLog log, Durability ack, CancellationToken cancellationToken)
    {
        private readonly List<ReadOnlyMemory<byte>> _blocks = [];
        private long _bytes;

        public long First { get; private set; } = -1;

        public long Count { get; private set; }

        public ValueTask AddLineAsync(in ReadOnlySequence<byte> line, long number)
        {
            byte[] bytes = line.ToArray();
            ReadOnlySpan<byte> text = bytes.AsSpan().Trim(" \t\r"u8);
            return text.IsEmpty ? ValueTask.CompletedTask : AddAsync(Block(text, number));
        }

        public async ValueTask AddAsync(byte[] block)
        {
            _blocks.Add(block);
            _bytes += block.Length;
            if (_blocks.Count >= BatchBlocks || _bytes >= BatchBytes)
            {
                await FlushAsync();
            }
        }

        public async ValueTask FlushAsync()
        {
            if (_blocks.Count == 0)
            {
                return;
            }

            LogPosition at = await log.AppendAsync([.. _blocks], ack, cancellationToken);
            First = First < 0 ? at.Index : First;
            Count += at.Count;
            _blocks.Clear();
            _bytes = 0;
        }
    }
}
