using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Http;
using Weft.Cli.Output;
using Weft.Log;
using Weft.Primitives;

namespace Weft.Cli.Commands;

/// <summary>Signed logs: lists, makes, checks and changes them.</summary>
internal static class LogCommand
{
    /// <summary>The log a command is about.</summary>
    internal static readonly Argument<string> Log = new("log")
    {
        Description = "The log's name on this node, or its key.",
        HelpName = "LOG",
    };

    private static readonly Argument<string> Name = new("name")
    {
        Description = "1 to 64 characters; this node's own name for the log.",
        HelpName = "NAME",
    };

    private static readonly Option<bool> Encrypt = new("--encrypt")
    {
        Description = "Encrypt its blocks; peers without the secret keep and serve it, but cannot read it.",
    };

    private static readonly Option<string?> SecretFile = new("--secret-file")
    {
        Description = "File with the 64 hexadecimal digits that open an encrypted log.",
        HelpName = "FILE",
    };

    private static readonly Option<string?> Proof = new("--proof")
    {
        Description = "Check this proof of one block with the log's key alone; no node is asked.",
        HelpName = "FILE",
    };

    private static readonly Option<long> Length = new("--length")
    {
        Description = "How many blocks stay.",
        HelpName = "N",
        Required = true,
    };

    private static readonly Option<long> ArchiveTo = new("--to")
    {
        Description = "The first block that stays where it is.",
        HelpName = "N",
        Required = true,
    };

    private static readonly Option<long> ClearFrom = new("--from") { Description = "The first block.", HelpName = "N" };

    private static readonly Option<long> ClearTo = new("--to")
    {
        Description = "The block after the last.",
        HelpName = "N",
        Required = true,
    };

    public static Command Build()
    {
        var command = new WeftCommand("log", "Signed logs: append, read, follow, verify, serve and pull.")
        {
            Examples = ["weft log new audit", "weft log append audit \"door opened\"", "weft log follow audit"],
            Remarks = "A log is a list of blocks that one key signs; whoever has the log's key can verify every block.",
        };
        foreach (Command sub in (Command[])
            [
                List(), New(), .. LogDataCommand.Build(), Verify(), .. LogNetCommand.Build(), Truncate(), Clear(),
                Archive(), Recover(),
            ])
        {
            command.Subcommands.Add(sub);
        }

        command.Run(ListAsync);
        return command;
    }

    /// <summary>Prints a log that was changed or made.</summary>
    internal static void Print(CommandContext context, JsonElement log)
    {
        if (context.Output.IsJson)
        {
            context.Output.Json(log);
            return;
        }

        context.Output.Cells(
            log.Text("name") ?? "–", log.Text("key") ?? "", $"{Units.Count(log.Long("length"))} blocks",
            StateOf(log));
    }

    /// <summary>Reads a secret from a file; null when none was named.</summary>
    internal static string? ReadSecret(CommandContext context)
    {
        if (context.Value(SecretFile) is not { } path)
        {
            return null;
        }

        string text = File.ReadAllText(path).Trim();
        return Hash32.TryParse(text, out _)
            ? text
            : throw CliException.Usage($"{path} does not hold 64 hexadecimal digits");
    }

    internal static Option<string?> SecretOption => SecretFile;

    private static WeftCommand List()
    {
        var list = new WeftCommand("ls", "Table of logs.")
        {
            Examples = ["weft log ls", "weft log ls --json"],
            Resources = ["GET /logs"],
        };
        list.Run(ListAsync);
        return list;
    }

    private static WeftCommand New()
    {
        var make = new WeftCommand("new", "Make a log; its key is made here and stays here.")
        {
            Examples = ["weft log new audit", "weft log new diary --encrypt"],
            Resources = ["POST /logs"],
        };
        make.Arguments.Add(Name);
        make.Options.Add(Encrypt);
        make.Options.Add(SecretFile);
        make.Run(NewAsync);
        return make;
    }

    private static WeftCommand Verify()
    {
        var verify = new WeftCommand("verify", "Read a whole log again and compare it with what its key signed.")
        {
            Examples = ["weft log verify audit", "weft log verify KEY --proof block-17.proof"],
            Resources = ["POST /log/verify"],
        };
        verify.Arguments.Add(Log);
        verify.Options.Add(Proof);
        verify.Run((context, cancellationToken) => context.Value(Proof) is { } path
            ? VerifyProofAsync(context, path, cancellationToken)
            : VerifyAsync(context, cancellationToken));
        return verify;
    }

    private static WeftCommand Truncate()
    {
        var truncate = new WeftCommand("truncate", "Cut a log back; its readers follow.")
        {
            Examples = ["weft log truncate audit --length 100 --yes"],
            Resources = ["POST /log/truncate"],
        };
        truncate.Arguments.Add(Log);
        truncate.Options.Add(Length);
        truncate.Run(TruncateAsync);
        return truncate;
    }

