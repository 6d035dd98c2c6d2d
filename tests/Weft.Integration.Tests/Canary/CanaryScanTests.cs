using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;
using Weft.Testing;

namespace Weft.Integration.Tests.Canary;

/// <summary>The search itself finds what is planted, in every form; else its silence would mean nothing.</summary>
public sealed class CanaryScanTests : IDisposable
{
    private const string Secret = "canary-7f3a90-Æ-secret";

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(7)]
    public void A_planted_secret_is_found_in_every_form(int before)
    {
        byte[] secret = Encoding.UTF8.GetBytes(Secret);
        byte[] around = [.. Encoding.ASCII.GetBytes("{\"a\":1}"[..before]), .. secret, .. "tail"u8];
        string base64 = Convert.ToBase64String(around);
        string[] planted =
        [
            "x" + Secret + "y", Convert.ToHexString(around), Convert.ToHexStringLower(around), base64,
            base64.Replace('+', '-').Replace('/', '_').TrimEnd('='),
        ];
        foreach (string text in planted)
        {
            var scan = new CanaryScan().Add("it", Secret);
            scan.Look("here", text);
            Assert.NotEmpty(scan.Hits);
            Assert.DoesNotContain(Secret, string.Concat(scan.Hits), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Bytes_are_found_in_files_in_their_names_and_in_logs()
    {
        byte[] seed = RandomNumberGenerator.GetBytes(32);
        ((byte[])[0xfb, 0xef, 0xbe]).CopyTo(seed, 0); // "++++" in base64 and "----" in base64url: found as one of them.
        byte[] file = RandomNumberGenerator.GetBytes(10_000);
        seed.CopyTo(file, 5_001);
        File.WriteAllBytes(_folder["data"], file);
        File.WriteAllText(_folder[Convert.ToHexString(seed)], "nothing");
        File.WriteAllBytes(_folder["by-right"], seed);
        var scan = new CanaryScan().Add("the seed", seed);
        int read = scan.LookAtFiles(_folder.Path, path => path == "by-right");
        Assert.Equal(2, read);
        Assert.Equal(2, scan.Hits.Count);

        ILogger log = new CanaryScan().Add("the seed", seed).Loggers().CreateLogger("test");
        Assert.True(log.IsEnabled(LogLevel.Trace));
        var logged = new CanaryScan().Add("the seed", seed);
        ILogger watched = logged.Loggers().CreateLogger("test");
        watched.Log(
            LogLevel.Trace, 1, "message", new InvalidOperationException(Convert.ToBase64String(seed)),
            (state, _) => state);
        Assert.Single(logged.Hits);
    }

    [Fact]
    public void Nothing_is_found_where_nothing_is()
    {
        var scan = new CanaryScan().Add("it", Secret).Add("bytes", RandomNumberGenerator.GetBytes(32));
        scan.Look("here", Secret[..^1] + "!");
        scan.Look("here", RandomNumberGenerator.GetBytes(1 << 20));

        Assert.Empty(scan.Hits);
        Assert.Throws<ArgumentException>(() => scan.Add("short", "short"));
    }
}
