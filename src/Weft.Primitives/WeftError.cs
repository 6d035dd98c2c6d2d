namespace Weft.Primitives;

/// <summary>The stable numbers of everything Weft refuses or fails at. A number is never given to another meaning.</summary>
/// <remarks>
/// Blocks: 1 client and connection, 2 data, keys and rules, 3 storage and host, 4 network and access, 5 limits, 9 bugs.
/// Titles, causes and next commands stand in <see cref="ErrorCatalogue"/>.
/// </remarks>
public enum WeftError
{
    /// <summary>No error.</summary>
    None = 0,

    /// <summary>No node answers.</summary>
    NodeUnreachable = 1001,

    /// <summary>The command line was not understood.</summary>
    Usage = 1002,

    /// <summary>A deadline passed.</summary>
    DeadlinePassed = 1003,

    /// <summary>The request cannot be read.</summary>
    RequestMalformed = 1004,

    /// <summary>There is no such resource.</summary>
    RouteUnknown = 1005,

    /// <summary>The node starts or stops.</summary>
    NodeUnavailable = 1006,

    /// <summary>Nothing is there.</summary>
    Absent = 2001,

    /// <summary>A soul is empty, too long, or not well-formed text.</summary>
    SoulInvalid = 2002,

    /// <summary>A field name is empty, reserved, too long, or not well-formed text.</summary>
    FieldInvalid = 2003,

    /// <summary>A value is none of null, Boolean, finite number, text, link.</summary>
    ValueInvalid = 2004,

    /// <summary>A state is not a finite number, or is missing.</summary>
    StateInvalid = 2005,

    /// <summary>A state lies further in the future than this node accepts.</summary>
    StateTooFarAhead = 2006,

    /// <summary>The node's own metadata is missing or names another soul.</summary>
    NodeMalformed = 2007,

    /// <summary>A key file cannot be read.</summary>
    KeyUnreadable = 2104,

    /// <summary>A key file is sealed, and the passphrase is missing or wrong.</summary>
    KeySealed = 2105,

    /// <summary>A write lost against a newer state.</summary>
    OlderState = 2210,

    /// <summary>A write lost a tie: same state, smaller JSON text.</summary>
    SmallerText = 2211,

    /// <summary>A precondition such as If-Match does not hold.</summary>
    PreconditionFailed = 2301,

    /// <summary>The policy makes this private: every value must be sealed for its readers.</summary>
    SealRequired = 2310,

    /// <summary>A rule of the policy does not hold.</summary>
    RuleBroken = 2311,

    /// <summary>The policy has a rule or member this version does not know, so everything under it is refused.</summary>
    RuleUnknown = 2312,

    /// <summary>A content-addressed value does not have the hash that its field names.</summary>
    ContentHashWrong = 2313,

    /// <summary>The soul takes no states so old.</summary>
    StateTooOld = 2314,

    /// <summary>A list of names: the value must link to exactly what its field names.</summary>
    NameMismatch = 2315,

    /// <summary>The field is write-once, and something older is there.</summary>
    WrittenOnce = 2316,

    /// <summary>A policy, rotation or revocation record is not one.</summary>
    PolicyInvalid = 2317,

    /// <summary>No log of that name or key is kept here.</summary>
    LogUnknown = 2401,

    /// <summary>The log's key is not here, so that nothing can be appended.</summary>
    LogNotWritable = 2402,

    /// <summary>The log contradicts itself and has stopped.</summary>
    LogStopped = 2403,

    /// <summary>The log was restored from a backup and waits for its peers.</summary>
    LogRecovering = 2404,

    /// <summary>A block number lies outside of the log.</summary>
    LogOutOfRange = 2405,

    /// <summary>A log of that name is there already.</summary>
    LogNameTaken = 2406,

    /// <summary>What was said to prove a block does not.</summary>
    LogProofRefused = 2407,

    /// <summary>A log in the store cannot be used.</summary>
    LogDamaged = 2408,

    /// <summary>No such blob is here, and no peer that was asked has it.</summary>
    BlobUnknown = 2501,

    /// <summary>The content has another id than the one that was named.</summary>
    BlobMismatch = 2502,

    /// <summary>There is no room for another blob, and none may go.</summary>
    BlobsFull = 2503,

    /// <summary>The port cannot be listened on.</summary>
    PortTaken = 3101,

    /// <summary>An address or port is not one.</summary>
    AddressInvalid = 3102,

    /// <summary>The data folder is in use.</summary>
    FolderLocked = 3201,

