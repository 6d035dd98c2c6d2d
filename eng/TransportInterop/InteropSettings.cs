using System.Globalization;

namespace TransportInterop;

/// <summary>What one end of the test is told, by environment variables.</summary>
/// <param name="Transport">tcp, ws or wss.</param>
/// <param name="Security">noise or tls.</param>
/// <param name="IsDialer">True to dial, false to listen.</param>
/// <param name="Ip">Where to listen.</param>
/// <param name="RedisHost">Where the two ends meet.</param>
/// <param name="RedisPort">Its port.</param>
/// <param name="Timeout">How long the test may take.</param>
internal sealed record InteropSettings(
    string Transport, string Security, bool IsDialer, string Ip, string RedisHost, int RedisPort, TimeSpan Timeout)
{
    private const int RedisPortDefault = 6_379;

    /// <summary>Reads the variables.</summary>
    /// <param name="variable">Gives a variable, or null.</param>
    /// <exception cref="ArgumentException">One is missing, or asks for what Weft does not have.</exception>
    public static InteropSettings From(Func<string, string?> variable)
    {
        string transport = Of(variable, "transport", "tcp", "ws", "wss");
        string security = Of(variable, "security", "noise", "tls");
        Of(variable, "muxer", "yamux");
        string redis = variable("redis_addr") is { Length: > 0 } given ? given : "redis";
        int colon = redis.LastIndexOf(':');
        return new(
            transport,
            security,
            bool.Parse(Required(variable, "is_dialer")),
            variable("ip") is { Length: > 0 } ip ? ip : "0.0.0.0",
            colon < 0 ? redis : redis[..colon],
            colon < 0 ? RedisPortDefault : int.Parse(redis[(colon + 1)..], CultureInfo.InvariantCulture),
            TimeSpan.FromSeconds(double.Parse(
                variable("test_timeout_seconds") is { Length: > 0 } seconds ? seconds : "180",
                CultureInfo.InvariantCulture)));
    }

    private static string Required(Func<string, string?> variable, string name) =>
        variable(name) is { Length: > 0 } value
            ? value
            : throw new ArgumentException($"The environment variable {name} is missing.");

    private static string Of(Func<string, string?> variable, string name, params string[] known)
    {
        string value = Required(variable, name);
        return known.Contains(value, StringComparer.Ordinal)
            ? value
            : throw new ArgumentException($"{name}={value} is not supported; known are {string.Join(", ", known)}.");
    }
}
