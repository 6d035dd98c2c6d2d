using System.Diagnostics;
using System.Globalization;
using Weft.Crypto;

namespace Weft.Benchmarks.Crypto;

/// <summary>
/// Operations per second of each provider, on one thread: the best of three rounds. The rates are per second of this
/// process's processor time, so that a busy machine changes them little.
/// <c>dotnet run -c Release --project bench/Weft.Benchmarks -- crypto [MS]</c>
/// </summary>
internal static class CryptoBench
{
    private const int RowMs = 400;
    private const int Rounds = 3;

    public static int Run(string[] args)
    {
        var row = TimeSpan.FromMilliseconds(
            args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : RowMs);
        List<ICrypto> providers =
            [PlatformCrypto.Create(), PlatformCrypto.Create(useSodium: false), new BouncyCastleCrypto()];
        if (providers[0].Name == providers[1].Name)
        {
            Console.WriteLine("libsodium is not on this machine.");
            providers.RemoveAt(0);
        }

        string names = string.Join(" | ", providers.Select(one => one.Name));
        Console.WriteLine($"| operations per second of processor time | {names} |");
        Console.WriteLine($"| --- |{string.Concat(providers.Select(_ => " --- |"))}");
        List<Dictionary<string, Action>> cases = [.. providers.Select(Cases)];
        foreach (string name in cases[0].Keys)
        {
            IEnumerable<string> rates = cases
                .Select(one => Enumerable.Range(0, Rounds).Max(_ => Rate(one[name], row)))
                .Select(rate => rate.ToString("N0", CultureInfo.InvariantCulture));
            Console.WriteLine($"| {name} | {string.Join(" | ", rates)} |");
        }

        return 0;
    }

    private static double Rate(Action call, TimeSpan row)
    {
        for (long warm = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(warm) < row / 4;)
        {
            call();
        }

        TimeSpan before = Environment.CpuUsage.TotalTime;
        TimeSpan used;
        long calls = 0;
        int batch = 1;
        do
        {
            for (int i = 0; i < batch; i++)
            {
                call();
            }

            calls += batch;
            batch = Math.Min(batch * 2, 1_024);
            used = Environment.CpuUsage.TotalTime - before;
        }
        while (used < row);

        return calls / used.TotalSeconds;
    }

    private static Dictionary<string, Action> Cases(ICrypto crypto)
    {
        byte[] seed = [.. Enumerable.Repeat((byte)7, 32)];
        byte[] message = new byte[200];
        byte[] large = new byte[64 * 1024];
        byte[] nonce = new byte[12];
        byte[] seaNonce = new byte[15];
        byte[] output = new byte[64];
        byte[] key = new byte[32];
        byte[] signature = new byte[64];
        crypto.PublicKeyEd25519(seed, key);
        crypto.SignEd25519(seed, message, signature);
        byte[] exchange = new byte[32];
        crypto.PublicKeyX25519(seed, exchange);
        byte[] x = new byte[32];
        byte[] y = new byte[32];
        crypto.PublicKeyP256(seed, x, y);
        byte[] ecdsa = new byte[64];
        crypto.SignP256(seed, message, ecdsa);
        IP256PublicKey imported = crypto.ImportP256(x, y)!;
        byte[] shortSealed = new byte[message.Length + 16];
        byte[] largeSealed = new byte[large.Length + 16];
        byte[] kibi = new byte[1_024];
        return new()
        {
            ["Ed25519 sign, 200 B"] = () => crypto.SignEd25519(seed, message, output),
            ["Ed25519 verify, 200 B"] = () => Must(crypto.VerifyEd25519(key, message, signature)),
            ["X25519 agree"] = () => Must(crypto.AgreeX25519(seed, exchange, output.AsSpan(0, 32))),
            ["P-256 sign, 200 B"] = () => crypto.SignP256(seed, message, output),
            ["P-256 verify, key imported"] = () => Must(imported.Verify(message, ecdsa)),
            ["P-256 import and verify"] = () =>
            {
                using IP256PublicKey fresh = crypto.ImportP256(x, y)!;
                Must(fresh.Verify(message, ecdsa));
            },
            ["P-256 agree"] = () => Must(crypto.AgreeP256(seed, x, y, output.AsSpan(0, 32))),
            ["SHA-256, 1 KiB"] = () => crypto.Sha256(kibi, output.AsSpan(0, 32)),
            ["BLAKE2b-256, 1 KiB"] = () => crypto.Blake2b([], kibi, output.AsSpan(0, 32)),
            ["ChaCha20-Poly1305 seal, 200 B"] =
                () => crypto.SealChaCha20Poly1305(seed, nonce, message, [], shortSealed),
            ["ChaCha20-Poly1305 seal, 64 KiB"] = () => crypto.SealChaCha20Poly1305(seed, nonce, large, [], largeSealed),
            ["AES-256-GCM seal, 200 B"] = () => crypto.SealAesGcm(seed, nonce, message, [], shortSealed),
            ["AES-256-GCM seal, 64 KiB"] = () => crypto.SealAesGcm(seed, nonce, large, [], largeSealed),
            ["AES-256-GCM seal, 200 B, 15-byte nonce"] =
                () => crypto.SealAesGcm(seed, seaNonce, message, [], shortSealed),
            ["PBKDF2, 100,000 rounds"] = () => crypto.Pbkdf2Sha256(message, nonce, 100_000, output.AsSpan(0, 32)),
        };
    }

    private static void Must(bool done)
    {
        if (!done)
        {
            throw new InvalidOperationException("What the benchmark made does not verify.");
        }
    }
}
