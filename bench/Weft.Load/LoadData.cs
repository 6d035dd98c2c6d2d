using System.Globalization;
using System.Text;

namespace Weft.Load;

/// <summary>Seeded souls, values and orders: the same seed gives the same bytes in every run.</summary>
internal static class LoadData
{
    private static readonly string[] FieldNames = ["age", "city", "mail", "name", "note"];

    /// <summary>The soul of a node; its number is scattered: neighbours in time are far apart in order.</summary>
    public static string Soul(string prefix, int number) =>
        $"{prefix}/{(uint)number * 2_654_435_761u:x8}-{number.ToString(CultureInfo.InvariantCulture)}";

    /// <summary>A put of one node with two fields, about 150 bytes: the shape GUN was measured with.</summary>
    public static byte[] SmallPut(string id, string soul, int number, long stateMs) => Encoding.UTF8.GetBytes(
        $$$"""{"#":"{{{id}}}","put":{"{{{soul}}}":{"_":{"#":"{{{soul}}}",">":{"n":{{{stateMs}}} """ +
        $$$""","name":{{{stateMs}}}}},"n":{{{number}}},"name":"{{{Mark(number)}}}"}},"ok":{"@":9,"/":1}}""");

    /// <summary>A put of one node with five short fields.</summary>
    public static byte[] NodePut(string id, string soul, int number, long stateMs)
    {
        var text = new StringBuilder(512);
        text.Append($$$"""{"#":"{{{id}}}","put":{"{{{soul}}}":{"_":{"#":"{{{soul}}}",">":{""");
        foreach (string field in FieldNames)
        {
            text.Append(CultureInfo.InvariantCulture, $"{(field == "age" ? "" : ",")}\"{field}\":{stateMs}");
        }

        text.Append(CultureInfo.InvariantCulture, $"}}}},\"age\":{number % 100}");
        foreach (string field in FieldNames.Skip(1))
        {
            text.Append(CultureInfo.InvariantCulture, $",\"{field}\":\"{field} {Mark(number)}\"");
        }

        text.Append("""}},"ok":{"@":9,"/":1}}""");
        return Encoding.UTF8.GetBytes(text.ToString());
    }

    /// <summary>A get of a whole node.</summary>
    public static byte[] Get(string id, string soul) =>
        Encoding.UTF8.GetBytes($$$"""{"#":"{{{id}}}","get":{"#":"{{{soul}}}"}}""");

    /// <summary>A text that stands in node <paramref name="number"/> and in no other.</summary>
    public static string Mark(int number) => $"value {number * 7_919L % 1_000_003:000000} of {number:0000000}";

    /// <summary>The numbers below <paramref name="count"/> in a seeded random order.</summary>
    public static int[] Shuffled(int count, int seed)
    {
        int[] order = [.. Enumerable.Range(0, count)];
        new Random(seed).Shuffle(order);
        return order;
    }

    /// <summary>Writes a JSON-lines file of nodes in random soul order.</summary>
    /// <returns>Its size in bytes.</returns>
    public static long WriteNodes(string path, int nodes, int fieldsPerNode, int textLength, int seed)
    {
        const string Letters = "abcdefghijklmnopqrstuvwxyz0123456789 ";
        var random = new Random(seed);
        var letters = new char[textLength];
        using var writer = new StreamWriter(path, append: false, new UTF8Encoding(false), bufferSize: 1 << 20);
        foreach (int number in Shuffled(nodes, seed))
        {
            writer.Write($$"""{"soul":"{{Soul("import", number)}}","fields":{"mark":"{{Mark(number)}}" """.TrimEnd());
            for (int field = 1; field < fieldsPerNode; field++)
            {
                random.GetItems(Letters, letters);
                writer.Write($",\"field{field:00}\":\"");
                writer.Write(letters);
                writer.Write('"');
            }

            writer.Write("}}\n");
        }

        writer.Flush();
        return writer.BaseStream.Length;
    }
}
