using System.CommandLine;
using System.Globalization;
using System.Net;
using Weft.Cli.App;
using Weft.Cli.Http;
using Weft.Cli.Output;
using Weft.Primitives;
using Weft.Protocols.Blobs;

namespace Weft.Cli.Commands;

/// <summary>Reads a blob, and computes its id once more on the way.</summary>
internal static class BlobGetCommand
{
    private static readonly Option<string?> Out = new("--out", "-o")
    {
        Description = "Where to; nothing for stdout. What an earlier try left in FILE.part is not fetched again.",
        HelpName = "FILE",
    };

    private static readonly Option<string?> Range = new("--range")
    {
        Description = "Bytes FROM-TO only, both included, such as 0-99; either may be left out.",
        HelpName = "FROM-TO",
    };

    private static readonly Option<string?> Wait = new("--wait")
    {
        Description = "How long to look for it among peers when it is not here, such as 30s.",
        HelpName = "TIME",
    };

    public static Command Build()
    {
        var get = new WeftCommand("get", "Read a blob, from peers when it is not here.")
        {
            Examples =
            [
                "weft blob get ID --out photo.jpg", "weft blob get ID --wait 1m > photo.jpg",
                "weft blob get ID --range 0-1023",
            ],
            Resources = ["GET /blobs/{id}"],
        };
        get.Arguments.Add(BlobCommand.Blob);
        get.Options.Add(Out);
        get.Options.Add(Range);
        get.Options.Add(Wait);
        get.Run(RunAsync);
        return get;
    }

    private static async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        string id = BlobCommand.Id(context);
        string? range = context.Value(Range);
        WeftClient client = await context.ConnectAsync(cancellationToken);
        using var progress = new ProgressLine(context.Host, context.Output);
        if (context.Value(Out) is not { } path)
        {
            using HttpResponseMessage answer = await OpenAsync(context, client, id, range, cancellationToken);
            await CopyAsync(context, answer, context.Output.Bytes, progress, 0, new(id, range), cancellationToken);
            await context.Output.Bytes.FlushAsync(cancellationToken);
            return ExitCode.Done;
        }

        string part = path + ".part";
        if (range is not null)
        {
            File.Delete(part);
        }

        await using (var file = new FileStream(part, FileMode.OpenOrCreate, FileAccess.ReadWrite))
        {
            var check = new Check(id, range);
            await check.AppendAsync(file, cancellationToken);
            using HttpResponseMessage answer = await OpenAsync(
                context, client, id, file.Length > 0 ? $"{file.Length}-" : range, cancellationToken);
            long from = file.Length;
            if (range is null && answer.StatusCode != HttpStatusCode.PartialContent)
            {
                check = new Check(id, range); // All of it comes again.
                file.SetLength(0);
                from = 0;
            }

            await CopyAsync(context, answer, file, progress, from, check, cancellationToken);
            file.Flush(flushToDisk: true);
        }

        File.Move(part, path, overwrite: true);
        progress.Dispose();
        context.Output.Done("file", path, Units.Size(new FileInfo(path).Length));
        return ExitCode.Done;
    }

    private static Task<HttpResponseMessage> OpenAsync(
        CommandContext context, WeftClient client, string id, string? range, CancellationToken cancellationToken)
    {
        string resource = WeftClient.Path($"blobs/{id}", ("wait", BlobCommand.Time(context, Wait)));
        return range is null
            ? client.OpenAsync(HttpMethod.Get, resource, null, null, cancellationToken)
            : client.OpenAsync(
                HttpMethod.Get, resource, null, null, cancellationToken, ("Range", "bytes=" + Checked(range)));
    }

    private static string Checked(string range)
    {
        string[] ends = range.Split('-');
        bool isRange = ends.Length == 2 && ends.Any(end => end.Length > 0)
            && ends.All(end => end.Length == 0 || long.TryParse(end, NumberStyles.None, CultureInfo.InvariantCulture, out _));
        return isRange ? range : throw CliException.Usage($"'{range}' is no range such as 0-99, 100- or -100");
    }

    private static async Task CopyAsync(
        CommandContext context, HttpResponseMessage answer, Stream target, ProgressLine progress, long from,
        Check check, CancellationToken cancellationToken)
    {
        long? length = answer.Content.Headers.ContentLength;
        byte[] buffer = new byte[128 << 10];
        long got = 0;
        try
        {
            await using Stream body = await answer.Content.ReadAsStreamAsync(cancellationToken);
            int read;
            while ((read = await body.ReadAsync(buffer, cancellationToken)) > 0)
            {
                check.Append(buffer.AsSpan(0, read));
                await target.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
                got += read;
                progress.Report(
                    "getting", length is > 0 ? (from + got) / (double)(from + length.Value) : null,
                    Units.Size(from + got));
            }
        }
        catch (Exception cut) when (cut is IOException or HttpRequestException
            && !cancellationToken.IsCancellationRequested)
        {
            throw new CliException(
                WeftError.BlobUnknown, $"the blob ended after {from + got} bytes; the node could not get the rest", cut)
            {
                Try = [$"weft blob get {BlobCommand.Id(context)} --out FILE --wait 1m        goes on from there"],
            };
        }

        progress.Dispose();
        check.Finish();
    }

    /// <summary>Compares what came with the id, when all of it came.</summary>
    private sealed class Check(string id, string? range)
    {
        private readonly BlobNamer? _namer = range is null ? new BlobNamer(Crypto.PlatformCrypto.Create()) : null;

        public void Append(ReadOnlySpan<byte> bytes) => _namer?.Append(bytes);

        public async Task AppendAsync(Stream file, CancellationToken cancellationToken)
        {
            byte[] buffer = new byte[128 << 10];
            int read;
            while ((read = await file.ReadAsync(buffer, cancellationToken)) > 0)
            {
                Append(buffer.AsSpan(0, read));
            }
        }

        public void Finish()
        {
            if (_namer is not null && _namer.Finish().ToString() is { } found && found != id)
            {
                throw new CliException(
                    WeftError.BlobMismatch, $"what came has the id {found}, not {id}; do not use it");
            }
        }
    }
}
