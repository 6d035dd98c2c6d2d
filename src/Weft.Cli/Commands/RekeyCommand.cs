using System.CommandLine;
using System.Security.Cryptography;
using Weft.Cli.App;
using Weft.Primitives;
using Weft.Storage;
using Weft.Storage.Sealing;

namespace Weft.Cli.Commands;

/// <summary>Gives an encrypted store another passphrase or key file.</summary>
internal static class RekeyCommand
{
    private static readonly Option<string?> NewPassphraseFile = new("--new-passphrase-file")
    {
        Description = "File whose first line is the new passphrase.",
        HelpName = "FILE",
    };

    private static readonly Option<string?> NewKeyFile = new("--new-key-file")
    {
        Description = "File with the new key: 32 bytes, raw or base64.",
        HelpName = "FILE",
    };

    public static Command Build()
    {
        var command = new WeftCommand("rekey", "Give an encrypted store another passphrase or key file.")
        {
            Examples =
            [
                "weft rekey --data ./data", "weft rekey --data ./data --passphrase-file old --new-key-file weft.key",
            ],
            Remarks = "The node must not run. Keys that the old one sealed are sealed with the new one. The data is not "
                + "encrypted again: its key is wrapped anew. So the old "
                + "passphrase still opens backups, and copies of the file \"keys\", of before; when it is in wrong "
                + "hands, move the data into a new store.",
        };
        command.Options.Add(StoreKeyOptions.PassphraseFile);
        command.Options.Add(StoreKeyOptions.KeyFile);
        command.Options.Add(NewPassphraseFile);
        command.Options.Add(NewKeyFile);
        command.Run(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        string folder = context.Settings.DataFolder;
        if (StorageEngine.ReadKeyKind(folder) == StoreKeyKind.None)
        {
            throw new CliException(WeftError.StoreNotEncrypted, $"{folder} holds no encrypted store");
        }

        using StoreSecret old = StoreKeyOptions.ForExisting(context, folder)
            ?? throw CliException.Usage(
                "the key of the store is needed, and nobody can type it here",
                "weft rekey --passphrase-file FILE", "weft rekey --key-file FILE");
        using StoreSecret fresh = ReadNew(context);
        int keys = await ChangeAsync(context, folder, old, fresh, cancellationToken);
        string kind = fresh.IsPassphrase ? "passphrase" : "key file";
        context.Output.Note($"{folder} opens with the new {kind} from now on, and {keys} keys in it");
        return ExitCode.Done;
    }

    private static async Task<int> ChangeAsync(
        CommandContext context, string folder, StoreSecret old, StoreSecret fresh, CancellationToken cancellationToken)
    {
        // Copies that the new one opens first, then the store, then the copies in their place: wherever this is broken
        // off, whatever opens the store opens its keys.
        IdentityFolder identities = IdKeys.Folder(context);
        byte[] before = old.ToPassphrase();
        byte[] after = fresh.ToPassphrase();
        try
        {
            int keys = identities.PrepareReseal(before, after);
            await StorageEngine.ChangeKeyAsync(folder, StoreKeyOptions.Encryption(old)!, fresh, cancellationToken);
            identities.FinishReseal();
            return keys;
        }
        catch (WeftException unchanged) when (unchanged.Error is WeftError.FolderLocked or WeftError.StoreKeyWrong)
        {
            identities.DropResealed();
            throw;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(before);
            CryptographicOperations.ZeroMemory(after);
        }
    }

    private static StoreSecret ReadNew(CommandContext context) =>
        (context.Value(NewPassphraseFile), context.Value(NewKeyFile)) switch
        {
            ({ }, { }) => throw CliException.Usage("name a new passphrase file or a new key file, not both"),
            ({ } passphrase, null) => StoreSecret.ReadPassphraseFile(passphrase),
            (null, { } key) => StoreSecret.ReadKeyFile(key),
            _ when SecretPrompt.CanAsk(context) => StoreKeyOptions.AskForNew(context),
            _ => throw CliException.Usage(
                "the new key is needed, and nobody can type it here",
                "weft rekey --new-passphrase-file FILE", "weft rekey --new-key-file FILE"),
        };
}
