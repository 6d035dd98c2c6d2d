using System.Buffers;
using System.IO.Pipelines;
using Weft.Graph;
using Weft.Graph.Access;
using Weft.Node;
using Weft.Primitives;
using Weft.Server.Http;

namespace Weft.Server.Api;

/// <summary>
/// Export: every node as a line of JSON, tombstones and proofs included, in the order of souls; but the system's souls
/// come
/// first, because an import judges the rest by the policies and rotations in them.
/// </summary>
internal static class ExportApi
{
    private const int SoulsPerPage = 512;
    private const int FieldsPerLine = 10_000;
    private const long BytesPerLine = 4 << 20;
    private const int FlushBytes = 128 << 10;

    internal static async Task GetAsync(ApiCall call)
    {
        string? after = Soul(call, "after");
        string? from = after is null ? Soul(call, "from") : after + "\0";
        string? prefix = call.Query["prefix"];
        bool isWhole = string.IsNullOrEmpty(prefix) && from is null;
        call.Response.ContentType = "application/x-ndjson";
        call.Response.Headers.CacheControl = "no-store";
        call.AllowSlowReader();
        PipeWriter writer = call.Response.BodyWriter;
        if (isWhole)
        {
            await WriteRangeAsync(call, writer, Ownership.SystemPrefix, null, isRest: false);
        }

        await WriteRangeAsync(call, writer, prefix, from, isRest: isWhole);
        await writer.FlushAsync(call.Aborted);
    }

    private static async Task WriteRangeAsync(
        ApiCall call, PipeWriter writer, string? prefix, string? from, bool isRest)
    {
        while (true)
        {
            IReadOnlyList<string> souls = await call.Graph.ListAsync(
                new LexRange(Prefix: prefix, From: from), SoulsPerPage, call.Aborted);
            foreach (string soul in souls)
            {
                if (!isRest || !soul.StartsWith(Ownership.SystemPrefix, StringComparison.Ordinal))
                {
                    await WriteNodeAsync(call, writer, soul);
                }
            }

            if (souls.Count < SoulsPerPage)
            {
                break;
            }

            from = souls[^1] + "\0";
        }
    }

    private static async ValueTask WriteNodeAsync(ApiCall call, PipeWriter writer, string soul)
    {
        string? from = null;
        while (true)
        {
            NodeResult page;
            try
            {
                page = await call.Graph.ReadNodeAsync(
                    soul, new LexRange(From: from), FieldsPerLine, BytesPerLine, ReadPolicy.Local, call.Aborted);
            }
            catch (WeftException damage) when (damage.Error == WeftError.FileDamaged)
            {
                WriteDamaged(writer, soul); // One bad page of the disk must not keep the rest from being saved.
                return;
            }

            if (page.Fields.Count == 0)
            {
                return;
            }

            // What a policy took back was never there.
            StoredField[] fields = [.. page.Fields.Where(field => field.State != Ham.DroppedState)];
            if (fields.Length > 0 || page.More)
            {
                WriteLine(writer, soul, fields, page.More);
            }

            if (writer.UnflushedBytes >= FlushBytes)
            {
                await writer.FlushAsync(call.Aborted); // Waits for a slow client, so the export never piles up here.
                call.Aborted.ThrowIfCancellationRequested();
            }

            if (!page.More)
            {
                return;
            }

            from = page.Fields[^1].Field + "\0";
        }
    }

    private static void WriteLine(IBufferWriter<byte> writer, string soul, IReadOnlyList<StoredField> fields, bool more)
    {
        writer.Write("{\"soul\":"u8);
        JsonText.WriteQuoted(writer, soul);
        writer.Write(",\"fields\":{"u8);
        for (int i = 0; i < fields.Count; i++)
        {
            WriteName(writer, i, fields[i].Field);
            writer.Write(fields[i].Value.Json);
        }

        writer.Write("},\"states\":{"u8);
        Span<byte> state = stackalloc byte[32];
        for (int i = 0; i < fields.Count; i++)
        {
            WriteName(writer, i, fields[i].Field);
            writer.Write(state[..JsonText.FormatNumber(fields[i].State, state)]);
        }

        writer.Write("}"u8);
        int proofs = 0;
        foreach (StoredField field in fields)
        {
            if (ProofText.Has(field.Extras))
            {
                writer.Write(proofs == 0 ? ",\"proof\":{"u8 : ""u8);
                WriteName(writer, proofs++, field.Field);
                writer.Write("\""u8);
                writer.Write(ProofText.Format(field.Extras!));
                writer.Write("\""u8);
            }
        }

        writer.Write(proofs > 0 ? "}"u8 : ""u8);
        writer.Write(more ? ",\"more\":true}\n"u8 : "}\n"u8);
    }

    private static void WriteDamaged(IBufferWriter<byte> writer, string soul)
    {
        writer.Write("{\"soul\":"u8);
        JsonText.WriteQuoted(writer, soul);
        writer.Write(",\"fields\":{},\"damaged\":true}\n"u8);
    }

    private static void WriteName(IBufferWriter<byte> writer, int index, string name)
    {
        if (index > 0)
        {
            writer.Write(","u8);
        }

        JsonText.WriteQuoted(writer, name);
        writer.Write(":"u8);
    }

    private static string? Soul(ApiCall call, string parameter)
    {
        string? soul = call.Query[parameter];
        WeftError error = soul is null ? WeftError.None : FieldRules.CheckSoul(soul);
        return error == WeftError.None
            ? soul
            : throw new ApiException(error, ErrorCatalogue.Find(error).Cause) { Path = parameter };
    }
}
