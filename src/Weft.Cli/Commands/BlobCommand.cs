using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Http;
using Weft.Cli.Output;
using Weft.Primitives;
using Weft.Protocols.Blobs;

namespace Weft.Cli.Commands;

/// <summary>Blobs: content of any size under a name that is computed from it.</summary>
internal static class BlobCommand
{
    internal static readonly Argument<string> Blob = new("id")
    {
        Description = "The blob: 64 hexadecimal digits, or the soul that a field links to (weft:blob/ID).",
        HelpName = "ID",
    };

    private static readonly Argument<string[]> Files = new("file")
    {
        Description = "Files to add; '-' reads stdin.",
        HelpName = "FILE",
        Arity = ArgumentArity.OneOrMore,
    };

    private static readonly Option<bool> NoPin = new("--no-pin")
    {
        Description = "It goes a while after its last use, unless a field links to it.",
    };

    private static readonly Option<string?> Wait = new("--wait")
    {
        Description = "How long to look for it among peers when it is not here, such as 30s.",
        HelpName = "TIME",
    };

    private static readonly Option<string?> Repair = new("--repair")
    {
        Description = "Fetch what is damaged from peers, and wait so long for each blob, such as 30s.",
        HelpName = "TIME",
    };

    public static Command Build()
    {
        var command = new WeftCommand("blob", "Content of any size under a name that is computed from it.")
        {
            Examples = ["weft blob add photo.jpg", "weft blob get ID --out photo.jpg", "weft blob ls"],
            Remarks = "A field links to a blob as to a node: weft put album/1 photo:@weft:blob/ID. What is neither "
                + "pinned nor linked here goes a day after its last use.",
        };
        foreach (Command sub in (Command[])[Add(), BlobGetCommand.Build(), List(), Remove(), Pin(), Unpin(), Verify()])
        {
            command.Subcommands.Add(sub);
        }

        command.Run(ListAsync);
        return command;
    }

    /// <summary>The id of the command line.</summary>
    internal static string Id(CommandContext context) => BlobId.TryParse(context.Value(Blob), out BlobId id)
        ? id.ToString()
        : throw CliException.Usage(
            $"'{PlainText.OneLine(context.Value(Blob)!)}' is no id of a blob: that has 64 hexadecimal digits",
            "weft blob ls");

    /// <summary>A duration of an option, as the node takes it.</summary>
    internal static string? Time(CommandContext context, Option<string?> option)
    {
        string? text = context.Value(option);
        return text is null ? null
            : Units.TryDuration(text, out TimeSpan time)
                ? ((long)time.TotalMilliseconds).ToString(CultureInfo.InvariantCulture)
            : throw CliException.Usage($"'{text}' is no duration such as 5s or 2m");
    }

    private static WeftCommand Add()
    {
        var add = new WeftCommand("add", "Keep files; prints the id of each.")
        {
            Examples = ["weft blob add photo.jpg", "tar c site | weft blob add - --no-pin"],
            Resources = ["POST /blobs", "PUT /blobs/{id}"],
            Remarks = "The same content is kept once, whatever it was called.",
        };
        add.Arguments.Add(Files);
        add.Options.Add(NoPin);
        add.Run(AddAsync);
        return add;
    }

    private static WeftCommand List()
    {
        var list = new WeftCommand("ls", "Table of blobs.")
        {
            Examples = ["weft blob ls", "weft blob ls --json"],
            Resources = ["GET /blobs"],
        };
        list.Run(ListAsync);
        return list;
    }

    private static WeftCommand Remove()
    {
        var remove = new WeftCommand("rm", "Remove a blob from this node, pinned or not; peers may still have it.")
        {
            Examples = ["weft blob rm ID --yes"],
            Resources = ["DELETE /blobs/{id}"],
        };
        remove.Arguments.Add(Blob);
        remove.Run(RemoveAsync);
        return remove;
    }

