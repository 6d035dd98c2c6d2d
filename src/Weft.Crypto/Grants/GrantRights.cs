namespace Weft.Crypto;

/// <summary>What a grant allows. No right contains another: who may administer may not read by that alone.</summary>
[Flags]
public enum GrantRights : byte
{
    /// <summary>Nothing; no block of a grant has it.</summary>
    None = 0,

    /// <summary>Reading nodes.</summary>
    Read = 1,

    /// <summary>Writing nodes.</summary>
    Write = 2,

    /// <summary>Administration: what the owner of a node's HTTP API may do beside reading and writing.</summary>
    Admin = 4,

    /// <summary>All of them.</summary>
    All = Read | Write | Admin,
}
