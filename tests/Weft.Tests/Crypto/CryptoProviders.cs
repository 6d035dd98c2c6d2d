using Weft.Crypto;

namespace Weft.Tests.Crypto;

/// <summary>
/// Every provider of the primitives that this machine has, by the name that stands in the test's name.
/// </summary>
public static class CryptoProviders
{
    /// <summary>The managed provider.</summary>
    public const string Managed = "managed";

    /// <summary>The .NET library, without libsodium.</summary>
    public const string Platform = "platform";

    /// <summary>
    /// The .NET library with libsodium; where there is none, <see cref="SodiumFactAttribute"/> says so.
    /// </summary>
    public const string Sodium = "platform with libsodium";

    private static readonly Dictionary<string, ICrypto> Found = Find();

    /// <summary>The names, for theories.</summary>
    public static TheoryData<string> Names => [.. Found.Keys];

    /// <summary>The names.</summary>
    public static IEnumerable<string> All => Found.Keys;

    /// <summary>The provider of that name.</summary>
    public static ICrypto Get(string name) => Found[name];

    private static Dictionary<string, ICrypto> Find()
    {
        var found = new Dictionary<string, ICrypto>
        {
            [Managed] = new BouncyCastleCrypto(),
            [Platform] = PlatformCrypto.Create(useSodium: false),
        };
        var sodium = PlatformCrypto.Create();
        if (sodium.UsesSodium)
        {
            found[Sodium] = sodium;
        }

        return found;
    }
}

/// <summary>A test that needs libsodium. Where it is missing the test is skipped, and the run says so aloud.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class SodiumFactAttribute : FactAttribute
{
    /// <summary>Skips when libsodium is not found.</summary>
    public SodiumFactAttribute() =>
        Skip = PlatformCrypto.Create().UsesSodium
            ? null
            : "libsodium is not on this machine: no vector was run against it.";
}
