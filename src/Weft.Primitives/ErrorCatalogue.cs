namespace Weft.Primitives;

/// <summary>One error as people meet it: on the command line, in HTTP answers and in the documents.</summary>
/// <param name="Error">The stable number.</param>
/// <param name="HttpStatus">The HTTP status that carries it.</param>
/// <param name="IsTransient">True when the same call may succeed later without a change.</param>
/// <param name="Title">The short name; the same for every occurrence.</param>
/// <param name="Cause">What it means.</param>
/// <param name="Try">Commands or actions that help, most likely first.</param>
public sealed record ErrorEntry(
    WeftError Error, int HttpStatus, bool IsTransient, string Title, string Cause, IReadOnlyList<string> Try);

/// <summary>The one list of errors. Command line, HTTP, and documents all read it.</summary>
public static partial class ErrorCatalogue
{
    private static readonly Dictionary<WeftError, ErrorEntry> Entries =
        Build().Concat(BuildAccess()).Concat(BuildLogs()).Concat(BuildBlobs()).ToDictionary(entry => entry.Error);

    /// <summary>Every error, by number.</summary>
    public static IEnumerable<ErrorEntry> All => Entries.Values.OrderBy(entry => (int)entry.Error);

    /// <summary>The number as people see it, for example "W3307".</summary>
    public static string Code(WeftError error) => $"W{(int)error:0000}";

    /// <summary>The entry of <paramref name="error"/>; that of <see cref="WeftError.Bug"/> when there is none.</summary>
    public static ErrorEntry Find(WeftError error) =>
        Entries.TryGetValue(error, out ErrorEntry? entry) ? entry : Entries[WeftError.Bug];

    /// <summary>Finds an entry by its code.</summary>
    /// <param name="code">"W3307" or "3307", in any case.</param>
    /// <returns>Null when there is no such error.</returns>
    public static ErrorEntry? Find(string code) =>
        int.TryParse(code.AsSpan().TrimStart("Ww"), out int number)
            && Entries.TryGetValue((WeftError)number, out ErrorEntry? entry)
            ? entry
            : null;

