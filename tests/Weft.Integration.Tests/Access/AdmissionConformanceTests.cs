using System.Globalization;
using System.Text;
using System.Text.Json;
using Weft.Graph;
using Weft.Graph.Access;
using Weft.Graph.Policy;
using Weft.Integration.Tests.Server;
using Weft.Node;
using Weft.Primitives;
using Weft.Testing;
using static Weft.Integration.Tests.Access.AdmissionSigners;

namespace Weft.Integration.Tests.Access;

/// <summary>
/// One table of writes, put through every way in: each way gives the same verdict, and stores what it takes.
/// </summary>
public sealed class AdmissionConformanceTests : IAsyncLifetime
{
    private ApiHost _host = null!;
    private double _now;

    private WeftNode Node => _host.Server.Peer.Node;

    public static TheoryData<string> Ways =>
        ["C#", "HTTP field", "HTTP node", "HTTP batch", "import", "GUN client", "GUN link"];

    public async Task InitializeAsync()
    {
        _host = await ApiHost.StartAsync();
        _now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        await AdmissionWorld.PrepareAsync(Node, _now);
    }

    public async Task DisposeAsync() => await _host.DisposeAsync();

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Every_way_in_gives_the_verdict_of_the_table(string way)
    {
        await using Door door = await Door.OpenAsync(way, _host);
        var wrong = new List<string>();
        int taken = 0;
        int refused = 0;
        foreach ((int number, AdmissionCase item) in AdmissionCases.All.Index())
        {
            FieldWrite write = item.Make("f" + number, _now);
            if (!door.Carries(write))
            {
                continue;
            }

            WeftError expected = door.Signs ? item.Local ?? item.Error : item.Error;
            StoredField? before = await Node.Store.ReadFieldAsync(write.Soul, write.Field);
            WeftError actual = await door.WriteAsync(write);
            StoredField? after = await Node.Store.ReadFieldAsync(write.Soul, write.Field);
            bool isStored = after is StoredField now && now.State == write.State && now.Value == write.Value;
            if (actual != expected)
            {
                wrong.Add($"{item.Name}: {actual} instead of {expected}");
            }
            else if (isStored != (expected == WeftError.None) || (!isStored && after != before))
            {
                wrong.Add($"{item.Name}: {actual}, and {(isStored ? "stored" : "not stored")}");
            }

            taken += expected == WeftError.None ? 1 : 0;
            refused += expected == WeftError.None ? 0 : 1;
        }

        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
        Assert.InRange(taken, 8, 40); // Both sides of the table came through this way.
        Assert.InRange(refused, 8, 80);
        Assert.True(Node.Metrics.AdmissionRefusals.Values.Sum() >= refused);
    }

