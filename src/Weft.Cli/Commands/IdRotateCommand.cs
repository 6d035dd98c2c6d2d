using System.CommandLine;
using System.Text;
using System.Text.Json;
using Weft.Cli.App;
using Weft.Cli.Http;
using Weft.Cli.Output;
using Weft.Crypto;
using Weft.Graph;
using Weft.Graph.Access;
using Weft.Graph.Policy;
using Weft.Primitives;

namespace Weft.Cli.Commands;

/// <summary>
/// Gives the node or a user another key. The node does its own part itself; a user's key never leaves this process: the
/// record is signed here, and the node gets it as it gets any signed line.
/// </summary>
internal static class IdRotateCommand
{
    private const long ClockDifferenceMaxMs = 600_000; // As far as a node takes a state ahead of its own clock.

    private static readonly Argument<string?> Name = new("name")
    {
        Description = "A user's key (Ed25519); the node's own when left out.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    public static Command Build()
    {
        var rotate = new WeftCommand("rotate", "Give the node or a user another key, named by the old one as its successor.")
        {
            Examples = ["weft id rotate", "weft id rotate alice"],
            Resources = ["POST /identity/rotate", "GET /identity/recovery", "POST /nodes:batch"],
            Remarks = "What belonged to the old key belongs to the new one from then on, at every peer that has the record. "
                + "The old file is kept beside the new one. Rotating the node's own key stops the node; start it again. "
                + "A pair of gun.js (SEA) cannot be rotated: gun.js knows no record by which one key follows another, so "
                + "its user keeps the key for good. A new user is what helps there.",
        };
        rotate.Arguments.Add(Name);
        rotate.Options.Add(IdKeys.PassphraseFromFile);
        rotate.Options.Add(IdKeys.KeyFile);
        rotate.Run(RunAsync);
        return rotate;
    }

    private static Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken) =>
        context.Value(Name) is { } name and not IdentityFolder.NodeName
            ? RotateUserAsync(context, name, cancellationToken)
            : RotateNodeAsync(context, cancellationToken);

    private static async Task<int> RotateNodeAsync(CommandContext context, CancellationToken cancellationToken)
    {
        if (!await context.ConfirmAsync(
            "The node's key is replaced for good, and the node stops. Go on?", cancellationToken))
        {
            return ExitCode.Refused;
        }

        WeftClient client = await context.ConnectAsync(cancellationToken);
        using JsonDocument answer = await client.SendAsync(
            HttpMethod.Post, WeftClient.Path("identity/rotate"), cancellationToken);
        if (context.Output.IsJson)
        {
            context.Output.Json(answer.RootElement);
            return ExitCode.Done;
        }

        Print(context, answer.RootElement.Text("old") ?? "", answer.RootElement.Text("key") ?? "",
            answer.RootElement.Text("peerId") ?? "");
        context.Output.Note("the node stops; start it again with: weft up");
        return ExitCode.Done;
    }

    private static async Task<int> RotateUserAsync(
        CommandContext context, string name, CancellationToken cancellationToken)
    {
        using OpenKeys open = IdKeys.Open(context, name);
        Ed25519KeyPair old = open.Keys.FindEd25519(name) ?? throw NoRotation(name, open);
        IdentityFolder folder = IdKeys.Folder(context);
        if (!await context.ConfirmAsync($"The key of \"{name}\" is replaced for good. Go on?", cancellationToken))
        {
            return ExitCode.Refused;
        }

        // On the disk before anybody can learn that it is the next one; a run that was broken off is taken up again.
        using Ed25519KeyPair next = folder.ReadNext(name, open.Passphrase) ?? folder.PrepareNext(name, open.Passphrase);
        try
        {
            await PublishAsync(context, old, next.PublicKey, cancellationToken);
        }
        catch (CliException refused) when (refused.Error is not (WeftError.NodeUnreachable
            or WeftError.NodeUnavailable or WeftError.DeadlinePassed or WeftError.RequestMalformed))
        {
            folder.DropNext(name); // The node said no; in every other case the record may stand there already.
            throw;
        }

        string aside = folder.AdoptNext(name, context.Host.Time.GetUtcNow());
        string peerId = PeerId.FromEd25519(next.PublicKey.Span).ToString();
        if (context.Output.IsJson)
        {
            context.Output.Json(writer =>
            {
                writer.WriteStartObject();
                writer.WriteString("old", old.PublicKey.ToString());
                writer.WriteString("key", next.PublicKey.ToString());
                writer.WriteString("peerId", peerId);
                writer.WriteEndObject();
            });
            return ExitCode.Done;
        }

        Print(context, old.PublicKey.ToString(), next.PublicKey.ToString(), peerId);
        context.Output.Note($"the old key is in {aside}; grants that it gave have ended");
        return ExitCode.Done;
    }

