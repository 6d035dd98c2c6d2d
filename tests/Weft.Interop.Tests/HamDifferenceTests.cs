using System.Buffers;
using System.Text;
using System.Text.Json;
using Weft.Graph;
using Weft.Primitives;

namespace Weft.Interop.Tests;

/// <summary>Random histories merged by gun.js in a child process and by GraphCore must give the same graph.</summary>
public sealed class HamDifferenceTests
{
    private const int Histories = 2_000;
    private const int HistoriesPerLine = 100;

    // Few souls, fields and states, and values whose order is easy to get wrong: ties must be common.
    private static readonly string[] Values =
    [
        "null", "true", "false", "0", "-1", "5", "10", "9", "1.5", "1e+21", "1e-7", "\"\"", "\"x\"", "\"5\"",
        "\"true\"",
        "\"null\"", "\"\\u0000\"", "\"\\\"\"", "\"\\\\\"", "\"é\"", "\"é\"", "\"～\"", "\"😀\"", "\"\u2028\"",
        "\"\\ud800\"",
        "\"\\udfff\"", "{\"#\":\"a\"}", "{\"#\":\"b\"}", "{\"#\":\"😀\"}", "123456789012345680000", "0.1", "-0.5",
    ];

    [GunFact]
    public async Task Two_thousand_random_histories_end_as_in_gun_js()
    {
        var random = new WeftRandom(20_261_120);
        int fields = 0;
        await using NodeProcess gun = await NodeProcess.StartAsync("ham.js");
        for (int line = 0; line < Histories / HistoriesPerLine; line++)
        {
            List<FieldWrite[]>[] histories = [.. Enumerable.Range(0, HistoriesPerLine).Select(_ => History(random))];

            JsonElement theirs = await gun.AskAsync(new { id = line + 1, histories = histories.Select(Messages) });

            for (int i = 0; i < HistoriesPerLine; i++)
            {
                string expected = Describe(theirs[i]);
                string actual = Merge(histories[i]);
                fields += actual.Count(symbol => symbol == '@');
                Assert.True(expected == actual, $"history {i} of line {line}:\ngun  {expected}\nweft {actual}\n" +
                    string.Join('\n', Messages(histories[i])));
            }
        }

        // Six fields at most in each graph, and most of them used.
        Assert.InRange(fields, 2 * Histories, 6 * Histories);
    }

    private static List<FieldWrite[]> History(WeftRandom random)
    {
        var history = new List<FieldWrite[]>();
        int puts = random.Next(1, 12);
        for (int i = 0; i < puts; i++)
        {
            string soul = "s" + random.Next(2);
            var fields = new Dictionary<string, FieldWrite>();
            for (int n = random.Next(1, 4); n > 0; n--)
            {
                string field = random.Next(3) switch { 0 => "f", 1 => "10", _ => "ü" };
                double state = 1_000 + (random.Next(4) * 0.5);
                fields[field] = new FieldWrite(soul, field, Parse(Values[random.Next(Values.Length)]), state);
            }

            history.Add([.. fields.Values]);
        }

        return history;
    }

    private static WeftValue Parse(string json)
    {
        var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(json));
        reader.Read();
        Assert.Equal(WeftError.None, WeftValueReader.Read(ref reader, out WeftValue value));
        return value;
    }

    private static IEnumerable<string> Messages(List<FieldWrite[]> history) => history.Select(put =>
    {
        string soul = JsonSerializer.Serialize(put[0].Soul);
        string states = string.Join(',', put.Select(write =>
            $"{JsonSerializer.Serialize(write.Field)}:{JsonSerializer.Serialize(write.State)}"));
        string values = string.Concat(put.Select(write => $",{JsonSerializer.Serialize(write.Field)}:{write.Value}"));
        return $"{{{soul}:{{\"_\":{{\"#\":{soul},\">\":{{{states}}}}}{values}}}}}";
    });

    private static string Merge(List<FieldWrite[]> history)
    {
        var core = new GraphCore(new GraphOptions());
        var view = new GraphView();
        var outbox = new Outbox<GraphOutput>();
        var graph = new SortedDictionary<string, StoredField>(StringComparer.Ordinal);
        foreach (FieldWrite[] put in history)
        {
            view.Begin(put);
            for (int slot = 0; slot < view.Count; slot++)
            {
                if (graph.TryGetValue(NameOf(view.Key(slot).Soul, view.Key(slot).Field), out StoredField known))
                {
                    view.Set(slot, known);
                }
            }

            outbox.Clear();
            core.Apply(put, view, wallMs: 1e12, outbox);
            foreach (GraphOutput output in outbox.Items)
            {
                FieldWrite write = put[output.Write];
                if (output.Kind == GraphOutputKind.Persist)
                {
                    graph[NameOf(write.Soul, write.Field)] = new StoredField(write.Field, write.Value, write.State, 1);
                }
            }
        }

        return string.Join(' ', graph.Select(pair => $"{pair.Key}={pair.Value.Value}@{pair.Value.State:R}"));
    }

    private static string Describe(JsonElement graph)
    {
        var fields = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (JsonProperty node in graph.EnumerateObject())
        {
            JsonElement states = node.Value.GetProperty("_").GetProperty(">");
            foreach (JsonProperty field in node.Value.EnumerateObject().Where(field => field.Name != "_"))
            {
                string name = NameOf(node.Name, field.Name);
                fields[name] = $"{name}={field.Value.GetRawText()}@{states.GetProperty(field.Name).GetDouble():R}";
            }
        }

        return string.Join(' ', fields.Values);
    }

    private static string NameOf(string soul, string field) => $"{soul}/{field}";
}
