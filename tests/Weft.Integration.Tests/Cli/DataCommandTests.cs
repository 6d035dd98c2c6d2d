using System.Text.Json;
using Weft.Cli.App;
using Weft.Testing;

namespace Weft.Integration.Tests.Cli;

public sealed class DataCommandTests(CliNode node) : IClassFixture<CliNode>
{
    [Fact]
    public async Task What_put_writes_get_reads()
    {
        await node.Call().RunAsync("put", "c1/alice", "name=Ada", "born:=1815", "boss:@c1/mark", "ok:=true");
        CliCall whole = node.Call();
        CliCall name = node.Call();
        CliCall boss = node.Call();

        Assert.Equal(0, await whole.RunAsync("get", "c1/alice", "--json"));
        Assert.Equal(0, await name.RunAsync("get", "c1/alice", "name"));
        Assert.Equal(0, await boss.RunAsync("get", "c1/alice", "boss"));

        JsonElement fields = JsonDocument.Parse(whole.Out).RootElement.GetProperty("fields");
        Assert.Equal("Ada", fields.GetProperty("name").GetProperty("value").GetString());
        Assert.Equal(1815, fields.GetProperty("born").GetProperty("value").GetInt32());
        Assert.Equal("c1/mark", fields.GetProperty("boss").GetProperty("value").GetProperty("#").GetString());
        Assert.True(fields.GetProperty("ok").GetProperty("state").GetDouble() > 1e12);
        Assert.Equal("Ada\n", name.Out);
        Assert.Equal("c1/mark\n", boss.Out);
    }

    [Fact]
    public async Task Put_tells_how_firmly_the_write_is_held()
    {
        CliCall call = node.Call();

        Assert.Equal(0, await call.RunAsync("put", "c2", "a=1", "--json"));

        JsonElement answer = JsonDocument.Parse(call.Out).RootElement;
        Assert.Equal("c2", answer.GetProperty("soul").GetString());
        Assert.Equal(1, answer.GetProperty("applied").GetInt32());
        Assert.Equal("memory", answer.GetProperty("durable").GetString());
    }

    [Fact]
    public async Task Nothing_there_exits_with_3_and_says_why()
    {
        await node.Call().RunAsync("put", "c3", "a=1");
        await node.Call().RunAsync("rm", "c3", "--yes");
        CliCall absent = node.Call();
        CliCall deleted = node.Call();
        CliCall field = node.Call();

        Assert.Equal(ExitCode.NothingThere, await absent.RunAsync("get", "c3/nobody"));
        Assert.Equal(ExitCode.NothingThere, await deleted.RunAsync("get", "c3", "a"));
        Assert.Equal(ExitCode.NothingThere, await field.RunAsync("get", "c3", "b"));

        Assert.StartsWith("error W2001: \"c3/nobody\" is unknown", absent.Error, StringComparison.Ordinal);
        Assert.Contains("was deleted", deleted.Error, StringComparison.Ordinal);
        Assert.Empty(absent.Out + deleted.Out + field.Out);
    }

    [Fact]
    public async Task Terminal_gets_a_readable_node_and_no_control_characters_of_its_values()
    {
        await node.Call().RunAsync("put", "c4", "name=Ada", "evil=\e[2J\nx");
        CliCall call = node.Call(isTerminal: true).With("NO_COLOR", "1");

        Assert.Equal(0, await call.RunAsync("get", "c4"));

        Assert.Contains("c4   2 fields", call.Out, StringComparison.Ordinal);
        Assert.Contains("\"Ada\"", call.Out, StringComparison.Ordinal);
        Assert.DoesNotContain('\e', call.Out);
    }

    [Fact]
    public async Task Odd_souls_and_fields_survive_the_query()
    {
        const string soul = "c5/ä+b&c=d;e%2Ff?g h/__proto__"; // A "#" would make it a soul of content by hash.
        await node.Call().RunAsync("put", soul, "constructor=x y&z", "q+r%20#=1");
        CliCall call = node.Call();
        CliCall list = node.Call();

        Assert.Equal(0, await call.RunAsync("get", soul, "constructor"));
        Assert.Equal(0, await list.RunAsync("ls", "c5/"));

        Assert.Equal("x y&z\n", call.Out);
        Assert.Equal(soul + "\n", list.Out);
    }

