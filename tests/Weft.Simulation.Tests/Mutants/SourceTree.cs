using System.Reflection;
using System.Runtime.Loader;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Weft.Simulation.Tests.Mutants;

/// <summary>
/// The product's own sources, from the graph up to the simulator, compiled into one assembly in memory: as they are, or
/// with one snippet replaced.
/// </summary>
internal sealed class SourceTree
{
    private static readonly string[] Folders =
    [
        "src/Weft.Graph", "src/Weft.Protocols", "src/Weft.Node/Commits", "src/Weft.Simulation",
    ];

    private static readonly string[] Files =
    [
        "src/Weft.Node/Storage/StoreTypes.cs", "src/Weft.Node/Storage/IRecordShelf.cs", "src/Weft.Node/Lanes/DeltaPlan.cs",
    ];

    // What ImplicitUsings gives a library.
    private const string GlobalUsings =
        """
        global using System;
        global using System.Collections.Generic;
        global using System.IO;
        global using System.Linq;
        global using System.Threading;
        global using System.Threading.Tasks;
        """;

    private static readonly Lazy<SourceTree> Only = new(() => new SourceTree());

    private readonly CSharpParseOptions _parse = new(LanguageVersion.Latest, DocumentationMode.None);
    private readonly Dictionary<string, SyntaxTree> _trees = [];
    private readonly CSharpCompilation _sound;

    private SourceTree()
    {
        string root = FindRoot();
        IEnumerable<string> paths = Folders
            .SelectMany(folder => Directory.EnumerateFiles(Path.Combine(root, folder), "*.cs", SearchOption.AllDirectories))
            .Concat(Files.Select(file => Path.Combine(root, file)))
            .Select(path => Path.GetRelativePath(root, path).Replace('\\', '/'))
            .Where(path => !path.Contains("/obj/") && !path.Contains("/bin/"));
        foreach (string path in paths)
        {
            _trees.Add(path, Parse(File.ReadAllText(Path.Combine(root, path)), path));
        }

        string platform = (string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!;
        IEnumerable<MetadataReference> references = platform.Split(Path.PathSeparator)
            .Where(path => Path.GetFileName(path).StartsWith("System.", StringComparison.Ordinal)
                || Path.GetFileName(path) is "netstandard.dll" or "mscorlib.dll")
            .Append(typeof(Crypto.ICrypto).Assembly.Location) // These as they are: no bug is planted in them.
            .Append(typeof(Primitives.WeftError).Assembly.Location)
            .Append(typeof(Log.ILogStore).Assembly.Location)
            .Select(path => MetadataReference.CreateFromFile(path));
        _sound = CSharpCompilation.Create(
            "Weft.Mutant",
            [Parse(GlobalUsings, "Usings.cs"), .. _trees.Values],
            references,
            new CSharpCompilationOptions(
                OutputKind.DynamicallyLinkedLibrary,
                optimizationLevel: OptimizationLevel.Release,
                nullableContextOptions: NullableContextOptions.Enable,
                allowUnsafe: true));
    }

    /// <summary>The one tree of this run; parsed once.</summary>
    public static SourceTree Instance => Only.Value;

    /// <summary>
    /// Compiles the sources with one snippet replaced, and calls the simulator's entry point in the result.
    /// </summary>
    /// <param name="mutant">What to replace; null for nothing.</param>
    /// <param name="call">Gets the entry point: (scenario, nodes, seed) gives the violations.</param>
    public void Run(Mutant? mutant, Action<Func<string, int, ulong, string[]>> call)
    {
        using var image = new MemoryStream();
        Compilation compilation = mutant is null ? _sound : Mutate(mutant);
        Microsoft.CodeAnalysis.Emit.EmitResult result = compilation.Emit(image);
        Assert.True(result.Success, string.Join(
            Environment.NewLine, result.Diagnostics.Where(found => found.Severity == DiagnosticSeverity.Error).Take(5)));

        var context = new AssemblyLoadContext("mutant", isCollectible: true);
        try
        {
            image.Position = 0;
            Assembly assembly = context.LoadFromStream(image);
            MethodInfo entry = assembly.GetType("Weft.Simulation.Scenarios.Probe", throwOnError: true)!
                .GetMethod("Run", BindingFlags.Public | BindingFlags.Static)!;
            call(entry.CreateDelegate<Func<string, int, ulong, string[]>>());
        }
        finally
        {
            context.Unload();
        }
    }

    private CSharpCompilation Mutate(Mutant mutant)
    {
        Assert.True(_trees.TryGetValue(mutant.File, out SyntaxTree? tree), $"There is no file {mutant.File}.");
        string text = tree.GetText().ToString();
        int at = text.IndexOf(mutant.Original, StringComparison.Ordinal);
        Assert.True(at >= 0, $"{mutant.Name}: the snippet is not in {mutant.File} any more.");
        Assert.True(
            text.IndexOf(mutant.Original, at + 1, StringComparison.Ordinal) < 0,
            $"{mutant.Name}: the snippet stands more than once in {mutant.File}.");
        string changed = string.Concat(text.AsSpan(0, at), mutant.Planted, text.AsSpan(at + mutant.Original.Length));
        return _sound.ReplaceSyntaxTree(tree, Parse(changed, mutant.File));
    }

    private SyntaxTree Parse(string text, string path) =>
        CSharpSyntaxTree.ParseText(text, _parse, path, System.Text.Encoding.UTF8);

    private static string FindRoot()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "Weft.slnx")))
            {
                return at.FullName;
            }
        }

        throw new InvalidOperationException("The tests do not run inside the repository.");
    }
}

/// <summary>One bug to plant.</summary>
/// <param name="Name">What the bug is.</param>
/// <param name="File">The source file, from the root of the repository.</param>
/// <param name="Original">The text to replace; it must stand there exactly once.</param>
/// <param name="Planted">The text with the bug.</param>
/// <param name="Scenario">The scenario that must catch it.</param>
/// <param name="Nodes">How many nodes it runs with.</param>
/// <param name="Seeds">How many seeds it may take.</param>
internal sealed record Mutant(
    string Name, string File, string Original, string Planted, string Scenario, int Nodes = 6, int Seeds = 5)
{
    public override string ToString() => Name;
}
