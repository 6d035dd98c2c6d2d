using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
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
        ["Weft.Log"] = ["Weft.Crypto", "Weft.Primitives"],
        ["Weft.Protocols"] = ["Weft.Graph", "Weft.Crypto", "Weft.Primitives"],
        ["Weft.Libp2p"] = ["Weft.Protocols", "Weft.Graph", "Weft.Crypto", "Weft.Primitives"],
        ["Weft.Node"] =
        [
            "Weft.Libp2p", "Weft.Log", "Weft.Protocols", "Weft.Graph", "Weft.Crypto", "Weft.Primitives",
        ],
        ["Weft.Transports"] = ["Weft.Libp2p", "Weft.Protocols", "Weft.Crypto", "Weft.Primitives"],
        ["Weft.Storage"] =
        [
            "Weft.Node", "Weft.Libp2p", "Weft.Protocols", "Weft.Graph", "Weft.Crypto", "Weft.Primitives",
        ],
        ["Weft.Simulation"] =
        [
            "Weft.Node", "Weft.Libp2p", "Weft.Protocols", "Weft.Graph", "Weft.Crypto", "Weft.Primitives",
        ],
        ["Weft"] =
        [
            "Weft.Node", "Weft.Transports", "Weft.Storage", "Weft.Libp2p", "Weft.Protocols", "Weft.Graph", "Weft.Crypto",
            "Weft.Primitives",
        ],
        ["Weft.Server"] = ["Weft"],
        ["Weft.Cli"] = ["Weft.Server", "Weft.Simulation"],
    };

    private static readonly string[] Pure = ["Weft.Primitives", "Weft.Crypto", "Weft.Graph", "Weft.Log", "Weft.Protocols"];

    // What a pure assembly may not name in any signature or body, by namespace or type.
    private static readonly string[] ImpureNames =
    [
        "System.Threading.Tasks", "System.Threading.Channels", "System.Threading.Thread", "System.Threading.ThreadPool",
        "System.Threading.Timer", "System.Threading.SemaphoreSlim", "System.Threading.Monitor", "System.Threading.Lock",
        "System.Net", "System.IO.File", "System.IO.Directory", "System.IO.FileStream", "System.IO.RandomAccess",
        "System.IO.Stream", "System.IO.Pipelines", "System.Random", "System.Security.Cryptography.RandomNumberGenerator",
        "System.Diagnostics.Stopwatch", "System.Diagnostics.Process", "System.TimeProvider", "System.Console",
        "System.Runtime.CompilerServices.AsyncTaskMethodBuilder", "System.Runtime.CompilerServices.AsyncValueTaskMethodBuilder",
        "System.Runtime.CompilerServices.TaskAwaiter", "Org.BouncyCastle.Security.SecureRandom",
    ];

    // The one impurity of Weft.Crypto, in one method of one file.
    private const string RandomSource = "System.Security.Cryptography.RandomNumberGenerator";

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
        List<string> found = ImpureReferences(assembly);
        if (project == "Weft.Crypto")
        {
            Assert.True(found.Remove(RandomSource), "KeyGenerator no longer draws; then this exception can go.");
        }

        Assert.Empty(found);
    }

    [Fact]
    public void KeyGenerator_alone_draws_random_bytes()
    {
        string assembly = Path.Combine(AppContext.BaseDirectory, "Weft.Crypto.dll");

        Assert.Equal(["Weft.Crypto.KeyGenerator.Fill"], MethodsThatUse(assembly, RandomSource));
    }

    [Fact]
    public void KeyGenerator_alone_is_excepted_from_the_banned_symbols()
    {
        IEnumerable<string> excepted = Pure
            .SelectMany(project => Directory.GetFiles(Path.Combine(Root, "src", project), "*.cs", SearchOption.AllDirectories))
            .Where(file => File.ReadAllText(file).Contains("RS0030", StringComparison.Ordinal))
            .Select(file => Path.GetFileName(file));

        Assert.Equal(["KeyGenerator.cs"], excepted);
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

    // The methods whose code calls a member of that type: those with the member's token among their instructions.
    private static List<string> MethodsThatUse(string assembly, string type)
    {
        using FileStream file = File.OpenRead(assembly);
        using var image = new PEReader(file);
        MetadataReader metadata = image.GetMetadataReader();
        List<byte[]> tokens = [.. metadata.MemberReferences
            .Where(handle => metadata.GetMemberReference(handle).Parent is { Kind: HandleKind.TypeReference } parent
                && NameOf(metadata, (TypeReferenceHandle)parent) == type)
            .Select(handle => BitConverter.GetBytes(MetadataTokens.GetToken(handle)))];
        var found = new List<string>();
        foreach (MethodDefinitionHandle handle in metadata.MethodDefinitions)
        {
            MethodDefinition method = metadata.GetMethodDefinition(handle);
            if (method.RelativeVirtualAddress == 0)
            {
                continue;
            }

            byte[] code = image.GetMethodBody(method.RelativeVirtualAddress).GetILBytes() ?? [];
            if (tokens.Any(token => code.AsSpan().IndexOf(token) >= 0))
            {
                TypeDefinition owner = metadata.GetTypeDefinition(method.GetDeclaringType());
                found.Add($"{metadata.GetString(owner.Namespace)}.{metadata.GetString(owner.Name)}.{metadata.GetString(method.Name)}");
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