    private static WeftCommand Pin()
    {
        var pin = new WeftCommand("pin", "Keep a blob until it is unpinned; with --wait fetch it first.")
        {
            Examples = ["weft blob pin ID", "weft blob pin ID --wait 1m"],
            Resources = ["PUT /blobs/{id}/pin", "POST /blobs/{id}/fetch"],
        };
        pin.Arguments.Add(Blob);
        pin.Options.Add(Wait);
        pin.Run(PinAsync);
        return pin;
    }

    private static WeftCommand Unpin()
    {
        var unpin = new WeftCommand("unpin", "Let a blob go when nobody uses it and no field links to it.")
        {
            Examples = ["weft blob unpin ID"],
            Resources = ["DELETE /blobs/{id}/pin"],
        };
        unpin.Arguments.Add(Blob);
        unpin.Run(async (context, cancellationToken) =>
        {
            await SetPinAsync(context, HttpMethod.Delete, cancellationToken);
            return ExitCode.Done;
        });
        return unpin;
    }

    private static WeftCommand Verify()
    {
        var verify = new WeftCommand("verify", "Read every blob and compare it with its id.")
        {
            Examples = ["weft blob verify", "weft blob verify --repair 30s"],
            Resources = ["POST /blobs/verify"],
            Remarks = "Exit code 8 when something is damaged and was not repaired.",
        };
        verify.Options.Add(Repair);
        verify.Run(VerifyAsync);
        return verify;
    }

    private static async Task<int> AddAsync(CommandContext context, CancellationToken cancellationToken)
    {
        WeftClient client = await context.ConnectAsync(cancellationToken);
        foreach (string name in context.Value(Files)!)
        {
            bool isInput = name == "-";
            if (!isInput && !File.Exists(name))
            {
                throw CliException.Usage($"there is no file '{name}'");
            }

            using var progress = new ProgressLine(context.Host, context.Output);
            Stream source = isInput ? context.Host.InBytes : File.OpenRead(name);
            try
            {
                long? length = isInput ? null : source.Length;
                using var content = new StreamedContent(source, length, sent => progress.Report(
                    "adding", length > 0 ? sent / (double)length : null, Units.Size(sent)));
                using HttpResponseMessage answer = await client.OpenAsync(
                    HttpMethod.Post, WeftClient.Path("blobs", ("pin", context.Value(NoPin) ? "false" : null)), content,
                    "application/json", cancellationToken, ("Expect", "100-continue"));
                await using Stream body = await answer.Content.ReadAsStreamAsync(cancellationToken);
                using JsonDocument blob = await JsonDocument.ParseAsync(body, default, cancellationToken);
                progress.Dispose();
                Print(context, blob.RootElement, isInput ? null : Path.GetFileName(name));
            }
            finally
            {
                if (!isInput)
                {
                    await source.DisposeAsync();
                }
            }
        }

        return ExitCode.Done;
    }

    private static void Print(CommandContext context, JsonElement blob, string? name)
    {
        if (context.Output.IsJson)
        {
            context.Output.Json(blob);
            return;
        }

        string size = Units.Size(blob.Number("bytes"));
        string state = blob.Flag("new") ? "added" : "was here";
        context.Output.Cells(blob.Text("id") ?? "", size, name is null ? state : $"{state}: {name}");
    }

    private static async Task<int> ListAsync(CommandContext context, CancellationToken cancellationToken)
    {
        WeftClient client = await context.ConnectAsync(cancellationToken);
        var table = new TextTable("id", ">size", "state", "kept", "used");
        long count = 0;
        double bytes = 0;
        for (string? after = null; ;)
        {
            using JsonDocument answer = await client.GetAsync(
                WeftClient.Path("blobs", ("after", after)), cancellationToken);
            JsonElement[] items = [.. answer.RootElement.Items("items")];
            foreach (JsonElement blob in items)
            {
                count++;
                bytes += blob.Number("bytes");
                after = blob.Text("id");
                if (context.Output.IsJson)
                {
                    context.Output.Json(blob);
                    continue;
                }

                table.Add(
                    after ?? "", Units.Size(blob.Number("bytes")), State(blob), Kept(blob), blob.Text("usedAt") ?? "–");
            }

            if (items.Length < 1_000)
            {
                break;
            }
        }

        if (!context.Output.IsJson)
        {
            context.Output.Table(table);
            context.Output.Note(count == 0
                ? "no blobs yet; weft blob add FILE"
                : $"{Units.Count(count)} blobs, {Units.Size(bytes)}");
        }

        return ExitCode.Done;
    }

