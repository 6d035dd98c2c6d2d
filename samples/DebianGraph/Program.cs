// Turns Debian's package list into a graph, one JSON line for each node:
//   apt-cache dumpavail | dotnet run -c Release --project samples/DebianGraph > debian.ndjson
//   dotnet run -c Release --project samples/DebianGraph -- Packages > debian.ndjson
using System.Text;
using DebianGraph;

if (args.Length > 1 || args is ["--help" or "-h"])
{
    Console.Error.WriteLine("usage: DebianGraph [PACKAGES-FILE] > debian.ndjson   (without a file: standard input)");
    return args.Length > 1 ? 2 : 0;
}

using TextReader source = args is [string file]
    ? new StreamReader(file, Encoding.UTF8)
    : new StreamReader(Console.OpenStandardInput(), Encoding.UTF8);
using Stream target = Console.OpenStandardOutput();
using var graph = new PackageGraphWriter(target);
foreach (Package package in PackageReader.Read(source))
{
    graph.Write(package);
}

graph.Flush();
Console.Error.WriteLine($"{graph.Nodes:#,0} nodes, {graph.Fields:#,0} fields, {graph.Links:#,0} of them links");
return 0;
