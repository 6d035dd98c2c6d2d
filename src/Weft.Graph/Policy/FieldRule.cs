namespace Weft.Graph.Policy;

/// <summary>Kinds of values a rule lets pass.</summary>
[Flags]
public enum FieldTypes
{
    /// <summary>None named: every kind passes.</summary>
    Any = 0,

    /// <summary>Text.</summary>
    Text = 1,

    /// <summary>A number.</summary>
    Number = 2,

    /// <summary>True or false.</summary>
    Boolean = 4,

    /// <summary>A link.</summary>
    Link = 8,
}

/// <summary>
/// What must hold of the values of a field. Deleting is always let through, unless the field is required.
/// </summary>
/// <remarks>Immutable. Source: docs/spec/policy.md, section 3.</remarks>
public sealed class FieldRule
{
    /// <summary>Kinds that pass.</summary>
    public FieldTypes Types { get; init; }

    /// <summary>True when a node must have the field, so that it cannot be deleted.</summary>
    public bool IsRequired { get; init; }

    /// <summary>The smallest number that passes; null for no bound.</summary>
    public double? Min { get; init; }

    /// <summary>The greatest number that passes; null for no bound.</summary>
    public double? Max { get; init; }

    /// <summary>The shortest text that passes, in UTF-16 code units; null for no bound.</summary>
    public int? LengthMin { get; init; }

    /// <summary>The longest text that passes, in UTF-16 code units; null for no bound.</summary>
    public int? LengthMax { get; init; }

    /// <summary>What a text must fit; null for no pattern.</summary>
    public TextPattern? Pattern { get; init; }

    /// <summary>The only texts, numbers and Booleans that pass; empty for no such list.</summary>
    public IReadOnlyList<WeftValue> Choices { get; init; } = [];

    /// <summary>Links pass only to souls that start with one of these; empty for any soul.</summary>
    public IReadOnlyList<string> Links { get; init; } = [];

    /// <summary>The name of a rule in code that must agree too; null for none.</summary>
    public string? Use { get; init; }
}

/// <summary>The rules of a policy.</summary>
/// <remarks>Immutable. Source: docs/spec/policy.md, section 3.</remarks>
public sealed class RuleSet
{
    /// <summary>No rules.</summary>
    public static RuleSet None { get; } = new();

    /// <summary>The rules field by field.</summary>
    public FieldMap<FieldRule> Fields { get; init; } = FieldMap<FieldRule>.Empty;

    /// <summary>True when fields without a rule are refused.</summary>
    public bool RefusesOthers { get; init; }

    /// <summary>True when there is nothing to check.</summary>
    public bool IsEmpty => Fields.Items.Count == 0 && !RefusesOthers;

    /// <summary>The names of fields that a node must have.</summary>
    public IReadOnlyList<string> Required =>
        field ??= [.. Fields.Items.Where(item => item.Value.IsRequired).Select(item => item.Key)];
}

/// <summary>
/// A rule in code, which policies name with <c>"use"</c>. A peer without it refuses what it would have judged.
/// </summary>
/// <remarks>Must be pure and give the same answer on every machine, in the time of a few thousand steps.</remarks>
public interface IValidationRule
{
    /// <summary>The name policies use: 1 to 64 characters.</summary>
    string Name { get; }

    /// <summary>Judges a write by itself.</summary>
    /// <param name="write">The write.</param>
    /// <param name="value">Its value; that inside the signature of a SEA write.</param>
    bool Allows(in FieldWrite write, WeftValue value);
}