    /// <summary>The data folder was written by a newer version.</summary>
    FormatNewer = 3202,

    /// <summary>A file is damaged.</summary>
    FileDamaged = 3203,

    /// <summary>The data folder cannot be used: missing, read-only, or not permitted.</summary>
    FolderUnusable = 3204,

    /// <summary>The target folder or file is not empty.</summary>
    TargetNotEmpty = 3205,

    /// <summary>The store is encrypted, and no key was given.</summary>
    StoreKeyNeeded = 3206,

    /// <summary>The key or passphrase does not fit the store.</summary>
    StoreKeyWrong = 3207,

    /// <summary>A key was given, but the store is not encrypted.</summary>
    StoreNotEncrypted = 3208,

    /// <summary>A key or passphrase file cannot be used: missing, empty, of another length.</summary>
    StoreKeyUnusable = 3209,

    /// <summary>The disk is full.</summary>
    DiskFull = 3307,

    /// <summary>The disk failed: a write, read or flush gave an error.</summary>
    DiskFailed = 3308,

    /// <summary>The store stopped after a failure and takes no more writes.</summary>
    StoreStopped = 3309,

    /// <summary>A token is missing or wrong.</summary>
    TokenMissing = 4101,

    /// <summary>The request came under a host name that is not allowed.</summary>
    HostRefused = 4102,

    /// <summary>The request came from an origin that is not allowed.</summary>
    OriginRefused = 4103,

    /// <summary>A peer cannot be reached.</summary>
    PeerUnreachable = 4107,

    /// <summary>Another peer answers than the one that was dialled.</summary>
    PeerWrong = 4108,

    /// <summary>A handshake failed, or what came after it does not open.</summary>
    HandshakeFailed = 4109,

    /// <summary>The peer does not speak the protocol.</summary>
    ProtocolUnsupported = 4110,

    /// <summary>The node does not speak libp2p.</summary>
    NetworkOff = 4120,

    /// <summary>The peer is banned here.</summary>
    PeerBanned = 4121,

    /// <summary>A record of the DHT was refused.</summary>
    RecordRefused = 4125,

    /// <summary>A signature does not fit, or its key does not own the node.</summary>
    SignatureRefused = 4301,

    /// <summary>The signature is right, but its key may not write here.</summary>
    NotOwner = 4302,

    /// <summary>The node belongs to a key, and the write has no signature.</summary>
    SignatureMissing = 4303,

    /// <summary>The node belongs to nobody who could write it.</summary>
    OwnedByNobody = 4304,

    /// <summary>A certificate has expired.</summary>
    CertificateExpired = 4305,

    /// <summary>A certificate is not signed by the owner, or does not cover the write.</summary>
    CertificateRefused = 4306,

    /// <summary>The owner has blocked the holder of the certificate.</summary>
    CertificateBlocked = 4307,

    /// <summary>The key was replaced by another before the state of the write.</summary>
    KeyRotated = 4308,

    /// <summary>A grant is not valid, or does not cover the write.</summary>
    GrantRefused = 4309,

    /// <summary>A grant has expired, or is not yet valid.</summary>
    GrantExpired = 4310,

    /// <summary>A grant was revoked.</summary>
    GrantRevoked = 4311,

    /// <summary>A proof of a write cannot be read.</summary>
    ProofMalformed = 4312,

    /// <summary>Nothing is known of the group here.</summary>
    GroupUnknown = 4320,

    /// <summary>This identity lacks a key of the group.</summary>
    GroupKeyMissing = 4321,

    /// <summary>More changes to the group happened apart from each other than one value can be sealed for.</summary>
    GroupSplit = 4322,

    /// <summary>The token does not allow this.</summary>
    ScopeMissing = 4401,

    /// <summary>A message, body or value is larger than the limit.</summary>
    TooLarge = 5101,

    /// <summary>Too many elements, or nested too deep.</summary>
    TooComplex = 5102,

    /// <summary>Too many requests.</summary>
    TooManyRequests = 5103,

    /// <summary>The open-file limit is near.</summary>
    FewDescriptors = 5104,

    /// <summary>The queue of writes from the near future is full.</summary>
    DeferredQueueFull = 5105,

    /// <summary>A reader was too slow and missed changes.</summary>
    ReaderTooSlow = 5106,

    /// <summary>Too many signatures of one source wait to be verified.</summary>
    VerifyQueueFull = 5107,

    /// <summary>The limit of connections or streams is reached.</summary>
    ConnectionLimit = 5110,

    /// <summary>A bug in Weft.</summary>
    Bug = 9001,
}
