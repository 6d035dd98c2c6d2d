namespace Weft.Interop.Tests;

/// <summary>A test that needs node and npm. Where they are missing it is skipped, and says so.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class GunFactAttribute : FactAttribute
{
    /// <summary>Skips when node or npm are not on the PATH.</summary>
    public GunFactAttribute() => Skip = NodeTools.Missing;
}
