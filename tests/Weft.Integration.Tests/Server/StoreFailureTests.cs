using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Server;

namespace Weft.Integration.Tests.Server;

/// <summary>What clients are told when the disk lets the node down.</summary>
public sealed class StoreFailureTests : IAsyncLifetime
{
    private readonly FailingStore _store = new();
    private WebApplication _app = null!;
    private HttpClient _client = null!;

    public async Task InitializeAsync()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddWeft(
            weft => weft.UseMemoryStore().UseStore((_, _) => ValueTask.FromResult<IStore>(_store)));
        builder.Services.AddHealthChecks().AddWeft();
        _app = builder.Build();
        _app.MapWeft(new ServerOptions { Token = "token" });
        await _app.StartAsync();
        string address = _app.Services.GetRequiredService<IServer>()
            .Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        _client = new HttpClient { BaseAddress = new Uri(address) };
        _client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "token");
    }

    public async Task DisposeAsync()
    {
        _client.Dispose();
        _store.AppendError = WeftError.None;
        await _app.DisposeAsync();
    }

    [Theory]
    [InlineData(WeftError.DiskFull, 507, true)]
    [InlineData(WeftError.DiskFailed, 500, false)]
    [InlineData(WeftError.StoreStopped, 503, false)]
    public async Task Failed_write_is_a_problem_and_reads_go_on(WeftError error, int status, bool transient)
    {
        Assert.Equal(HttpStatusCode.OK, (await PutAsync("s", "1")).StatusCode);
        _store.AppendError = error;

        using HttpResponseMessage put = await PutAsync("s", "2");
        JsonElement problem = await ApiHost.ProblemAsync(put, status, ErrorCatalogue.Code(error));
        Assert.Equal(transient, problem.GetProperty("transient").GetBoolean());
        Assert.Equal(transient, put.Headers.RetryAfter is not null);
        Assert.Contains(
            "writes are refused, reads go on", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);

        _store.AppendError = WeftError.None;
        Assert.Equal(HttpStatusCode.OK, (await PutAsync("t", "3")).StatusCode);
        Assert.Equal("3", await _client.GetStringAsync("/api/v1/field?soul=t&name=f"));
    }

    [Fact]
    public async Task Import_that_meets_a_full_disk_names_a_line_and_can_be_sent_again()
    {
        var body = new StringBuilder();
        for (int i = 0; i < 10_000; i++)
        {
            body.Append($"{{\"soul\":\"n/{i}\",\"fields\":{{\"f\":{i}}},\"states\":{{\"f\":1}}}}\n");
        }

        _store.AppendError = WeftError.DiskFull;
        using HttpResponseMessage refused = await ImportAsync(body.ToString());
        JsonElement problem = await ApiHost.ProblemAsync(refused, 507, "W3307");
        Assert.InRange(problem.GetProperty("line").GetInt64(), 1, 10_000);

        _store.AppendError = WeftError.None;
        using HttpResponseMessage again = await ImportAsync(body.ToString());
        Assert.Equal(HttpStatusCode.OK, again.StatusCode);
        Assert.Equal("9999", await _client.GetStringAsync("/api/v1/field?soul=n/9999&name=f"));
    }

    [Fact]
    public async Task Damaged_node_is_an_error_of_its_own_and_the_export_goes_on_behind_it()
    {
        foreach (string soul in new[] { "a", "b", "c" })
        {
            await PutAsync(soul, "1");
        }

        _store.DamagedSoul = "b";
        using HttpResponseMessage read = await _client.GetAsync("/api/v1/field?soul=b&name=f");
        await ApiHost.ProblemAsync(read, 500, "W3203");
        Assert.Equal("1", await _client.GetStringAsync("/api/v1/field?soul=c&name=f"));

        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/v1/nodes");
        request.Headers.Accept.ParseAdd("application/x-ndjson");
        using HttpResponseMessage export = await _client.SendAsync(request);
        string[] lines = (await export.Content.ReadAsStringAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(3, lines.Length);
        Assert.Equal("""{"soul":"b","fields":{},"damaged":true}""", lines[1]);
    }

    [Fact]
    public async Task Store_that_stopped_makes_the_node_not_ready_but_alive()
    {
        _store.Failure = "the disk failed";

        using HttpResponseMessage ready = await _client.GetAsync("/health/ready");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, ready.StatusCode);
        Assert.Contains("the disk failed", await ready.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        using HttpResponseMessage live = await _client.GetAsync("/health/live");
        Assert.Equal(HttpStatusCode.OK, live.StatusCode);
        HealthReport report = await _app.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync();
        Assert.Equal(HealthStatus.Unhealthy, report.Entries["weft-ready"].Status);
        Assert.Equal(HealthStatus.Healthy, report.Entries["weft-live"].Status);
    }

    private Task<HttpResponseMessage> PutAsync(string soul, string json) => _client.PutAsync(
        $"/api/v1/field?soul={soul}&name=f", new StringContent(json, Encoding.UTF8, "application/json"));

    private Task<HttpResponseMessage> ImportAsync(string body) => _client.PostAsync(
        "/api/v1/nodes:batch", new StringContent(body, Encoding.UTF8, "application/x-ndjson"));
}
