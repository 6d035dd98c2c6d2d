using System.CommandLine;
using System.Security.Cryptography;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Http;
using Weft.Cli.Output;
using Weft.Primitives;
using Weft.Storage.Sealing;

namespace Weft.Cli.Commands;

/// <summary>Makes one verified file while the node goes on serving.</summary>
internal static class BackupCommand
{
    private static readonly Argument<string> Target = new("file")
    {
        Description = "Where to; it must not exist.",
        HelpName = "FILE",
    };

    private static readonly Option<bool> Force = new("--force") { Description = "Write over an existing file." };

    private static readonly Option<bool> WithIdentity = new("--with-identity")
    {
        Description = "With the node's key and those of users, sealed. Without it nothing secret is in the file.",
    };

    private static readonly Option<string?> IdentityPassphrase = new("--identity-passphrase-file")
    {
        Description = "File whose first line is the passphrase that seals keys which stand open in a plain store.",
        HelpName = "FILE",
    };

    public static Command Build()
    {
        var command = new WeftCommand("backup", "One file, verified, while the node goes on serving.")
        {
            Examples =
            [
                "weft backup friday.weftbak",
                "weft backup friday.weftbak --with-identity --identity-passphrase-file FILE",
            ],
            Remarks = "The backup of an encrypted store is sealed as a whole, keys included. Whoever restores a backup with "
                + "the identity is this node: do not run both.",
            Resources = ["POST /backups", "GET /backups", "GET /backups/{id}", "DELETE /backups/{id}"],
        };
        command.Arguments.Add(Target);
        command.Options.Add(Force);
        command.Options.Add(WithIdentity);
        command.Options.Add(IdentityPassphrase);
        command.Run(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        string path = Path.GetFullPath(context.Value(Target)!);
        if (File.Exists(path) && !context.Value(Force))
        {
            throw new CliException(WeftError.TargetNotEmpty, $"{path} exists already; nothing was written")
            {
                Try = ["choose another name", "repeat with --force"],
            };
        }

        byte[]? body = Body(context);
        WeftClient client = await context.ConnectAsync(cancellationToken);
        long began = context.Host.Time.GetTimestamp();
        using var progress = new ProgressLine(context.Host, context.Output);
        using JsonDocument made = await ProgressAnswer.ReadAsync(
            client, WeftClient.Path("backups"), body,
            fields => progress.Report("copying", null, $"{Units.Count(fields)} fields"), cancellationToken);
        string id = made.RootElement.Text("id")
            ?? throw new CliException(WeftError.Bug, "the node made a backup without an id");
        long bytes = made.RootElement.Long("bytes");
        try
        {
            await DownloadAsync(client, id, path, bytes, progress, cancellationToken);
        }
        finally
        {
            // The copy in the node's folder has done its duty, also when the download failed.
            using HttpResponseMessage gone = await client.OpenAsync(
                HttpMethod.Delete, WeftClient.Path("backups/" + Uri.EscapeDataString(id)), null, null,
                CancellationToken.None);
        }

        progress.Dispose();
        Print(context, path, made.RootElement, context.Host.Time.GetElapsedTime(began));
        return ExitCode.Done;
    }

    // Null for a backup without keys.
    private static byte[]? Body(CommandContext context)
    {
        string? file = context.Settings.Text(IdentityPassphrase, "identity-passphrase-file");
        if (!context.Value(WithIdentity))
        {
            return context.Value(IdentityPassphrase) is null ? null : throw CliException.Usage(
                "--identity-passphrase-file seals keys, and keys are in a backup only when that is asked for",
                "weft backup FILE --with-identity --identity-passphrase-file FILE");
        }

        byte[] passphrase = file is null ? [] : PassphraseFile.Read(file);
        try
        {
            return JsonBuild.Object(writer =>
            {
                writer.WriteBoolean("withIdentity", true);
                if (passphrase.Length > 0)
                {
                    writer.WriteString("passphrase", passphrase);
                }
            });
        }
        catch (ArgumentException wrong)
        {
            throw new CliException(WeftError.KeySealed, $"the passphrase in {file} is no UTF-8 text", wrong);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(passphrase);
        }
    }

    private static async Task DownloadAsync(
        WeftClient client, string id, string path, long bytes, ProgressLine progress,
        CancellationToken cancellationToken)
    {
        string draft = path + ".part";
        using HttpResponseMessage answer = await client.OpenAsync(
            HttpMethod.Get, WeftClient.Path("backups/" + Uri.EscapeDataString(id)), null, null, cancellationToken);
        File.Delete(draft);
        var creation = new FileStreamOptions
        {
            Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.None, BufferSize = 256 * 1024,
            Options = FileOptions.Asynchronous,
        };
        if (!OperatingSystem.IsWindows())
        {
            creation.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite; // All that the node knows is in it.
        }

        await using (Stream body = await answer.Content.ReadAsStreamAsync(cancellationToken))
        await using (var file = new FileStream(draft, creation))
        {
            byte[] buffer = new byte[256 * 1024];
            long done = 0;
            int read;
            while ((read = await body.ReadAsync(buffer, cancellationToken)) > 0)
            {
                await file.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
                done += read;
                progress.Report("saving", bytes > 0 ? done / (double)bytes : null, Units.Size(done));
            }

            if (bytes > 0 && done != bytes)
            {
                throw new CliException(
                    WeftError.NodeUnreachable, $"only {done} of {bytes} bytes of the backup arrived");
            }

            file.Flush(flushToDisk: true);
        }

        File.Move(draft, path, overwrite: true);
    }

    private static void Print(CommandContext context, string path, JsonElement made, TimeSpan elapsed)
    {
        if (context.Output.IsJson)
        {
            context.Output.Json(writer =>
            {
                writer.WriteStartObject();
                writer.WriteString("file", path);
                writer.WriteNumber("bytes", made.Long("bytes"));
                writer.WriteNumber("fields", made.Long("fields"));
                writer.WriteNumber("sequence", made.Long("sequence"));
                writer.WriteNumber("seconds", Math.Round(elapsed.TotalSeconds, 3));
                writer.WriteEndObject();
            });
            return;
        }

        context.Output.Cells(
            Path.GetFileName(path), Units.Size(made.Number("bytes")), $"{Units.Count(made.Long("fields"))} fields",
            $"up to commit {made.Long("sequence")}", Units.Duration(elapsed));
    }
}
