namespace Weft.Integration.Tests.Storage;

/// <summary>A folder of one test's own, gone with the test.</summary>
internal sealed class TempFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("weft-test-").FullName;

    public string At(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Copies the files as they are now: what a killed process would leave.</summary>
    public void CopyTo(string target)
    {
        Directory.CreateDirectory(target);
        foreach (string file in Directory.EnumerateFiles(Path))
        {
            if (System.IO.Path.GetFileName(file) is not ("lock" or "running.json"))
            {
                File.Copy(file, System.IO.Path.Combine(target, System.IO.Path.GetFileName(file)), overwrite: true);
            }
        }
    }

    public void Dispose()
    {
        if (Directory.Exists(Path))
        {
            Directory.Delete(Path, recursive: true);
        }
    }
}