    private static ErrorEntry[] Build() =>
    [
        new(WeftError.NodeUnreachable, 503, true, "No node answers",
            "No weft node listens at that address, or it is stopping.",
            ["weft up", "weft status --url URL"]),
        new(WeftError.Usage, 400, false, "The command line was not understood",
            "A word, flag or value is not one this command takes.",
            ["weft --help"]),
        new(WeftError.DeadlinePassed, 504, true, "The deadline passed",
            "What was asked for did not happen in time; the message says how far it came.",
            ["repeat with a longer --timeout"]),
        new(WeftError.RequestMalformed, 400, false, "The request cannot be read",
            "The body or a parameter is not what this resource takes.",
            ["compare with /openapi.json"]),
        new(WeftError.RouteUnknown, 404, false, "There is no such resource",
            "No resource of the API has this path or takes this method.",
            ["see /openapi.json"]),
        new(WeftError.NodeUnavailable, 503, true, "The node is starting or stopping",
            "It takes requests only while it is ready.",
            ["repeat in a second"]),
        new(WeftError.Absent, 404, false, "Nothing is there",
            "Neither this node nor any peer it asked has it.",
            ["weft ls", "weft peers"]),
        new(WeftError.SoulInvalid, 400, false, "The soul is not valid",
            "A soul is 1 to 4,096 bytes of well-formed text.",
            ["check the soul"]),
        new(WeftError.FieldInvalid, 400, false, "The field name is not valid",
            "A field name is 1 to 1,024 bytes of well-formed text; \"_\" is reserved for metadata.",
            ["check the field name"]),
        new(WeftError.ValueInvalid, 400, false, "The value is not valid",
            "A value is null, a Boolean, a finite number, text of at most 1 MiB, or a link {\"#\":\"soul\"}.",
            ["store a list or an object as a node of its own and link to it"]),
        new(WeftError.StateInvalid, 400, false, "The state is not valid",
            "A state is a finite number: milliseconds since 1970-01-01 UTC.",
            ["leave the state out to get one from the node"]),
        new(WeftError.StateTooFarAhead, 422, false, "The state lies too far in the future",
            "The write carries a state further ahead of this node's clock than it holds writes for.",
            ["set the writer's clock", "raise Weft:Graph:FutureMax"]),
        new(WeftError.NodeMalformed, 400, false, "The node's metadata is not valid",
            "\"_\" must name the same soul as its key, and give a state for every field.",
            ["see docs/spec/graph.md"]),
        new(WeftError.OlderState, 409, false, "Kept the newer value",
            "A value with a newer state was already there.",
            ["weft why SOUL FIELD"]),
        new(WeftError.SmallerText, 409, false, "Kept the larger value",
            "Both values have the same state; the larger JSON text wins everywhere.",
            ["weft why SOUL FIELD"]),
        new(WeftError.PreconditionFailed, 412, false, "The precondition does not hold",
            "The field changed since you read it.",
            ["read it again, then repeat"]),
        new(WeftError.PortTaken, 503, false, "The port is in use",
            "Another process listens on that address.",
            ["weft status", "weft up --http 127.0.0.1:0"]),
        new(WeftError.AddressInvalid, 400, false, "The address is not valid",
            "An HTTP address is HOST:PORT with a port of 0 to 65535; a peer is a ws:// or wss:// URL, a multiaddr or a peer id.",
            ["weft up --help"]),
        new(WeftError.FolderLocked, 503, true, "The data folder is in use by another weft node",
            "Two nodes on one folder would damage it. Nothing is damaged. Do not delete the folder or the lock.",
            ["weft down", "weft up --data OTHER"]),
        new(WeftError.FormatNewer, 503, false, "The data folder was written by a newer version",
            "This version would not understand it, so nothing was touched.",
            ["update weft"]),
        new(WeftError.FileDamaged, 500, false, "A file is damaged",
            "A checksum does not fit. The damaged part was set aside and is never served.",
            ["weft verify", "weft restore FILE --data NEW"]),
        new(WeftError.FolderUnusable, 503, false, "The data folder cannot be used",
            "It cannot be made, read or written by this user.",
            ["check its owner and permissions", "weft up --data OTHER"]),
        new(WeftError.TargetNotEmpty, 409, false, "The target is not empty",
            "Restoring writes into an empty folder only, so that nothing is overwritten.",
            ["choose another folder"]),
        new(WeftError.StoreKeyNeeded, 503, false, "The store is encrypted",
            "It opens with its passphrase or key file only. Nothing was touched.",
            ["weft up --encrypt", "weft up --encrypt --passphrase-file FILE", "weft up --encrypt --key-file FILE"]),
        new(WeftError.StoreKeyWrong, 503, false, "The key does not fit",
            "The passphrase or key file is another one than the store was made with. Nothing was touched.",
            ["give the right passphrase or key file"]),
        new(WeftError.StoreNotEncrypted, 503, false, "The store is not encrypted",
            "A store is encrypted from its first start or never; its data can move into a new one. Nothing was touched.",
            ["weft export all.jsonl", "weft up --encrypt --data NEW", "weft import all.jsonl"]),
        new(WeftError.StoreKeyUnusable, 400, false, "The key file cannot be used",
            "A key file holds 32 bytes, raw or as base64; a passphrase file holds 1 to 1,024 bytes in its first line.",
            ["head -c 32 /dev/urandom > weft.key && chmod 600 weft.key"]),
        new(WeftError.DiskFull, 507, true, "The disk is full",
            "Writes are refused, reads go on. The node starts writing again by itself when there is room.",
            ["free some space", "weft status"]),
        new(WeftError.DiskFailed, 500, false, "The disk failed",
            "A write, read or flush gave an error. What was acknowledged before is on the disk.",
            ["check the disk", "weft verify"]),
        new(WeftError.StoreStopped, 503, false, "The store has stopped",
            "After a failed write the file is not trusted; reads go on, writes are refused until a restart.",
            ["weft verify", "restart the node"]),
        new(WeftError.TokenMissing, 401, false, "A token is needed",
            "The request has no valid token.",
            ["use the token file in the data folder", "set WEFT_TOKEN"]),
        new(WeftError.HostRefused, 421, false, "This host name is not served",
            "The Host header names neither a loopback name, an IP address, nor a configured name.",
            ["weft up --allow-host NAME"]),
        new(WeftError.OriginRefused, 403, false, "This origin is not allowed",
            "A page of another site may not use this node.",
            ["weft up --allow-origin ORIGIN"]),
        new(WeftError.PeerUnreachable, 502, true, "The peer cannot be reached",
            "Nothing answers at its address; the node keeps trying with growing pauses.",
            ["weft peers"]),
        new(WeftError.PeerWrong, 502, false, "Another peer answers there",
            "The key shown in the handshake is not the one of the peer id that was dialled.",
            ["check the address", "weft peers"]),
        new(WeftError.HandshakeFailed, 502, true, "The handshake failed",
            "The other side sent what it should not, or cannot prove who it is.",
            ["check that a libp2p peer listens there"]),
        new(WeftError.ProtocolUnsupported, 502, false, "The peer does not speak that protocol",
            "Both ends must know at least one protocol in common.",
            ["weft peers", "update weft on both ends"]),
        new(WeftError.NetworkOff, 409, false, "The node does not speak libp2p",
            "It was started without --listen, --bootstrap or --profile.",
            ["weft up --listen /ip4/127.0.0.1/tcp/8766"]),
        new(WeftError.PeerBanned, 409, false, "The peer is banned here",
            "Somebody banned it on this node; connections with it are closed.",
            ["weft peers unban PEER"]),
        new(WeftError.RecordRefused, 422, false, "The record is refused",
            "No rule of this node knows the key's namespace, the value breaks its rule, or there is no room for it.",
            ["use a name of this node's own, without a leading slash", "weft dht records"]),
        new(WeftError.ScopeMissing, 403, false, "The token does not allow this",
            "It lacks the scope the request needs.",
            ["use another token"]),
        new(WeftError.TooLarge, 413, false, "Too large",
            "A message, body or value is larger than the limit.",
            ["send less at once", "raise the limit"]),
        new(WeftError.TooComplex, 422, false, "Too many elements or too deep",
            "A message holds more nodes, fields or levels than the limit.",
            ["send less at once", "raise the limit"]),
        new(WeftError.TooManyRequests, 429, true, "Too many requests",
            "The limit for one connection is reached.",
            ["send more slowly"]),
        new(WeftError.FewDescriptors, 503, false, "Few open files are allowed",
            "The limit leaves room for few peers.",
            ["raise LimitNOFILE"]),
        new(WeftError.DeferredQueueFull, 429, true, "The queue of early writes is full",
            "Too many writes carry states of the near future.",
            ["set the writer's clock", "repeat later"]),
        new(WeftError.ReaderTooSlow, 429, true, "The reader was too slow",
            "It missed intermediate changes; the last value of each field is still delivered.",
            ["read faster or watch less"]),
        new(WeftError.VerifyQueueFull, 429, true, "Too many signatures wait to be verified",
            "One source sends signed writes faster than they can be verified; others are not held up by it.",
            ["send more slowly", "raise Weft:Verify:WaitingMax"]),
        new(WeftError.ConnectionLimit, 429, true, "Too many connections or streams",
            "A limit of this node, or of the connection with one peer, is reached.",
            ["close some", "raise the limit"]),
        new(WeftError.Bug, 500, false, "A bug in weft",
            "This should not happen.",
            ["report it with the trace id"]),
    ];
}
