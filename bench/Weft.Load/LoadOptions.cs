using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Weft.Load;

/// <summary>What a run measures, and how long it takes over it.</summary>
internal sealed class LoadOptions
{
    /// <summary>The rows, in the order in which they run.</summary>
    public static readonly string[] RowNames =
    [
        "put1", "put100", "get", "burst", "paced", "rss", "kill", "import", "bigimport", "start", "restimport", "sea100",
        "sea5000", "junk",
    ];

    public const string Usage = """
        usage: dotnet run -c Release --project bench/Weft.Load -- gun [options]
          --quick           a tenth of the data and one repeat; its figures are not the ones to quote
          --only ROW[,ROW]  only these rows: put1 put100 get burst paced rss kill import bigimport start
                            restimport sea100 sea5000 junk
          --target WHO      both (default), weft or gun
          --repeats N       repeats of the short rows, 1 to 20 (default 3)
          --seed N          seed of all data and orders (default 7)
          --dir FOLDER      where the servers keep their data (default: the system's temporary folder)
          --out FILE        also write the table there, as Markdown
          --weft FILE       another Weft.Cli.dll than the one built beside this program
          --weft-arg ARG    one more argument for weft up; may be repeated
          --verbose         show what the servers print
        or:    dotnet run -c Release --project bench/Weft.Load -- libp2p [--quick] [--weft] [--repeats=N] [up|down|ping|shakes]
        or:    dotnet run -c Release --project bench/Weft.Load -- libp2p --rows [idle|wire]
        or:    ... -- network [--quick] [--weft] [gossip] [kad] [local] [memory] [idle]
        or:    ... -- scale [--quick]
        """;

    public bool IsQuick { get; private set; }

    public HashSet<string> Rows { get; private set; } = [.. RowNames];

    public bool RunsGun { get; private set; } = true;

    public bool RunsWeft { get; private set; } = true;

    public int Repeats { get; private set; } = 3;

    public int Seed { get; private set; } = 7;

    public string Folder { get; private set; } = Path.GetTempPath();

    public string? OutFile { get; private set; }

    public string? WeftAssembly { get; private set; }

    public List<string> WeftArguments { get; } = [];

    public bool IsVerbose { get; private set; }

    /// <summary>A full-size number, or a tenth of it in a quick run.</summary>
    public int Scale(int full) => IsQuick ? Math.Max(1, full / 10) : full;

    public static bool TryParse(
        ReadOnlySpan<string> arguments, [NotNullWhen(true)] out LoadOptions? options, out string problem)
    {
        var parsed = new LoadOptions();
        options = null;
        problem = "";
        for (int i = 0; i < arguments.Length; i++)
        {
            string name = arguments[i];
            bool isFlag = name is "--quick" or "--verbose";
            if (!isFlag && i + 1 == arguments.Length)
            {
                problem = $"{name} is not known, or needs a value.";
                return false;
            }

            string value = isFlag ? "" : arguments[++i];
            if (!parsed.TrySet(name, value))
            {
                problem = $"{name} {value} was not understood.";
                return false;
            }
        }

        options = parsed;
        return true;
    }

    private bool TrySet(string name, string value)
    {
        switch (name)
        {
            case "--quick":
                IsQuick = true;
                Repeats = 1;
                return true;
            case "--verbose":
                IsVerbose = true;
                return true;
            case "--only":
                Rows = [.. value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)];
                return Rows.Count > 0 && Rows.IsSubsetOf(RowNames);
            case "--target":
                (RunsGun, RunsWeft) = (value != "weft", value != "gun");
                return value is "both" or "weft" or "gun";
            case "--repeats":
                bool isCount = int.TryParse(value, CultureInfo.InvariantCulture, out int repeats);
                Repeats = repeats;
                return isCount && repeats is >= 1 and <= 20;
            case "--seed":
                bool isNumber = int.TryParse(value, CultureInfo.InvariantCulture, out int seed);
                Seed = seed;
                return isNumber;
            case "--dir":
                Folder = value;
                return Directory.Exists(value);
            case "--out":
                OutFile = value;
                return true;
            case "--weft":
                WeftAssembly = Path.GetFullPath(value);
                return File.Exists(value);
            case "--weft-arg":
                WeftArguments.Add(value);
                return true;
            default:
                return false;
        }
    }
}