    private static CliException NoRotation(string name, OpenKeys open) => open.Keys.FindSea(name) is null
        ? new CliException(WeftError.KeyUnreadable, $"the key in the file has another name than \"{name}\"")
        : CliException.Usage(
            $"\"{name}\" is a pair of gun.js (SEA), and gun.js knows no record by which one key follows another; "
                + "nothing was changed",
            "weft id new NAME --sea             a new user; what the old one wrote stays the old one's",
            "weft put '~NEWPUB/...' ...         write again, as the new user, what shall live on",
            "user.auth(ALIAS, OLD, DONE, {change: NEW})   in gun.js: another password for the same key");

    /// <summary>Signs the record, and has the node store it. Returns when it stands on the node's disk.</summary>
    private static async Task PublishAsync(
        CommandContext context, Ed25519KeyPair old, Ed25519PublicKey next, CancellationToken cancellationToken)
    {
        WeftClient client = await context.ConnectAsync(cancellationToken);
        byte[] network = new byte[32];
        double at;
        using (JsonDocument known = await AskAsync(client, old.PublicKey, cancellationToken))
        {
            if (IsFollowed(known.RootElement, old.PublicKey, next))
            {
                return; // A run before this one got so far.
            }

            if (!Base64UrlText.TryDecode(known.RootElement.Text("network"), network))
            {
                throw new CliException(WeftError.RequestMalformed, "the node does not say which network it is in");
            }

            at = StateOf(context, known.RootElement);
        }

        string soul = Ownership.KeyRecords + old.PublicKey;
        FieldWrite[] record = [new(soul, RotationRecord.Field, RotationRecord.Write(next), at)];
        new DeltaSigner(IdKeys.Crypto, network, old.PublicKey, (message, into) => old.Sign(IdKeys.Crypto, message, into))
            .Sign(record, [0], (ulong)at * 1_000);
        byte[] line = JsonBuild.Object(writer =>
        {
            writer.WriteString("soul", soul);
            writer.WriteStartObject("fields");
            writer.WritePropertyName(RotationRecord.Field);
            writer.WriteRawValue(record[0].Value.Json);
            writer.WriteEndObject();
            writer.WriteStartObject("states");
            writer.WriteNumber(RotationRecord.Field, at);
            writer.WriteEndObject();
            writer.WriteStartObject("proof");
            writer.WriteString(RotationRecord.Field, Encoding.ASCII.GetString(ProofText.Format(record[0].Extras!)));
            writer.WriteEndObject();
        });
        using HttpResponseMessage answer = await client.OpenAsync(
            HttpMethod.Post, WeftClient.Path("nodes:batch", ("ack", "disk")),
            new BytesContent(line, "application/x-ndjson"), "application/json", cancellationToken);
        using JsonDocument after = await AskAsync(client, old.PublicKey, cancellationToken);
        if (!IsFollowed(after.RootElement, old.PublicKey, next))
        {
            throw Followed(old.PublicKey, null);
        }
    }

    // By the node's clock: a state that lies behind it would end writes that the key has signed just now, and one that
    // lies ahead would count later. A node that is far off decides nothing.
    private static double StateOf(CommandContext context, JsonElement known)
    {
        long here = context.Host.Time.GetUtcNow().ToUnixTimeMilliseconds();
        long there = known.Long("clock");
        return Math.Abs(there - here) <= ClockDifferenceMaxMs
            ? there
            : throw new CliException(
                WeftError.StateTooFarAhead,
                $"the clocks of this machine and the node differ by {Units.Duration(TimeSpan.FromMilliseconds(Math.Abs(there - here)))}; "
                    + "nothing was changed")
            {
                Try = ["set the clocks, and try again"],
            };
    }

    private static Task<JsonDocument> AskAsync(
        WeftClient client, Ed25519PublicKey key, CancellationToken cancellationToken) =>
        client.GetAsync(WeftClient.Path("identity/recovery", ("key", key.ToString())), cancellationToken);

    private static bool IsFollowed(JsonElement known, Ed25519PublicKey old, Ed25519PublicKey next)
    {
        string? successor = known.Text("next") ?? (known.Text("owner") == old.ToString() ? null : known.Text("owner"));
        return successor is not null
            && (successor == next.ToString() ? true : throw Followed(old, successor));
    }

    private static CliException Followed(Ed25519PublicKey old, string? by) => new(
        WeftError.KeyRotated, $"{old} has a successor already{(by is null ? "" : ": " + PlainText.OneLine(by))}")
    {
        Try = ["weft id recovery show KEY          who follows it", "weft id import FILE --replace      bring the key that follows"],
    };

    private static void Print(CommandContext context, string old, string key, string peerId)
    {
        context.Output.Cells("old", old);
        context.Output.Cells("key", key);
        context.Output.Cells("peer id", peerId);
    }
}
