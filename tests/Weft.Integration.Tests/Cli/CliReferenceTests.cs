using System.Runtime.CompilerServices;

namespace Weft.Integration.Tests.Cli;

public sealed class CliReferenceTests
{
    [Fact]
    public void Reference_is_current()
    {
        string path = Path.Combine(RepositoryRoot(), "docs", "reference", "cli.md");
        string written = CliReference.Write();
        if (Environment.GetEnvironmentVariable("WEFT_UPDATE_DOCS") == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, written);
        }

        Assert.Equal(File.ReadAllText(path), written);
    }

    private static string RepositoryRoot([CallerFilePath] string file = "")
    {
        string? folder = Path.GetDirectoryName(file);
        while (folder is not null && !File.Exists(Path.Combine(folder, "Weft.slnx")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return folder ?? throw new InvalidOperationException("The tests run outside the repository.");
    }
}