    private static WeftCommand Archive()
    {
        var archive = new WeftCommand("archive", "Move older blocks to compressed files that are read on demand.")
        {
            Examples = ["weft log archive audit --to 100000", "weft log archive history:account/ --to 5000 --json"],
            Resources = ["POST /log/archive"],
            Remarks = "The blocks stay here: they are read, served, proven and backed up as before, only slower.",
        };
        archive.Arguments.Add(Log);
        archive.Options.Add(ArchiveTo);
        archive.Run(ArchiveAsync);
        return archive;
    }

    private static async Task<int> ArchiveAsync(CommandContext context, CancellationToken cancellationToken)
    {
        WeftClient client = await context.ConnectAsync(cancellationToken);
        using var progress = new ProgressLine(context.Host, context.Output);
        using JsonDocument answer = await ProgressAnswer.ReadAsync(
            client, WeftClient.Path(
                "log/archive", ("log", context.Value(Log)),
                ("to", context.Value(ArchiveTo).ToString(CultureInfo.InvariantCulture))),
            blocks => progress.Report("archive", null, $"{Units.Count(blocks)} blocks"), cancellationToken);
        progress.Dispose();
        JsonElement done = answer.RootElement;
        if (context.Output.IsJson)
        {
            context.Output.Json(done);
        }
        else
        {
            context.Output.Cells(
                $"{Units.Count(done.Long("blocks"))} blocks moved", Units.Size(done.Long("bytes")),
                $"{Units.Size(done.Long("storedBytes"))} in the archive");
        }

        return ExitCode.Done;
    }

    private static WeftCommand Clear()
    {
        var clear = new WeftCommand("clear", "Forget the data of blocks on this node; their hashes stay.")
        {
            Examples = ["weft log clear audit --from 0 --to 1000 --yes"],
            Resources = ["DELETE /log/blocks"],
        };
        clear.Arguments.Add(Log);
        clear.Options.Add(ClearFrom);
        clear.Options.Add(ClearTo);
        clear.Run(ClearAsync);
        return clear;
    }

    private static WeftCommand Recover()
    {
        var recover = new WeftCommand(
            "recover", "Let a log from a backup go on although no peer has said how long it is.")
        {
            Examples = ["weft log recover audit --yes"],
            Resources = ["POST /log/recover"],
            Remarks = "Only when nothing was appended after the backup: a log that contradicts itself stops for good.",
        };
        recover.Arguments.Add(Log);
        recover.Run(RecoverAsync);
        return recover;
    }

    private static async Task<int> ListAsync(CommandContext context, CancellationToken cancellationToken)
    {
        WeftClient client = await context.ConnectAsync(cancellationToken);
        using JsonDocument answer = await client.GetAsync(WeftClient.Path("logs"), cancellationToken);
        var table = new TextTable("name", "key", ">blocks", ">bytes", ">here", ">fork", ">peers", "state");
        int count = 0;
        foreach (JsonElement log in answer.RootElement.Items("items"))
        {
            count++;
            if (context.Output.IsJson)
            {
                context.Output.Json(log);
                continue;
            }

            string key = log.Text("key") ?? "";
            table.Add(
                log.Text("name") ?? "–", context.Output.IsTerminal ? $"{key[..8]}…" : key,
                Units.Count(log.Long("length")), Units.Size(log.Long("bytes")), Units.Count(log.Long("here")),
                log.Text("fork") ?? "", log.Text("peers") ?? "", StateOf(log));
        }

        if (table.Rows.Count > 0)
        {
            context.Output.Table(table);
        }

        context.Output.Note(count == 1 ? "1 log" : $"{count} logs");
        return ExitCode.Done;
    }

    private static string StateOf(JsonElement log) =>
        log.Flag("stopped") ? "STOPPED"
        : log.Flag("recovering") ? "asks its peers"
        : (log.Flag("writable") ? "own" : log.Flag("followed") ? "followed" : "read")
            + (log.Flag("encrypted") ? ", encrypted" : "");

    private static async Task<int> NewAsync(CommandContext context, CancellationToken cancellationToken)
    {
        string? secret = ReadSecret(context);
        WeftClient client = await context.ConnectAsync(cancellationToken);
        using JsonDocument answer = await client.SendAsync(
            HttpMethod.Post, WeftClient.Path("logs"),
            JsonBuild.Object(json =>
            {
                json.WriteString("name", context.Value(Name)!);
                json.WriteBoolean("encrypted", context.Value(Encrypt));
                if (secret is not null)
                {
                    json.WriteString("secret", secret);
                }
            }),
            cancellationToken);
        Print(context, answer.RootElement);
        return ExitCode.Done;
    }

