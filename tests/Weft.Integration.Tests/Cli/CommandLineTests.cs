using System.Text.Json;
using Weft.Cli.App;
using Weft.Primitives;

namespace Weft.Integration.Tests.Cli;

public sealed class CommandLineTests
{
    [Fact]
    public async Task Help_shows_start_and_data_and_names_the_rest()
    {
        var call = new CliCall();

        int exit = await call.RunAsync("--help");

        Assert.Equal(0, exit);
        Assert.Contains("START", call.Out, StringComparison.Ordinal);
        Assert.Contains("weft put", call.Out, StringComparison.Ordinal);
        Assert.DoesNotContain("weft verify", call.Out, StringComparison.Ordinal);
        Assert.Contains("MORE  topic", call.Out, StringComparison.Ordinal);
        Assert.Empty(call.Error);
    }

    [Fact]
    public async Task Help_with_all_shows_every_command()
    {
        var call = new CliCall();

        await call.RunAsync("--help", "--all");

        Assert.All(
            CommandTree.Sections.SelectMany(section => section.Commands),
            command => Assert.Contains($"weft {command.Name} ", call.Out, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Every_command_has_help_with_an_example()
    {
        foreach (System.CommandLine.Command command in CommandTree.Sections.SelectMany(section => section.Commands))
        {
            var call = new CliCall();

            Assert.Equal(0, await call.RunAsync(command.Name, "--help"));

            Assert.Contains("Examples", call.Out, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("statsu", "status")]
    [InlineData("impotr", "import")]
    [InlineData("gt", "get")]
    public async Task Unknown_word_gets_one_suggestion_and_not_the_whole_help(string word, string meant)
    {
        var call = new CliCall();

        int exit = await call.RunAsync(word);

        Assert.Equal(ExitCode.Usage, exit);
        Assert.Contains($"did you mean \"{meant}\"?", call.Error, StringComparison.Ordinal);
        Assert.Empty(call.Out);
        Assert.True(call.Error.Length < 200, call.Error);
    }

    [Fact]
    public async Task Word_like_no_other_gets_no_suggestion()
    {
        var call = new CliCall();

        Assert.Equal(ExitCode.Usage, await call.RunAsync("frobnicate"));

        Assert.DoesNotContain("did you mean", call.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("get", "alice", "--jsn")]
    [InlineData("get", "--jsn", "alice")]
    [InlineData("ls", "--limti", "3")]
    public async Task Mistyped_option_is_wrong_usage_and_never_a_soul(params string[] words)
    {
        var call = new CliCall();

        Assert.Equal(ExitCode.Usage, await call.RunAsync(words));

        Assert.Contains("is not an option of weft", call.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("put", "alice")]
    [InlineData("put", "alice", "nonsense")]
    [InlineData("put", "alice", "=x")]
    [InlineData("put", "alice", "born:=18 15")]
    [InlineData("put", "alice", "a=1", "a=2")]
    [InlineData("get")]
    [InlineData("set")]
    [InlineData("set", "add", "posts")]
    [InlineData("walk", "alice", "--direction", "sideways")]
    [InlineData("ls", "--limit", "many")]
    [InlineData("get", "alice", "--timeout", "soon")]
    [InlineData("import", "/nonexistent/file.jsonl")]
    [InlineData("bench", "put", "--size", "huge")]
    [InlineData("explain", "W0000")]
    [InlineData("peers", "add", "not a url")]
    public async Task Wrong_usage_exits_with_2_and_prints_nothing_on_stdout(params string[] words)
    {
        var call = new CliCall();

        int exit = await call.RunAsync(words);

        Assert.Equal(ExitCode.Usage, exit);
        Assert.StartsWith("error W", call.Error, StringComparison.Ordinal);
        Assert.Empty(call.Out);
    }

    [Fact]
    public async Task No_node_exits_with_5_and_says_what_to_do()
    {
        var call = new CliCall();

        int exit = await call.RunAsync("get", "alice", "--url", "http://127.0.0.1:1");

        Assert.Equal(ExitCode.Unreachable, exit);
        Assert.StartsWith("error W1001: no node answers at http://127.0.0.1:1", call.Error, StringComparison.Ordinal);
        Assert.Contains("weft up", call.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Errors_are_problem_documents_with_json()
    {
        var call = new CliCall();

        int exit = await call.RunAsync("get", "alice", "--url", "http://127.0.0.1:1", "--json");

        using JsonDocument problem = JsonDocument.Parse(call.Error);
        Assert.Equal(ExitCode.Unreachable, exit);
        Assert.Equal("W1001", problem.RootElement.GetProperty("code").GetString());
        Assert.Equal(5, problem.RootElement.GetProperty("exit").GetInt32());
        Assert.Equal(1, call.Error.Count(unit => unit == '\n'));
    }

    [Fact]
    public async Task Explain_prints_what_an_error_means()
    {
        var call = new CliCall();

        int exit = await call.RunAsync("explain", "W3101");

        Assert.Equal(0, exit);
        Assert.Contains("The port is in use", call.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Explain_knows_every_error_of_the_catalogue()
    {
        foreach (ErrorEntry entry in ErrorCatalogue.All)
        {
            var call = new CliCall();

            Assert.Equal(0, await call.RunAsync("explain", ErrorCatalogue.Code(entry.Error), "--json"));

            using JsonDocument shown = JsonDocument.Parse(call.Out);
            Assert.Equal(entry.Title, shown.RootElement.GetProperty("title").GetString());
        }
    }

    [Theory]
    [InlineData("version")]
    [InlineData("--version")]
    public async Task Version_is_one_line(string word)
    {
        var call = new CliCall();

        Assert.Equal(0, await call.RunAsync(word));

        Assert.Matches(@"^weft \d+\.\d+\.\d+\n$", call.Out);
    }

    [Fact]
    public async Task Terminal_gets_colour_and_NO_COLOR_takes_it_away()
    {
        var coloured = new CliCall { IsTerminal = true };
        var plain = new CliCall { IsTerminal = true };
        var dumb = new CliCall { IsTerminal = true };

        await coloured.RunAsync("explain", "W3101");
        await plain.With("NO_COLOR", "1").RunAsync("explain", "W3101");
        await dumb.With("TERM", "dumb").RunAsync("explain");

        Assert.Contains('\e', coloured.Out);
        Assert.DoesNotContain('\e', plain.Out);
        Assert.DoesNotContain('\e', dumb.Out);
    }

    [Fact]
    public async Task Pipe_gets_tabs_and_no_drawing()
    {
        var call = new CliCall();

        await call.RunAsync("explain");

        Assert.DoesNotContain('\e', call.Out);
        Assert.All(call.Lines, line => Assert.Equal(3, line.Split('\t').Length));
    }
}
