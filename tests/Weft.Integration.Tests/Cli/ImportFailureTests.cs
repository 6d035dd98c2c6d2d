using System.Net;
using Weft.Cli.App;
using Weft.Cli.Http;
using Weft.Primitives;
using Weft.Testing;

namespace Weft.Integration.Tests.Cli;

/// <summary>What an import says when the connection fails beside, or before, the answer that names the line.</summary>
public sealed class ImportFailureTests
{
    [Fact]
    public async Task An_answer_that_comes_while_the_body_is_being_sent_is_read_though_sending_fails()
    {
        using var folder = new TempFolder();
        string value = new('x', 60_000);
        await File.WriteAllLinesAsync(
            folder["in"],
            Enumerable.Range(1, 200).Select(i => $"{{\"soul\":\"s{i}\",\"fields\":{{\"v\":\"{value}\"}}}}"));
        await using var node = new ScriptedNode(async request =>
        {
            await request.RefuseLineAsync(3); // Not one byte of the body is read, so closing resets the connection.
            return false;
        });
        CliCall call = node.Call();

        int exit = await call.RunAsync("import", folder["in"], "--batch", "16MiB", "--in-flight", "1");

        Assert.Contains("line 3: a bad line", call.Error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Failed, exit);
    }

    [Fact]
    public async Task A_connection_that_breaks_does_not_hide_the_line_that_another_request_names()
    {
        using var folder = new TempFolder();
        await File.WriteAllLinesAsync(folder["in"], TwoBatches());
        int broken = 0;
        var bothBroke = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var node = new ScriptedNode(async request =>
        {
            string body = await request.BodyAsync();
            if (body.Contains("\"b/", StringComparison.Ordinal))
            {
                if (Interlocked.Increment(ref broken) == 2)
                {
                    bothBroke.SetResult(); // The client has tried it on two connections and gives this batch up.
                }

                return false;
            }

            await bothBroke.Task.WaitAsync(TimeSpan.FromSeconds(60));
            await request.RefuseLineAsync(2);
            return true;
        });
        CliCall call = node.Call();

        int exit = await call.RunAsync("import", folder["in"], "--batch", "4KiB", "--in-flight", "2");

        Assert.Contains("line 2: a bad line", call.Error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Failed, exit);
    }

    [Fact]
    public async Task A_connection_that_breaks_once_is_tried_again()
    {
        using var folder = new TempFolder();
        await File.WriteAllLinesAsync(folder["in"], TwoBatches());
        int requests = 0;
        await using var node = new ScriptedNode(async request =>
        {
            await request.BodyAsync();
            if (Interlocked.Increment(ref requests) == 1)
            {
                return false;
            }

            await request.TakeAsync();
            return true;
        });
        CliCall call = node.Call();

        Assert.Equal(0, await call.RunAsync("import", folder["in"], "--batch", "4KiB", "--in-flight", "1"));
        Assert.Equal(3, requests);
    }

    [Fact]
    public async Task A_node_that_is_gone_is_named_unreachable()
    {
        using var folder = new TempFolder();
        await File.WriteAllLinesAsync(folder["in"], TwoBatches());
        CliCall call = new CliCall().With("WEFT_URL", $"http://127.0.0.1:{CliNode.FreePort()}").With("WEFT_TOKEN", "x");

        Assert.Equal(ExitCode.Unreachable, await call.RunAsync("import", folder["in"], "--batch", "4KiB"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_request_that_was_cancelled_ends_as_cancelled_whatever_its_connection_says(bool isIo)
    {
        using var cancelled = new CancellationTokenSource();
        using var client = new WeftClient(
            new Uri("http://127.0.0.1:1"), "token", timeout: null, handler: new Failing(() =>
            {
                cancelled.Cancel();
                return isIo ? new IOException("reset") : new HttpRequestException("reset");
            }));

        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => client.SendAsync(HttpMethod.Post, "x", "{}"u8.ToArray(), cancelled.Token));
    }

    [Fact]
    public async Task An_answer_that_takes_what_was_never_sent_whole_is_not_believed()
    {
        using var client = new WeftClient(
            new Uri("http://127.0.0.1:1"), "token", timeout: null, handler: new Cutting());

        CliException error = await Assert.ThrowsAsync<CliException>(
            () => client.SendAsync(HttpMethod.Post, "x", "{}"u8.ToArray(), CancellationToken.None));
        Assert.Equal(WeftError.NodeUnreachable, error.Error);
    }

    // Each is one batch of 4 KiB.
    private static IEnumerable<string> TwoBatches() =>
        from name in (string[])["a", "b"]
        from i in Enumerable.Range(1, 2)
        select $"{{\"soul\":\"{name}/{i}\",\"fields\":{{\"v\":\"{new string('x', 1_950)}\"}}}}";

    private sealed class Failing(Func<Exception> failure) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(
            HttpRequestMessage request, CancellationToken cancellationToken) =>
            Task.FromException<HttpResponseMessage>(failure());
    }

    private sealed class Cutting : HttpMessageHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(
            HttpRequestMessage request, CancellationToken cancellationToken)
        {
            await using var broken = new BrokenStream();
            await request.Content!.CopyToAsync(broken, cancellationToken);
            return new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent("{}") };
        }
    }

    private sealed class BrokenStream : MemoryStream
    {
        public override ValueTask WriteAsync(
            ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
            ValueTask.FromException(new IOException("reset"));
    }
}
