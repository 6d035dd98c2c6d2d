namespace Weft.Interop.Tests;

/// <summary>A test that needs node and npm. Where they are missing it is skipped, and says so.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class GunFactAttribute : FactAttribute
{
    /// <summary>Skips when node or npm are not on the PATH.</summary>
    public GunFactAttribute() => Skip = NodeTools.Missing;
}

/// <summary>A test with several cases that needs node and npm. Where they are missing it is skipped, and says so.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class GunTheoryAttribute : TheoryAttribute
{
    /// <summary>Skips when node or npm are not on the PATH.</summary>
    public GunTheoryAttribute() => Skip = NodeTools.Missing;
}
