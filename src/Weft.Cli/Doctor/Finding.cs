namespace Weft.Cli.Doctor;

/// <summary>How bad a finding is.</summary>
internal enum FindingKind
{
    Ok = 0,
    Warn,
    Fail,
}

/// <summary>What one check found.</summary>
/// <param name="Kind">How bad.</param>
/// <param name="Name">The check.</param>
/// <param name="Text">What it found.</param>
/// <param name="Hint">A number and what helps, or null.</param>
internal sealed record Finding(FindingKind Kind, string Name, string Text, string? Hint = null);
