using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Server.Http;
using Weft.Storage.Sealing;

namespace Weft.Server.Api;

/// <summary>
/// The resource /backups: verified copies in a folder of the node. A client never names a path: it gets an id,
/// downloads the file and deletes it.
/// </summary>
internal static class BackupApi
{
    private const int KeptMax = 4;
    private const string Extension = ".weftbak";

    internal static async Task PostAsync(ApiCall call)
    {
        string folder = Folder(call);
        byte[]? passphrase = await ReadPassphraseAsync(call);
        try
        {
            await PostAsync(call, folder, passphrase);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(passphrase);
        }
    }

    private static async Task PostAsync(ApiCall call, string folder, byte[]? passphrase)
    {
        Directory.CreateDirectory(folder);
        if (Files(folder).Count >= KeptMax)
        {
            throw new ApiException(
                WeftError.TooManyRequests,
                $"{KeptMax} copies are kept here; download and delete one first (DELETE /api/v1/backups/ID).");
        }

        string id = call.Server.Time.GetUtcNow().ToString("yyyyMMdd-HHmmss-", CultureInfo.InvariantCulture)
            + RandomNumberGenerator.GetHexString(8, lowercase: true);
        string partial = Path.Combine(folder, id + ".partial");
        await ProgressAnswer.RunAsync(
            call,
            StatusCodes.Status201Created,
            progress => MakeAsync(call, passphrase, progress, partial, Path.Combine(folder, id + Extension)),
            (json, report) =>
            {
                json.WriteString("id", id);
                json.WriteNumber("bytes", report.Bytes);
                json.WriteNumber("fields", report.Fields);
                json.WriteNumber("sequence", report.Sequence);
                json.WriteNumber("durationMs", (long)report.Duration.TotalMilliseconds);
            });
    }

    internal static Task ListAsync(ApiCall call)
    {
        IReadOnlyList<FileInfo> files = Files(Folder(call));
        return call.AnswerAsync(StatusCodes.Status200OK, json =>
        {
            json.WriteStartObject();
            json.WriteStartArray("items");
            foreach (FileInfo file in files)
            {
                json.WriteStartObject();
                json.WriteString("id", Path.GetFileNameWithoutExtension(file.Name));
                json.WriteNumber("bytes", file.Length);
                json.WriteString("at", JsonAnswers.Time(file.LastWriteTimeUtc));
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        });
    }

    internal static async Task GetAsync(ApiCall call)
    {
        FileInfo file = Find(call);
        await TypedResults.PhysicalFile(
            file.FullName, "application/octet-stream", file.Name, enableRangeProcessing: true)
            .ExecuteAsync(call.Context);
    }

    internal static Task DeleteAsync(ApiCall call)
    {
        Find(call).Delete();
        call.Response.StatusCode = StatusCodes.Status204NoContent;
        return Task.CompletedTask;
    }

    private static async Task<BackupReport> MakeAsync(
        ApiCall call, byte[]? passphrase, IProgress<long>? progress, string partial, string path)
    {
        try
        {
            BackupReport report = passphrase is null
                ? await call.Peer.Node.Store.BackupAsync(partial, progress, call.Aborted)
                : await call.Peer.BackupWithKeysAsync(partial, passphrase, progress, call.Aborted);
            File.Move(partial, path);
            return report;
        }
        finally
        {
            File.Delete(partial);
        }
    }

    // Null for a backup without keys; no body asks for one.
    private static async Task<byte[]?> ReadPassphraseAsync(ApiCall call)
    {
        if (call.Request.ContentLength is null or 0 && call.Request.ContentType is null)
        {
            return null;
        }

        if (!call.IsJson)
        {
            throw new ApiException(
                WeftError.RequestMalformed, "This resource takes application/json, or no body.",
                StatusCodes.Status415UnsupportedMediaType);
        }

        using BodyMembers body = await BodyMembers.ReadAsync(call, "withIdentity", "passphrase");
        string passphrase = body.Text("passphrase", PassphraseFile.BytesMax) ?? "";
        if (!body.Flag("withIdentity"))
        {
            return passphrase.Length == 0 ? null : throw body.Refused(
                "\"passphrase\" seals keys; ask for them with \"withIdentity\".", "passphrase");
        }

        // The token goes the same way; but a passphrase may open more than this node.
        if (passphrase.Length > 0 && !call.Request.IsHttps
            && call.Context.Connection.RemoteIpAddress is { } from && !IPAddress.IsLoopback(from))
        {
            throw body.Refused("A passphrase is taken from this machine or over https only.", "passphrase");
        }

        return Encoding.UTF8.GetBytes(passphrase);
    }

    private static string Folder(ApiCall call) => call.Peer.Options.Store == WeftStoreKind.Engine
        ? Path.Combine(Path.GetFullPath(call.Peer.Options.Path), "backups")
        : throw new ApiException(
            WeftError.FolderUnusable,
            "This node keeps its graph in memory; there are no files to copy. Use the export.");

    // Compared with the names that are there, so that nothing in the id can lead out of the folder.
    private static FileInfo Find(ApiCall call)
    {
        string? id = call.Request.RouteValues["id"] as string;
        return Files(Folder(call)).FirstOrDefault(file => Path.GetFileNameWithoutExtension(file.Name) == id)
            ?? throw new ApiException(WeftError.Absent, $"There is no copy \"{LogText.Clean(id)}\".");
    }

    private static IReadOnlyList<FileInfo> Files(string folder) => Directory.Exists(folder)
        ? [.. new DirectoryInfo(folder).GetFiles("*" + Extension).OrderBy(file => file.Name, StringComparer.Ordinal)]
        : [];
}
