using Weft.Graph.Access;
using Weft.Primitives;

namespace Weft.Graph.Policy;

/// <summary>What the policy says about a write.</summary>
/// <param name="Error">None, or why the write is refused.</param>
/// <param name="Text">What exactly is wrong, for people; null when nothing is. Names fields and rules, never
/// values.</param>
public readonly record struct PolicyVerdict(WeftError Error, string? Text = null)
{
    /// <summary>Nothing speaks against the write.</summary>
    public static PolicyVerdict Allowed => default;

    /// <summary>True when nothing speaks against the write.</summary>
    public bool IsAllowed => Error == WeftError.None;
}

/// <summary>What a judgement needs beside the write and its writer.</summary>
/// <param name="Owner">Whose soul it is by its text alone, before any rotation: <see cref="Ownership.Of"/>.</param>
public readonly record struct PolicyContext(SoulOwner Owner);
