using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Xml.Linq;

namespace Weft.Tests.Architecture;

/// <summary>Compares the projects with the table of ARCHITECTURE.md, and looks into pure assemblies for what they may not touch.</summary>
public sealed class ArchitectureTests
{
    // Project -> the projects it may reference, themselves or through others.
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Weft.Primitives"] = [],
        ["Weft.Crypto"] = ["Weft.Primitives"],
        ["Weft.Graph"] = ["Weft.Crypto", "Weft.Primitives"],
        ["Weft.Protocols"] = ["Weft.Graph", "Weft.Crypto", "Weft.Primitives"],
        ["Weft.Node"] = ["Weft.Protocols", "Weft.Graph", "Weft.Crypto", "Weft.Primitives"],
        ["Weft.Transports"] = ["Weft.Primitives"],
        ["Weft.Storage"] = ["Weft.Node", "Weft.Protocols", "Weft.Graph", "Weft.Crypto", "Weft.Primitives"],
        ["Weft.Simulation"] = ["Weft.Node", "Weft.Protocols", "Weft.Graph", "Weft.Crypto", "Weft.Primitives"],
        ["Weft"] =
        [
            "Weft.Node", "Weft.Transports", "Weft.Storage", "Weft.Protocols", "Weft.Graph", "Weft.Crypto", "Weft.Primitives",
        ],
        ["Weft.Server"] = ["Weft"],
        ["Weft.Cli"] = ["Weft.Server", "Weft.Simulation"],
    };

    private static readonly string[] Pure = ["Weft.Primitives", "Weft.Crypto", "Weft.Graph", "Weft.Protocols"];

    // What a pure assembly may not name in any signature or body, by namespace or type.
    private static readonly string[] ImpureNames =
    [
        "System.Threading.Tasks", "System.Threading.Channels", "System.Threading.Thread", "System.Threading.ThreadPool",
        "System.Threading.Timer", "System.Threading.SemaphoreSlim", "System.Threading.Monitor", "System.Threading.Lock",
        "System.Net", "System.IO.File", "System.IO.Directory", "System.IO.FileStream", "System.IO.RandomAccess",
        "System.IO.Stream", "System.IO.Pipelines", "System.Random", "System.Security.Cryptography.RandomNumberGenerator",
        "System.Diagnostics.Stopwatch", "System.Diagnostics.Process", "System.TimeProvider", "System.Console",
        "System.Runtime.CompilerServices.AsyncTaskMethodBuilder", "System.Runtime.CompilerServices.AsyncValueTaskMethodBuilder",
        "System.Runtime.CompilerServices.TaskAwaiter",
    ];

    // Members of otherwise harmless types that read a clock or a random source.
    private static readonly string[] ImpureMembers =
    [
        "System.DateTime.get_Now", "System.DateTime.get_UtcNow", "System.DateTime.get_Today",
        "System.DateTimeOffset.get_Now", "System.DateTimeOffset.get_UtcNow",
        "System.Environment.get_TickCount", "System.Environment.get_TickCount64", "System.Guid.NewGuid",
    ];

    public static TheoryData<string> Projects => [.. Allowed.Keys];

    public static TheoryData<string> PureProjects => [.. Pure];

    [Fact]
    public void Every_project_stands_in_the_table() =>
        Assert.Equal(
            Allowed.Keys.Order(),
            Directory.GetDirectories(Path.Combine(Root, "src")).Select(folder => Path.GetFileName(folder)).Order());

    [Theory]
    [MemberData(nameof(Projects))]
    public void Project_references_only_what_the_table_allows(string project)
    {
        XDocument file = XDocument.Load(Path.Combine(Root, "src", project, $"{project}.csproj"));
        IEnumerable<string> references = file.Descendants("ProjectReference")
            .Select(reference => Path.GetFileNameWithoutExtension(((string)reference.Attribute("Include")!).Replace('\\', '/')));

        Assert.Empty(references.Except(Allowed[project]));
    }

    [Theory]
    [MemberData(nameof(Projects))]
    public void Project_opens_its_internals_to_tests_alone(string project)
    {
        XDocument file = XDocument.Load(Path.Combine(Root, "src", project, $"{project}.csproj"));
        IEnumerable<string> friends = file.Descendants("InternalsVisibleTo")
            .Select(friend => (string)friend.Attribute("Include")!);

        Assert.Empty(friends.Intersect(Allowed.Keys));
    }

    [Theory]
    [MemberData(nameof(PureProjects))]
    public void Pure_assembly_names_nothing_impure(string project)
    {
        string assembly = Path.Combine(AppContext.BaseDirectory, $"{project}.dll");
        Assert.Empty(ImpureReferences(assembly));
    }

    [Fact]
    public void The_scan_finds_what_it_looks_for()
    {
        // A check that cannot fail proves nothing: this test assembly itself is full of tasks.
        List<string> found = ImpureReferences(typeof(ArchitectureTests).Assembly.Location);

        Assert.Contains(found, name => name.StartsWith("System.Threading.Tasks", StringComparison.Ordinal));
    }

    private static string Root
    {
        get
        {
            string? folder = AppContext.BaseDirectory;
            while (folder is not null && !File.Exists(Path.Combine(folder, "Weft.slnx")))
            {
                folder = Path.GetDirectoryName(folder);
            }

            return folder ?? throw new InvalidOperationException("The tests run outside the repository.");
        }
    }

    private static List<string> ImpureReferences(string assembly)
    {
        using FileStream file = File.OpenRead(assembly);
        using var image = new PEReader(file);
        MetadataReader metadata = image.GetMetadataReader();
        var found = new List<string>();
        foreach (TypeReferenceHandle handle in metadata.TypeReferences)
        {
            string name = NameOf(metadata, handle);
            if (ImpureNames.Any(impure => name == impure || name.StartsWith(impure + ".", StringComparison.Ordinal)))
            {
                found.Add(name);
            }
        }

        foreach (MemberReferenceHandle handle in metadata.MemberReferences)
        {
            MemberReference member = metadata.GetMemberReference(handle);
            if (member.Parent.Kind == HandleKind.TypeReference)
            {
                string name = $"{NameOf(metadata, (TypeReferenceHandle)member.Parent)}.{metadata.GetString(member.Name)}";
                if (ImpureMembers.Contains(name))
                {
                    found.Add(name);
                }
            }
        }

        return found;
    }

    private static string NameOf(MetadataReader metadata, TypeReferenceHandle handle)
    {
        TypeReference type = metadata.GetTypeReference(handle);
        return $"{metadata.GetString(type.Namespace)}.{metadata.GetString(type.Name)}";
    }
}
