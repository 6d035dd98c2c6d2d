using System.CommandLine;
using System.Globalization;
using Weft.Cli.App;
using Weft.Cli.Output;
using Weft.Crypto;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Storage;
using Weft.Storage.Sealing;

namespace Weft.Cli.Commands;

/// <summary>Makes a data folder from a backup, and reads it back.</summary>
internal static class RestoreCommand
{
    private static readonly Argument<string> Source = new("file")
    {
        Description = "What weft backup wrote.",
        HelpName = "FILE",
    };

    private static readonly Option<bool> DryRun = new("--dry-run") { Description = "Say what would be written." };

    private static readonly Option<bool> WithoutIdentity = new("--without-identity")
    {
        Description = "Leave the keys out that the backup may hold: for a drill beside the node that still runs.",
    };

    public static Command Build()
    {
        var command = new WeftCommand(
            "restore", "Make a data folder from a backup; refuses a folder that is not empty.")
        {
            Examples =
            [
                "weft restore friday.weftbak --data ./drill", "weft restore friday.weftbak --data ./drill --dry-run",
            ],
            Remarks = "The folder must be named with --data. Keys that the backup holds (weft backup --with-identity) are put "
                + "back, readable by their owner only; without them the first start makes a new identity. The token is not part of a backup: the first start makes "
                + "a new one. The backup of an encrypted store opens with the key that the store had then.",
        };
        command.Arguments.Add(Source);
        command.Options.Add(DryRun);
        command.Options.Add(WithoutIdentity);
        command.Options.Add(StoreKeyOptions.PassphraseFile);
        command.Options.Add(StoreKeyOptions.KeyFile);
        command.Run(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        string file = Path.GetFullPath(context.Value(Source)!);
        if (context.Value(GlobalOptions.Data) is null)
        {
            throw CliException.Usage("name the folder to restore into", "weft restore FILE --data DIR");
        }

        if (!File.Exists(file))
        {
            throw CliException.Usage($"there is no file {file}");
        }

        string folder = context.Settings.DataFolder;
        if (context.Value(DryRun))
        {
            return Describe(context, file, folder);
        }

        using StoreSecret? secret = StoreKeyOptions.ForExisting(context, file);
        long size = new FileInfo(file).Length;
        using var line = new ProgressLine(context.Host, context.Output);
        var progress = new Told(line, size);
        BackupReport report = await StorageEngine.RestoreAsync(
            file, folder, StoreKeyOptions.Encryption(secret), progress, cancellationToken);
        line.Dispose();
        IReadOnlyList<string> keys = context.Value(WithoutIdentity)
            ? []
            : new IdentityFolder(folder, PlatformCrypto.Create()).Unpack(report.Files);
        if (context.Output.IsJson)
        {
            context.Output.Json(writer =>
            {
                writer.WriteStartObject();
                writer.WriteString("folder", folder);
                writer.WriteNumber("fields", report.Fields);
                writer.WriteNumber("bytes", report.Bytes);
                writer.WriteNumber("sequence", report.Sequence);
                JsonBuild.Texts(writer, "keys", keys);
                writer.WriteNumber("seconds", Math.Round(report.Duration.TotalSeconds, 3));
                writer.WriteEndObject();
            });
        }
        else
        {
            context.Output.Cells(
                folder, $"{Units.Count(report.Fields)} fields", Units.Size(report.Bytes),
                $"up to commit {report.Sequence}", Units.Duration(report.Duration));
            context.Output.Note(
                keys.Count > 0 ? $"keys put back: {string.Join(", ", keys)}; what seals them is what sealed them in the backup"
                : report.Files.Count > 0 ? "keys NOT put back; the first start makes a new identity"
                : "no identity in the backup; the first start makes a new one");
            context.Output.Note($"every field was read back; start it with: weft up --data {folder}");
        }

        return ExitCode.Done;
    }

    private static int Describe(CommandContext context, string file, string folder)
    {
        if (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any())
        {
            throw new CliException(WeftError.TargetNotEmpty, $"{folder} is not empty; a restore would be refused");
        }

        string? parent = folder;
        while (parent is not null && !Directory.Exists(parent))
        {
            parent = Path.GetDirectoryName(parent);
        }

        long size = new FileInfo(file).Length;
        long free = new DriveInfo(parent ?? "/").AvailableFreeSpace;
        if (context.Output.IsJson)
        {
            context.Output.Json(writer =>
            {
                writer.WriteStartObject();
                writer.WriteString("folder", folder);
                writer.WriteNumber("bytes", size);
                writer.WriteNumber("free", free);
                writer.WriteEndObject();
            });
        }
        else
        {
            context.Output.Line(
                PlainText.OneLine($"would write {Units.Size(size)} to {folder} ({Units.Size(free)} free)"));
        }

        return size < free
            ? ExitCode.Done
            : throw new CliException(
                WeftError.DiskFull,
                string.Create(CultureInfo.InvariantCulture, $"{size} bytes are needed and {free} are free"));
    }

    private sealed class Told(ProgressLine line, long size) : IProgress<long>
    {
        // Each byte is written once and read once.
        public void Report(long value) =>
            line.Report("restoring", size > 0 ? Math.Min(1, value / (2d * size)) : null, Units.Size(value));
    }
}