    [Fact]
    public void The_table_names_every_reason_once_at_least()
    {
        WeftError[] reasons = [.. AdmissionCases.All.Select(item => item.Error).Distinct()];

        Assert.Equal(AdmissionCases.All.Count, AdmissionCases.All.Select(item => item.Name).Distinct().Count());
        Assert.Subset(
            reasons.ToHashSet(),
            new HashSet<WeftError>
            {
                WeftError.None, WeftError.NotOwner, WeftError.SignatureMissing, WeftError.SignatureRefused,
                WeftError.ProofMalformed, WeftError.OwnedByNobody, WeftError.GrantExpired, WeftError.GrantRefused,
                WeftError.CertificateExpired, WeftError.CertificateRefused, WeftError.NameMismatch,
                WeftError.ContentHashWrong, WeftError.StateTooOld, WeftError.RuleBroken, WeftError.RuleUnknown,
                WeftError.SealRequired, WeftError.KeyRotated, WeftError.StateTooFarAhead,
            });
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task A_replay_of_old_data_changes_nothing(string way)
    {
        await using Door door = await Door.OpenAsync(way, _host);
        string soul = SoulOf(Alice) + "/replay";
        FieldWrite old = Sign(Alice, new FieldWrite(soul, "f", "old", _now - 2_000));
        FieldWrite deleted = Sign(Alice, new FieldWrite(soul, "f", WeftValue.Null, _now - 1_000));
        if (!door.Carries(old))
        {
            return; // The one way without proofs; its verdict on owned souls stands in the table.
        }

        Assert.Equal(WeftError.None, await door.WriteAsync(old));
        Assert.Equal(WeftError.None, await door.WriteAsync(deleted));
        Assert.Equal(WeftError.None, await door.WriteAsync(old));

        Assert.Equal(deleted.State, (await Node.Store.ReadFieldAsync(soul, "f"))!.Value.State);
    }

    /// <summary>One way in.</summary>
    private sealed class Door(string way, ApiHost host) : IAsyncDisposable
    {
        private GunTestClient? _client;
        private int _messages;

        /// <summary>True where this node signs what comes without a proof.</summary>
        public bool Signs => _client is null;

        public static async Task<Door> OpenAsync(string way, ApiHost host)
        {
            var door = new Door(way, host);
            if (way.StartsWith("GUN", StringComparison.Ordinal))
            {
                Uri url = new UriBuilder(host.Server.Url) { Scheme = "ws", Path = "/gun" }.Uri;
                door._client = await GunTestClient.ConnectAsync(url);
            }

            if (way == "GUN link")
            {
                await door._client!.SendAsync(
                    """{"dam":"?","#":"hello","pid":"relay","weft":{"store":"other","relay":true}}""");
                await door._client.AnswerAsync("hello");
            }

            return door;
        }

        /// <summary>A single field over HTTP has no place for a proof.</summary>
        public bool Carries(in FieldWrite write) => way != "HTTP field" || write.Extras is null;

        public Task<WeftError> WriteAsync(FieldWrite write) => way switch
        {
            "C#" => CodeAsync(write),
            "HTTP field" => HttpAsync(
                "PUT",
                $"field?soul={Uri.EscapeDataString(write.Soul)}&name={Uri.EscapeDataString(write.Field)}"
                + $"&state={Number(write.State)}",
                write.Value.ToString()),
            "HTTP node" => HttpAsync("PATCH", $"node?soul={Uri.EscapeDataString(write.Soul)}", Record(write)),
            "HTTP batch" => HttpAsync("POST", "nodes:batch", $"[{Record(write)}]"),
            "import" => HttpAsync("POST", "nodes:batch", Record(write) + "\n", "application/x-ndjson"),
            _ => GunAsync(write),
        };

        public async ValueTask DisposeAsync()
        {
            if (_client is not null)
            {
                await _client.DisposeAsync();
            }
        }

        private async Task<WeftError> CodeAsync(FieldWrite write) =>
            (await host.Server.Peer.Graph.WriteAsync([write], WriteSource.Local)).Error;

        private async Task<WeftError> HttpAsync(
            string method, string path, string body, string type = "application/json")
        {
            using HttpResponseMessage response = await host.SendAsync(method, "/api/v1/" + path, body, type);
            string text = await response.Content.ReadAsStringAsync();
            return response.IsSuccessStatusCode
                ? WeftError.None
                : ErrorOf(JsonDocument.Parse(text).RootElement.GetProperty("code").GetString()!);
        }

        private async Task<WeftError> GunAsync(FieldWrite write)
        {
            string id = "m" + _messages++;
            string soul = Quoted(write.Soul);
            string field = Quoted(write.Field);
            string proof = write.Extras is null ? "" : $",\"weft\":{{{field}:{Proof(write)}}}";
            await _client!.SendAsync(
                $"{{\"#\":\"{id}\",\"put\":{{{soul}:{{\"_\":{{\"#\":{soul},"
                + $"\">\":{{{field}:{Number(write.State)}}}{proof}}},"
                + $"{field}:{write.Value}}}}}}}");
            JsonElement answer = await _client.AnswerAsync(id);
            return answer.TryGetProperty("err", out JsonElement error) ? ErrorOf(error.GetString()!) : WeftError.None;
        }

        /// <summary>The error of a text that begins with its code, as "W4302 …".</summary>
        private static WeftError ErrorOf(string text) =>
            (WeftError)int.Parse(text.AsSpan(1, 4), CultureInfo.InvariantCulture);

        private static string Record(FieldWrite write)
        {
            string field = Quoted(write.Field);
            string proof = write.Extras is null ? "" : $",\"proof\":{{{field}:{Proof(write)}}}";
            return $"{{\"soul\":{Quoted(write.Soul)},\"fields\":{{{field}:{write.Value}}},"
                + $"\"states\":{{{field}:{Number(write.State)}}}{proof}}}";
        }

        private static string Proof(FieldWrite write) =>
            Quoted(Encoding.ASCII.GetString(ProofText.Format(write.Extras!)));

        private static string Quoted(string text) => Encoding.UTF8.GetString(JsonText.Quote(text));

        private static string Number(double state) => state.ToString("R", CultureInfo.InvariantCulture);
    }
}
