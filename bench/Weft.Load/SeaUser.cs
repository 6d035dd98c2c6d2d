using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Weft.Load;

/// <summary>
/// A SEA user as gun.js has one: a P-256 key, and puts into its own space signed value by value. Made with the .NET
/// library alone, so that the load shares no code with what it measures.
/// </summary>
internal sealed class SeaUser : IDisposable
{
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public SeaUser()
    {
        ECParameters parameters = _key.ExportParameters(includePrivateParameters: false);
        Public = $"{Base64Url.EncodeToString(parameters.Q.X)}.{Base64Url.EncodeToString(parameters.Q.Y)}";
    }

    /// <summary>The public key as SEA writes it: x.y.</summary>
    public string Public { get; }

    /// <summary>A put of one signed field.</summary>
    /// <param name="id">The message's id.</param>
    /// <param name="number">Names the node, and is its value.</param>
    /// <param name="prefix">Tells runs apart.</param>
    /// <param name="stateMs">The state.</param>
    /// <param name="isForged">True for a signature over something else: well-formed, and wrong.</param>
    public byte[] Put(string id, string prefix, int number, long stateMs, bool isForged = false)
    {
        string soul = string.Create(CultureInfo.InvariantCulture, $"~{Public}/{prefix}/{number}");
        string value = LoadData.Mark(number);
        string signed = $$"""{"#":"{{soul}}",".":"name",":":"{{value}}",">":{{stateMs}}}""";
        byte[] digest = SHA256.HashData(Encoding.UTF8.GetBytes(isForged ? signed + " " : signed));
        string signature = Convert.ToBase64String(_key.SignData(digest, HashAlgorithmName.SHA256));
        string field = $$$"""{\":\":\"{{{value}}}\",\"~\":\"{{{signature}}}\"}""";
        string node = $$$$"""{"_":{"#":"{{{{soul}}}}",">":{"name":{{{{stateMs}}}}}},"name":"{{{{field}}}}"}""";
        string put = $$$"""{"#":"{{{id}}}","put":{"{{{soul}}}":{{{node}}}},"ok":{"@":9,"/":1}}""";
        return Encoding.UTF8.GetBytes(put);
    }

    public void Dispose() => _key.Dispose();
}