    [Fact]
    public async Task Ls_pages_through_everything_under_a_prefix()
    {
        string lines = string.Concat(
            Enumerable.Range(0, 2_500).Select(i => $"{{\"soul\":\"c6/{i:0000}\",\"fields\":{{\"v\":{i}}}}}\n"));
        Assert.Equal(0, await node.Call(input: lines).RunAsync("import", "-"));
        CliCall all = node.Call();
        CliCall some = node.Call();

        Assert.Equal(0, await all.RunAsync("ls", "c6/", "--limit", "0"));
        Assert.Equal(0, await some.RunAsync("ls", "c6/", "-n", "3", "--json"));

        Assert.Equal(Enumerable.Range(0, 2_500).Select(i => $"c6/{i:0000}"), all.Lines);
        Assert.Equal(3, some.Lines.Length);
        Assert.Equal("{\"soul\":\"c6/0000\"}", some.Lines[0]);
    }

    [Fact]
    public async Task Rm_refuses_to_guess_without_a_terminal()
    {
        await node.Call().RunAsync("put", "c7", "a=1");
        CliCall call = node.Call();
        CliCall still = node.Call();

        Assert.Equal(ExitCode.Usage, await call.RunAsync("rm", "c7"));
        Assert.Equal(0, await still.RunAsync("get", "c7", "a"));

        Assert.Contains("--yes", call.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rm_asks_on_a_terminal_and_takes_no_for_an_answer()
    {
        await node.Call().RunAsync("put", "c8", "a=1");
        CliCall no = node.Call(isTerminal: true, input: "n\n");
        CliCall yes = node.Call(isTerminal: true, input: "y\n");

        Assert.Equal(ExitCode.Failed, await no.RunAsync("rm", "c8"));
        Assert.Equal(0, await node.Call().RunAsync("get", "c8", "a"));
        Assert.Equal(0, await yes.RunAsync("rm", "c8"));

        Assert.Contains("Delete \"c8\" (1 field)?", no.Error, StringComparison.Ordinal);
        Assert.Contains("1 mark stays", yes.Error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.NothingThere, await node.Call().RunAsync("get", "c8"));
    }

    [Fact]
    public async Task Walk_gives_rows_tree_and_dot()
    {
        await node.Call().RunAsync("put", "c9/a", "knows:@c9/b", "likes:@c9/c");
        await node.Call().RunAsync("put", "c9/b", "knows:@c9/a", "name=B");
        await node.Call().RunAsync("put", "c9/c", "name=C");
        CliCall rows = node.Call();
        CliCall tree = node.Call(isTerminal: true).With("NO_COLOR", "1");
        CliCall dot = node.Call();
        CliCall back = node.Call();

        Assert.Equal(0, await rows.RunAsync("walk", "c9/a"));
        Assert.Equal(0, await tree.RunAsync("walk", "c9/a"));
        Assert.Equal(0, await dot.RunAsync("walk", "c9/a", "--dot"));
        Assert.Equal(0, await back.RunAsync("walk", "c9/c", "--direction", "in", "--depth", "1"));

        Assert.Equal(["0\tc9/a\t\t\t", "1\tc9/b\tc9/a\tknows\tout", "1\tc9/c\tc9/a\tlikes\tout"], rows.Lines);
        Assert.Equal(["c9/a", "├─ knows → c9/b", "└─ likes → c9/c"], tree.Lines);
        Assert.Contains("\"c9/a\" -> \"c9/b\" [label=\"knows\"];", dot.Out, StringComparison.Ordinal);
        Assert.Contains("1\tc9/a\tc9/c\tlikes\tin", back.Lines);
    }

    [Fact]
    public async Task Sets_take_souls_and_new_nodes()
    {
        await node.Call().RunAsync("set", "add", "c10", "post/1", "@post/2");
        await node.Call().RunAsync("set", "add", "c10", "title=Hello", "by:@alice");
        await node.Call().RunAsync("set", "rm", "c10", "post/1");
        CliCall list = node.Call();

        Assert.Equal(0, await list.RunAsync("set", "ls", "c10"));

        Assert.Equal(2, list.Lines.Length);
        string made = Assert.Single(list.Lines, soul => soul.StartsWith("c10/", StringComparison.Ordinal));
        CliCall title = node.Call();
        Assert.Equal(0, await title.RunAsync("get", made, "title"));
        Assert.Equal("Hello\n", title.Out);
        Assert.Equal(ExitCode.NothingThere, await node.Call().RunAsync("set", "ls", "c10/none"));
    }

    [Fact]
    public async Task Losing_write_is_listed_explained_and_brought_back()
    {
        const string newer = "{\"soul\":\"c11\",\"fields\":{\"f\":\"new\"},\"states\":{\"f\":2000}}\n";
        const string older = "{\"soul\":\"c11\",\"fields\":{\"f\":\"old\"},\"states\":{\"f\":1000}}\n";
        await node.Call(input: newer).RunAsync("import", "-");
        await node.Call(input: older).RunAsync("import", "-");
        CliCall why = node.Call();
        CliCall list = node.Call();

        Assert.Equal(0, await why.RunAsync("why", "c11", "f"));
        Assert.Equal(0, await list.RunAsync("conflicts", "ls", "c11", "--json"));

        Assert.StartsWith("won\t\"new\"\t2000", why.Lines[0], StringComparison.Ordinal);
        Assert.Contains("W2210", why.Lines[1], StringComparison.Ordinal);
        string number = JsonDocument.Parse(list.Lines[0]).RootElement.GetProperty("number").ToString();
        Assert.Equal(0, await node.Call().RunAsync("conflicts", "resolve", number));
        CliCall now = node.Call();
        Assert.Equal(0, await now.RunAsync("get", "c11", "f"));
        Assert.Equal("old\n", now.Out);
    }

    [Fact]
    public async Task Watch_prints_the_snapshot_then_changes_and_ends_when_it_has_enough()
    {
        await node.Call().RunAsync("put", "c12", "a=1");
        CliCall watch = node.Call();
        Task<int> watching = watch.RunAsync("watch", "c12", "--count", "1", "--json", "--timeout", "30s");

        // The watch counts only changes, so writing until it ends cannot end it too early.
        for (int i = 0; !watching.IsCompleted; i++)
        {
            await node.Call().RunAsync("put", "c12", $"b:={i}");
        }

        Assert.Equal(0, await watching);
        JsonElement first = JsonDocument.Parse(watch.Lines[0]).RootElement;
        JsonElement last = JsonDocument.Parse(watch.Lines[^1]).RootElement;
        Assert.Equal("snapshot", first.GetProperty("event").GetString());
        Assert.Equal("change", last.GetProperty("event").GetString());
        Assert.Equal("b", last.GetProperty("field").GetString());
        Assert.NotEmpty(last.GetProperty("cursor").GetString()!);
    }

    [Fact]
    public async Task Export_then_import_gives_an_identical_graph()
    {
        using var folder = new TempFolder();
        await node.Call().RunAsync(
            "put", "c13/ä", "text=a\"b\\c\n\u2028😀", "n:=1e21", "m:=-0.5", "t:=true", "l:@c13/ö",
            "big:=123456789012345680000");
        await node.Call().RunAsync("put", "c13/ö", "gone=1", "stays=2");
        await node.Call().RunAsync("rm", "c13/ö", "gone", "--yes");
        var second = new CliNode();
        await second.InitializeAsync();

        Assert.Equal(0, await node.Call().RunAsync("export", folder["a.jsonl"], "--prefix", "c13/"));
        Assert.Equal(0, await second.Call().RunAsync("import", folder["a.jsonl"]));
        Assert.Equal(0, await second.Call().RunAsync("export", folder["b.jsonl"]));
        await second.DisposeAsync();

        Assert.Equal(await File.ReadAllBytesAsync(folder["a.jsonl"]), await File.ReadAllBytesAsync(folder["b.jsonl"]));
        Assert.Equal(2, (await File.ReadAllLinesAsync(folder["a.jsonl"])).Length);
        Assert.Contains("\"gone\":null", await File.ReadAllTextAsync(folder["a.jsonl"]), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Export_does_not_write_over_a_file_and_resumes_an_unfinished_one()
    {
        using var folder = new TempFolder();
        for (int i = 0; i < 5; i++)
        {
            await node.Call().RunAsync("put", $"c14/{i}", $"v:={i}");
        }

        await node.Call().RunAsync("export", folder["whole"], "--prefix", "c14/");
        byte[] whole = await File.ReadAllBytesAsync(folder["whole"]);
        await File.WriteAllBytesAsync(folder["half"], whole[..(whole.Length / 2)]);

        Assert.Equal(ExitCode.Conflict, await node.Call().RunAsync("export", folder["half"], "--prefix", "c14/"));
        Assert.Equal(0, await node.Call().RunAsync("export", folder["half"], "--prefix", "c14/", "--resume"));

        Assert.Equal(whole, await File.ReadAllBytesAsync(folder["half"]));
    }

    [Fact]
    public async Task Bad_line_is_named_and_the_import_resumes_behind_what_is_stored()
    {
        using var folder = new TempFolder();
        string value = new('x', 50);
        string[] lines =
        [
            .. Enumerable.Range(1, 2_000)
                .Select(i => $"{{\"soul\":\"c15/{i:0000}\",\"fields\":{{\"v\":\"{value}\"}}}}"),
        ];
        string good = lines[1_499];
        lines[1_499] = good.Replace("\"v\":\"", "\"_\":\"", StringComparison.Ordinal);
        await File.WriteAllLinesAsync(folder["in"], lines);
        CliCall broken = node.Call();
        CliCall resumed = node.Call();

        int exit = await broken.RunAsync("import", folder["in"], "--batch", "4KiB", "--in-flight", "2");
        lines[1_499] = good;
        await File.WriteAllLinesAsync(folder["in"], lines);
        Assert.Equal(0, await resumed.RunAsync("import", folder["in"], "--resume", "--json"));

        Assert.Equal(ExitCode.Failed, exit);
        Assert.Contains("line 1500: ", broken.Error, StringComparison.Ordinal);
        long sent = JsonDocument.Parse(resumed.Out).RootElement.GetProperty("nodes").GetInt64();
        Assert.InRange(sent, 501, 700);
        CliCall list = node.Call();
        await list.RunAsync("ls", "c15/", "-n", "0");
        Assert.Equal(2_000, list.Lines.Length);
        Assert.False(File.Exists(folder["in.weft-import"]));
    }

    [Fact]
    public async Task Import_leaves_out_bad_lines_when_asked_and_reports_them()
    {
        const string lines = """
            {"soul":"c16/a","fields":{"v":1}}
            {"soul":"","fields":{"v":1}}
            {"soul":"c16/b","fields":{"v":1}}
            """;
        CliCall call = node.Call(input: lines);
        CliCall list = node.Call();

        Assert.Equal(ExitCode.Failed, await call.RunAsync("import", "-", "--skip-bad", "--json"));
        await list.RunAsync("ls", "c16/");

        Assert.Contains("line 2: W2002", call.Error, StringComparison.Ordinal);
        Assert.Equal(1, JsonDocument.Parse(call.Out).RootElement.GetProperty("refused").GetInt32());
        Assert.Equal(["c16/a", "c16/b"], list.Lines);
    }

    [Fact]
    public async Task Bench_reads_back_what_it_wrote()
    {
        CliCall call = node.Call();

        Assert.Equal(
            0, await call.RunAsync("bench", "mixed", "--clients", "4", "--msgs", "300", "--keys", "50", "--json"));

        JsonElement report = JsonDocument.Parse(call.Out).RootElement;
        Assert.Equal(300, report.GetProperty("written").GetInt64());
        Assert.Equal(0, report.GetProperty("lost").GetInt64());
        Assert.Equal(300, report.GetProperty("get").GetProperty("operations").GetInt64());
        Assert.Equal(0, report.GetProperty("get").GetProperty("errors").GetInt64());
    }

    [Fact]
    public async Task Problem_of_the_node_becomes_message_and_exit_code()
    {
        CliCall refused = node.Call().With("WEFT_TOKEN", "another-token-0123456789");
        CliCall json = node.Call();

        Assert.Equal(ExitCode.Refused, await refused.RunAsync("get", "alice"));
        Assert.Equal(ExitCode.Failed, await json.RunAsync("put", "", "a=1", "--json"));

        Assert.StartsWith("error W4101", refused.Error, StringComparison.Ordinal);
        Assert.Equal("W2002", JsonDocument.Parse(json.Error).RootElement.GetProperty("code").GetString());
    }

    [Fact]
    public async Task Status_and_doctor_tell_that_all_is_well()
    {
        CliCall status = node.Call();
        CliCall doctor = node.Call();

        Assert.Equal(0, await status.RunAsync("status", "--json"));
        Assert.Equal(0, await doctor.RunAsync("doctor"));

        Assert.True(JsonDocument.Parse(status.Out).RootElement.GetProperty("ready").GetBoolean());
        Assert.All(doctor.Lines, line => Assert.StartsWith("ok\t", line, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Lone_surrogate_is_shown_and_comes_back_unchanged()
    {
        const string line = "{\"soul\":\"c17\",\"fields\":{\"v\":\"a\\ud800b\"},\"states\":{\"v\":1000}}\n";
        Assert.Equal(0, await node.Call(input: line).RunAsync("import", "-"));
        CliCall json = node.Call();
        CliCall shown = node.Call(isTerminal: true);
        CliCall field = node.Call();
        CliCall export = node.Call();

        Assert.Equal(0, await json.RunAsync("get", "c17", "--json"));
        Assert.Equal(0, await shown.RunAsync("get", "c17"));
        Assert.Equal(0, await field.RunAsync("get", "c17", "v"));
        Assert.Equal(0, await node.Call().RunAsync("why", "c17", "v", "--json"));
        Assert.Equal(0, await export.RunAsync("export", "--prefix", "c17"));

        Assert.Contains("\"value\":\"a\\ud800b\"", json.Out, StringComparison.Ordinal);
        Assert.StartsWith("a", field.Out, StringComparison.Ordinal);
        Assert.Equal(line, export.Out);
    }
}
