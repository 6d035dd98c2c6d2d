using System.CommandLine;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Weft.Cli.App;

namespace Weft.Integration.Tests.Cli;

public sealed class CliReferenceTests
{
    /// <summary>Resources without a command, each with the reason.</summary>
    private static readonly Dictionary<string, string> OnlyHttp = new()
    {
        ["POST /auth/challenge"] = "programs prove keys; the command line has the token of the data folder",
        ["POST /auth/session"] = "as the challenge",
        ["PUT /node"] = "replaces a whole node; put and rm say what they do to each field",
    };

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

    [Fact]
    public void Every_resource_of_the_API_has_a_command_and_every_command_an_existing_resource()
    {
        string[] served = [.. ServedResources()];
        string[] used =
        [
            .. AllCommands(CliApp.Root).OfType<WeftCommand>().SelectMany(command => command.Resources).Distinct(),
        ];

        Assert.Empty(used.Except(served));
        Assert.Empty(served.Except(used).Except(OnlyHttp.Keys));
        Assert.Empty(OnlyHttp.Keys.Except(served));
    }

    private static IEnumerable<string> ServedResources()
    {
        using JsonDocument document = JsonDocument.Parse(
            File.ReadAllBytes(Path.Combine(RepositoryRoot(), "src", "Weft.Server", "openapi.json")));
        foreach (JsonProperty path in document.RootElement.GetProperty("paths").EnumerateObject())
        {
            if (!path.Name.StartsWith("/api/v1/", StringComparison.Ordinal))
            {
                continue;
            }

            foreach (JsonProperty verb in path.Value.EnumerateObject())
            {
                if (verb.Name is "get" or "put" or "post" or "patch" or "delete")
                {
                    yield return $"{verb.Name.ToUpperInvariant()} {path.Name["/api/v1".Length..]}";
                }
            }
        }
    }

    private static IEnumerable<Command> AllCommands(Command command) =>
        command.Subcommands.SelectMany(AllCommands).Prepend(command);

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
