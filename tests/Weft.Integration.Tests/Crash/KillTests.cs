using System.Globalization;
using Weft.Testing;

namespace Weft.Integration.Tests.Crash;

/// <summary>
/// Kills the real process with SIGKILL while it writes. eng/nightly plays 200 rounds of 10,000 writes;
/// WEFT_KILL_ROUNDS, WEFT_KILL_WRITES and WEFT_SEED choose otherwise.
/// </summary>
public sealed class KillTests
{
    private static readonly bool IsNightly = Environment.GetEnvironmentVariable("WEFT_NIGHTLY") == "1";

    [Fact]
    public async Task No_acknowledged_write_is_lost_when_the_process_is_killed()
    {
        int rounds = Setting("WEFT_KILL_ROUNDS", IsNightly ? 200 : 10);
        int writes = Setting("WEFT_KILL_WRITES", IsNightly ? 10_000 : 2_000);
        using var folder = new TempFolder();
        var run = new KillRun(folder["data"], (ulong)Setting("WEFT_SEED", 1), writes);
        for (int round = 0; round < rounds; round++)
        {
            Assert.Empty(await run.PlayRoundAsync(round));
        }

        Assert.Empty(await run.CheckAllAsync());
        Assert.True(run.Acknowledged >= rounds * writes / 4, $"only {run.Acknowledged} writes were acknowledged");
    }

    [Fact]
    public async Task An_encrypted_store_keeps_every_acknowledged_write_and_leaves_nothing_plain_when_it_is_killed()
    {
        int rounds = Setting("WEFT_KILL_ROUNDS", IsNightly ? 50 : 3);
        using var folder = new TempFolder();
        string key = folder["weft.key"];
        await File.WriteAllBytesAsync(key, new byte[32]);
        var run = new KillRun(folder["data"], (ulong)Setting("WEFT_SEED", 3), 2_000, "--encrypt", "--key-file", key);
        for (int round = 0; round < rounds; round++)
        {
            Assert.Empty(await run.PlayRoundAsync(round));
            Assert.DoesNotContain(Directory.EnumerateFiles(folder["data"]), HoldsPlainWrites);
        }

        Assert.Empty(await run.CheckAllAsync());
        Assert.True(run.Acknowledged >= rounds * 500, $"only {run.Acknowledged} writes were acknowledged");
    }

    [Fact]
    public async Task Killed_node_starts_again_by_itself_and_verifies()
    {
        using var folder = new TempFolder();
        var run = new KillRun(folder["data"], seed: 2, writes: 500);
        await run.PlayRoundAsync(0);

        await using WeftProcess node = await WeftProcess.StartAsync(folder["data"]);
        WeftRun verify = await node.CallAsync("verify", "--json");

        Assert.Equal(0, verify.Exit);
        Assert.Contains("\"ok\":true", verify.Out, StringComparison.Ordinal);
    }

    private static bool HoldsPlainWrites(string file) => File.ReadAllBytes(file).AsSpan().IndexOf("crash/"u8) >= 0;

    private static int Setting(string name, int otherwise) =>
        int.TryParse(
            Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out int value)
            ? value
            : otherwise;
}
