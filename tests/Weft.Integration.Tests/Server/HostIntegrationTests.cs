using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Weft.Node;
using Weft.Primitives;
using Weft.Server;

namespace Weft.Integration.Tests.Server;

public sealed class HostIntegrationTests
{
    [Fact]
    public async Task Host_with_add_weft_and_map_weft_serves_its_peer()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Weft:Name"] = "from configuration",
            ["Weft:Token"] = "token-from-configuration",
            ["Weft:MemoryMiB"] = "64",
        });
        builder.Services.AddWeft(weft => weft.UseMemoryStore().Configure(options => options.MemoryMiB = 32));
        builder.Services.AddHealthChecks().AddWeft();
        await using WebApplication app = builder.Build();
        app.MapWeft();
        await app.StartAsync();

        var peer = app.Services.GetRequiredService<WeftPeer>();
        Assert.Equal("from configuration", peer.Options.Name);
        Assert.Equal(32, peer.Options.MemoryMiB);
        Assert.Same(peer.Node, app.Services.GetRequiredService<WeftNode>());
        await app.Services.GetRequiredService<GraphSpace>().Get("s").PutAsync("f", "here");

        string address = app.Services.GetRequiredService<IServer>()
            .Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        using var client = new HttpClient { BaseAddress = new Uri(address) };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue(
            "Bearer", "token-from-configuration");
        Assert.Equal("\"here\"", await client.GetStringAsync("/api/v1/field?soul=s&name=f"));
        using HttpResponseMessage unknown = await client.GetAsync("/api/v1/nowhere");
        await ApiHost.ProblemAsync(unknown, 404, "W1005");
        Assert.Contains("weft_merge_results_total", await client.GetStringAsync("/metrics"), StringComparison.Ordinal);

        HealthReport health = await app.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync();
        Assert.Equal(["weft-live", "weft-ready", "weft-synced"], health.Entries.Keys.Order());
        Assert.Equal(HealthStatus.Healthy, health.Status);

        Task stopped = app.WaitForShutdownAsync();
        await client.PostAsync("/api/v1/shutdown", null);
        await stopped.WaitAsync(TimeSpan.FromSeconds(20));
        Assert.False(peer.IsReady);
    }

    [Theory]
    [InlineData("Weft:MemoryMiB", "8", "16")]
    [InlineData("Weft:MemoryMiB", "much", "whole number")]
    [InlineData("Weft:Durability", "none", "disk")]
    [InlineData("Weft:Durability", "2", "disk")]
    [InlineData("Weft:TombstoneHorizon", "soon", "7d")]
    [InlineData("Weft:Peers:0", "http//x", "ws://")]
    [InlineData("Weft:Name", "a\u0007b", "control characters")]
    public async Task Broken_configuration_stops_the_start_and_says_key_value_and_what_is_allowed(
        string key, string value, string allowed)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?> { [key] = value });
        builder.Services.AddWeft(weft => weft.UseMemoryStore());
        using IHost host = builder.Build();

        Exception failure = await Assert.ThrowsAnyAsync<Exception>(() => host.StartAsync());

        Assert.True(failure is OptionsValidationException or WeftException, failure.ToString());
        Assert.Contains(key.Replace(":0", ""), failure.Message, StringComparison.Ordinal);
        Assert.Contains(value.Replace('\u0007', '?'), failure.Message.Replace('\u0007', '?'), StringComparison.Ordinal);
        Assert.Contains(allowed, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void One_host_runs_one_peer()
    {
        var services = new ServiceCollection();
        services.AddWeft();

        Assert.Throws<InvalidOperationException>(() => services.AddWeft());
    }

    [Fact]
    public async Task Peer_without_a_host_starts_writes_and_dials()
    {
        await using ApiHost relay = await ApiHost.StartAsync();
        string url = $"ws://{relay.Server.Url.Authority}";
        var options = new WeftOptions { Store = WeftStoreKind.Memory, Peers = { url } };
        await using WeftPeer peer = await WeftPeer.StartAsync(options);

        await peer.Graph.Get("alice").PutAsync("name", "Ada");
        using SseReader watch = await SseReader.OpenAsync(relay, "soul=alice");
        SseEvent? seen;
        do
        {
            seen = await watch.NextAsync();
        }
        while (seen is { Name: "synced" });

        Assert.Equal("\"Ada\"", seen!.Value);
    }

    [Fact]
    public async Task Tls_by_certificate_files_serves_http_and_gun()
    {
        string folder = Directory.CreateTempSubdirectory("weft-tls-").FullName;
        try
        {
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
            using X509Certificate2 certificate = request.CreateSelfSigned(
                DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
            string certificateFile = Path.Combine(folder, "cert.pem");
            string keyFile = Path.Combine(folder, "key.pem");
            await File.WriteAllTextAsync(certificateFile, certificate.ExportCertificatePem());
            await File.WriteAllTextAsync(keyFile, key.ExportPkcs8PrivateKeyPem());
            await using ApiHost host = await ApiHost.StartAsync(options =>
                (options.TlsCertificateFile, options.TlsKeyFile) = (certificateFile, keyFile));

            Assert.Equal("https", host.Server.Url.Scheme);
            byte[] expected = SHA256.HashData(certificate.RawData);
            using var handler = new SocketsHttpHandler
            {
                SslOptions = new SslClientAuthenticationOptions
                {
                    RemoteCertificateValidationCallback = (_, presented, _, _) =>
                        presented is not null && SHA256.HashData(presented.GetRawCertData()).SequenceEqual(expected),
                },
            };
            using var client = new HttpClient(handler) { BaseAddress = host.Server.Url };
            using HttpResponseMessage live = await client.GetAsync("/health/live");
            Assert.Equal(HttpStatusCode.OK, live.StatusCode);
            using HttpResponseMessage gun = await client.GetAsync("/gun");
            Assert.Equal(HttpStatusCode.UpgradeRequired, gun.StatusCode);

            await File.WriteAllTextAsync(keyFile, "no key");
            WeftException refused = await Assert.ThrowsAsync<WeftException>(() => ApiHost.StartAsync(options =>
                (options.TlsCertificateFile, options.TlsKeyFile) = (certificateFile, keyFile)));
            Assert.Contains("key.pem", refused.Message, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task Collector_that_is_not_there_disturbs_nothing()
    {
        await using ApiHost host = await ApiHost.StartAsync(options => options.OtlpEndpoint = "http://127.0.0.1:9");
        await host.PutAsync("s", "f", "1");
        long started = Environment.TickCount64;

        await host.Server.DisposeAsync();

        Assert.InRange(Environment.TickCount64 - started, 0, 5_000);
    }

    [Fact]
    public async Task Connections_and_watches_are_logged_with_their_end()
    {
        var log = new LogKeeper();
        var options = new ServerOptions
        {
            Http = "127.0.0.1:0",
            Token = "token",
            Peer = new WeftOptions { Store = WeftStoreKind.Memory },
        };
        await using (WeftServer server = await WeftServer.StartAsync(options, log))
        {
            using var client = new HttpClient { BaseAddress = server.Url };
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "token");
            using HttpResponseMessage watch = await client.GetAsync(
                "/api/v1/watch?prefix=a", HttpCompletionOption.ResponseHeadersRead);
            using var gun = new System.Net.WebSockets.ClientWebSocket();
            await gun.ConnectAsync(new Uri($"ws://{server.Url.Authority}/gun"), CancellationToken.None);

            // The handshake ends a moment before the node takes the connection; one that stops by then takes none.
            await log.WaitForAsync(@"^Weft\.Gun Connection 1 from 127\.0\.0\.1:\d+ is open$");
        }

        foreach (string pattern in new[]
        {
            @"^Weft\.Server Listening on http://127\.0\.0\.1:\d+/; the API token is in no file$",
            @"^Weft\.Connections Connection \S+ opened from 127\.0\.0\.1:\d+$",
            @"^Weft\.Connections Connection \S+ from 127\.0\.0\.1:\d+ closed after \d+ ms$",
            @"^Weft\.Server Watch 1 started from 127\.0\.0\.1 on a\*$",
            @"^Weft\.Server Watch 1 ended after \d+ ms and \d+ events: ",
            @"^Weft\.Gun Connection 1 from 127\.0\.0\.1:\d+ is open$",
            @"^Weft\.Gun Connection 1 from .+ is closed after \d+ ms: ",
            @"^Weft\.Server Stopped after \d+ ms$",
        })
        {
            // The web host lets go of an aborted connection a moment after it has stopped.
            await log.WaitForAsync(pattern);
        }
    }

    [Fact]
    public async Task Logs_hold_no_token_and_no_control_characters()
    {
        var log = new LogKeeper();
        const string Canary = "canary-token-7f3a9c";
        var options = new ServerOptions
        {
            Http = "127.0.0.1:0",
            Token = Canary,
            Peer = new WeftOptions { Store = WeftStoreKind.Memory },
        };
        await using (WeftServer server = await WeftServer.StartAsync(options, log))
        {
            using var client = new HttpClient { BaseAddress = server.Url };
            foreach (string token in new[] { Canary, Canary + "x" })
            {
                foreach (string path in new[]
                {
                    "/api/v1/field?soul=a%0d%0aINJECTED%1b%5b31m&name=%0a", "/a%0d%0aINJECTED%1b%5b31m",
                    "/api/v1/field?soul=%ff",
                    "/api/v1/field?soul=s&name=f&ack=%0aINJECTED",
                })
                {
                    using var request = new HttpRequestMessage(HttpMethod.Get, path);
                    request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + token);
                    using HttpResponseMessage response = await client.SendAsync(request);
                    string body = await response.Content.ReadAsStringAsync();
                    Assert.DoesNotContain(Canary, body, StringComparison.Ordinal);
                }
            }

            Assert.DoesNotContain(Canary, await client.GetStringAsync("/metrics"), StringComparison.Ordinal);
        }

        Assert.Contains(log.Lines, line => line.Contains("INJECTED", StringComparison.Ordinal));
        Assert.Contains(log.Lines, line => line.StartsWith("Weft.Server Refused access to ", StringComparison.Ordinal));
        Assert.All(log.Lines, line =>
        {
            Assert.DoesNotContain(line, char.IsControl);
            Assert.DoesNotContain(Canary, line, StringComparison.Ordinal);
        });
    }

    private sealed class LogKeeper : ILoggerFactory
    {
        private readonly List<string> _lines = [];
        private TaskCompletionSource _added = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public IReadOnlyList<string> Lines
        {
            get
            {
                lock (_lines)
                {
                    return [.. _lines.Where(line => line.StartsWith("Weft", StringComparison.Ordinal))];
                }
            }
        }

        /// <summary>Waits until a line matches; fails with all lines when none does within 20 s.</summary>
        public async Task WaitForAsync(string pattern)
        {
            using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(20));
            while (true)
            {
                Task added;
                lock (_lines)
                {
                    added = _added.Task;
                }

                if (Lines.Any(line => System.Text.RegularExpressions.Regex.IsMatch(line, pattern)))
                {
                    return;
                }

                try
                {
                    await added.WaitAsync(deadline.Token);
                }
                catch (OperationCanceledException)
                {
                    Assert.Fail($"No line matches {pattern} in:\n{string.Join('\n', Lines)}");
                }
            }
        }

        public ILogger CreateLogger(string categoryName) => new Named(this, categoryName);

        public void AddProvider(ILoggerProvider provider)
        {
        }

        public void Dispose()
        {
        }

        private void Add(string line)
        {
            lock (_lines)
            {
                _lines.Add(line);
                _added.TrySetResult();
                _added = new(TaskCreationOptions.RunContinuationsAsynchronously);
            }
        }

        private sealed class Named(LogKeeper keeper, string category) : ILogger
        {
            public IDisposable? BeginScope<TState>(TState state)
                where TState : notnull => null;

            public bool IsEnabled(LogLevel logLevel) => true;

            public void Log<TState>(
                LogLevel logLevel,
                EventId eventId,
                TState state,
                Exception? exception,
                Func<TState, Exception?, string> formatter) =>
                keeper.Add($"{category} {formatter(state, exception)}");
        }
    }
}