    private static string State(JsonElement blob) =>
        blob.Flag("whole") ? "whole" : blob.Flag("damaged") ? "DAMAGED" : "part";

    private static string Kept(JsonElement blob) => (blob.Flag("pinned"), blob.Flag("linked")) switch
    {
        (true, true) => "pinned, linked",
        (true, false) => "pinned",
        (false, true) => "linked",
        _ => "may go",
    };

    private static async Task<int> RemoveAsync(CommandContext context, CancellationToken cancellationToken)
    {
        string id = Id(context);
        if (!await context.ConfirmAsync($"Remove blob {id} from this node?", cancellationToken))
        {
            return ExitCode.Refused;
        }

        WeftClient client = await context.ConnectAsync(cancellationToken);
        using JsonDocument answer = await client.SendAsync(
            HttpMethod.Delete, WeftClient.Path($"blobs/{id}"), cancellationToken);
        context.Output.Done("removed", id, $"removed, {Units.Size(answer.RootElement.Number("bytesFreed"))}");
        return ExitCode.Done;
    }

    private static async Task<int> PinAsync(CommandContext context, CancellationToken cancellationToken)
    {
        if (Time(context, Wait) is { } wait)
        {
            await FetchAsync(context, wait, cancellationToken);
        }

        await SetPinAsync(context, HttpMethod.Put, cancellationToken);
        return ExitCode.Done;
    }

    /// <summary>Has the node bring a blob here, and shows how far it is.</summary>
    private static async Task FetchAsync(CommandContext context, string wait, CancellationToken cancellationToken)
    {
        WeftClient client = await context.ConnectAsync(cancellationToken);
        using var progress = new ProgressLine(context.Host, context.Output);
        using JsonDocument answer = await ProgressAnswer.ReadAsync(
            client, WeftClient.Path($"blobs/{Id(context)}/fetch", ("wait", wait)),
            bytes => progress.Report("fetching", null, Units.Size(bytes)), cancellationToken);
    }

    private static async Task SetPinAsync(
        CommandContext context, HttpMethod method, CancellationToken cancellationToken)
    {
        string id = Id(context);
        WeftClient client = await context.ConnectAsync(cancellationToken);
        using JsonDocument answer = await client.SendAsync(
            method, WeftClient.Path($"blobs/{id}/pin"), cancellationToken);
        if (context.Output.IsJson)
        {
            context.Output.Json(answer.RootElement);
        }
        else
        {
            context.Output.Cells(id, Kept(answer.RootElement));
        }
    }

    private static async Task<int> VerifyAsync(CommandContext context, CancellationToken cancellationToken)
    {
        WeftClient client = await context.ConnectAsync(cancellationToken);
        using var progress = new ProgressLine(context.Host, context.Output);
        using JsonDocument answer = await ProgressAnswer.ReadAsync(
            client, WeftClient.Path("blobs/verify", ("wait", Time(context, Repair))),
            bytes => progress.Report("verify", null, Units.Size(bytes)), cancellationToken);
        progress.Dispose();
        JsonElement found = answer.RootElement;
        bool isOk = found.Flag("ok");
        if (context.Output.IsJson)
        {
            context.Output.Json(found);
            return isOk ? ExitCode.Done : ExitCode.Damage;
        }

        context.Output.Cells(
            isOk ? "ok" : "DAMAGED", $"{Units.Count(found.Long("blobs"))} blobs", Units.Size(found.Number("bytes")),
            $"{Units.Count(found.Long("damaged"))} damaged", $"{Units.Count(found.Long("repaired"))} repaired");
        foreach (JsonElement id in found.Items("items"))
        {
            context.Output.Cells(id.ToString());
        }

        return isOk ? ExitCode.Done : ExitCode.Damage;
    }
}