    private static async Task<int> VerifyAsync(CommandContext context, CancellationToken cancellationToken)
    {
        WeftClient client = await context.ConnectAsync(cancellationToken);
        using var progress = new ProgressLine(context.Host, context.Output);
        using JsonDocument answer = await ProgressAnswer.ReadAsync(
            client, WeftClient.Path("log/verify", ("log", context.Value(Log))),
            blocks => progress.Report("verify", null, $"{Units.Count(blocks)} blocks"), cancellationToken);
        progress.Dispose();
        JsonElement found = answer.RootElement;
        bool holds = found.Flag("holds");
        if (context.Output.IsJson)
        {
            context.Output.Json(found);
        }
        else
        {
            context.Output.Cells(
                holds ? "ok" : found.Flag("stopped") ? "CONTRADICTION" : "DAMAGED",
                $"{Units.Count(found.Long("good"))} blocks hold", Units.Size(found.Long("bytes")),
                $"{Units.Count(found.Long("missing"))} not here", $"{Units.Count(found.Long("bad"))} do not hold");
        }

        if (found.Member("history") is { } history && !context.Output.IsJson)
        {
            context.Output.Cells(
                history.Long("faults") == 0 ? "ok" : "DAMAGED",
                $"{Units.Count(history.Long("versions"))} versions of {Units.Count(history.Long("nodes"))} nodes",
                $"{Units.Count(history.Long("gaps"))} gaps",
                history.Text("firstFault") ?? "each row points at its version");
        }

        return holds ? ExitCode.Done : ExitCode.Damage;
    }

    private static async Task<int> VerifyProofAsync(
        CommandContext context, string path, CancellationToken cancellationToken)
    {
        if (!Hash32.TryParse(context.Value(Log)!, out Hash32 key))
        {
            throw CliException.Usage("a proof is checked with the log's key, not with a name");
        }

        byte[] proof = await File.ReadAllBytesAsync(path, cancellationToken);
        LogVerdict verdict = LogProofs.Verify(Crypto.PlatformCrypto.Create(), key, proof, out ProvenBlock? proven);
        if (verdict != LogVerdict.Accepted)
        {
            throw new CliException(WeftError.LogProofRefused, $"{path} proves nothing of that log: {verdict}");
        }

        if (context.Output.IsJson)
        {
            context.Output.Json(json =>
            {
                json.WriteStartObject();
                json.WriteNumber("index", proven!.Index);
                json.WriteNumber("length", proven.Length);
                json.WriteNumber("fork", proven.Fork);
                json.WriteBase64String("block", proven.Block.Span);
                json.WriteEndObject();
            });
        }
        else
        {
            context.Output.Cells(
                "ok", $"block {proven!.Index}", $"of {proven.Length}", $"{proven.Block.Length} bytes");
        }

        return ExitCode.Done;
    }

    private static async Task<int> TruncateAsync(CommandContext context, CancellationToken cancellationToken)
    {
        string length = context.Value(Length).ToString(System.Globalization.CultureInfo.InvariantCulture);
        return await context.ConfirmAsync(
            $"Cut {context.Value(Log)} back to {length} blocks, here and at every reader?", cancellationToken)
            ? await PostAsync(context, HttpMethod.Post, "log/truncate", cancellationToken, ("length", length))
            : ExitCode.Refused;
    }

    private static async Task<int> ClearAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var culture = System.Globalization.CultureInfo.InvariantCulture;
        string from = context.Value(ClearFrom).ToString(culture);
        string to = context.Value(ClearTo).ToString(culture);
        return await context.ConfirmAsync(
            $"Forget blocks {from} to {to} of {context.Value(Log)} on this node?", cancellationToken)
            ? await PostAsync(context, HttpMethod.Delete, "log/blocks", cancellationToken, ("from", from), ("to", to))
            : ExitCode.Refused;
    }

    private static async Task<int> RecoverAsync(CommandContext context, CancellationToken cancellationToken) =>
        await context.ConfirmAsync(
            $"Is it sure that nothing was appended to {context.Value(Log)} after the backup?", cancellationToken)
            ? await PostAsync(context, HttpMethod.Post, "log/recover", cancellationToken)
            : ExitCode.Refused;

    private static async Task<int> PostAsync(
        CommandContext context, HttpMethod method, string resource, CancellationToken cancellationToken,
        params (string Name, string? Value)[] query)
    {
        WeftClient client = await context.ConnectAsync(cancellationToken);
        using JsonDocument answer = await client.SendAsync(
            method, WeftClient.Path(resource, [("log", context.Value(Log)), .. query]), cancellationToken);
        Print(context, answer.RootElement);
        return ExitCode.Done;
    }
}
