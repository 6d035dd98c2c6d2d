using System.CommandLine;
using Weft.Cli.App;
using Weft.Primitives;

namespace Weft.Cli.Http;

/// <summary>Where the node is and with which token it is spoken to.</summary>
/// <param name="Url">The base address.</param>
/// <param name="Origin">Who said so.</param>
/// <param name="Token">The token, or null.</param>
/// <param name="TokenOrigin">Where it came from.</param>
internal sealed record NodeAddress(Uri Url, string Origin, string? Token, string TokenOrigin)
{
    public const string DefaultUrl = "http://127.0.0.1:8765";

    private const int TokenBytesMax = 8 * 1024;

    /// <summary>
    /// Follows flag, variable, configuration file, the node on the data folder, default; in this order.
    /// </summary>
    public static NodeAddress Find(CliHost host, Settings settings, ParseResult parse)
    {
        string? named = settings.Text(GlobalOptions.Url, "url");
        RunInfo? running = RunInfo.Read(settings.DataFolder);
        string origin = named is not null ? settings.Origin(GlobalOptions.Url, "url")
            : running is not null ? "running on " + settings.DataFolder
            : "default";
        Uri url = named is null ? running?.Url ?? new Uri(DefaultUrl) : ParseUrl(named);

        // The folder's token belongs to the node on this machine: it is never sent to a foreign host.
        bool isHere = url.IsLoopback || (running is not null && running.Url == url);
        (string? token, string tokenOrigin) = FindToken(host, settings, parse, isHere);
        return new NodeAddress(url, origin, token, tokenOrigin);
    }

    /// <summary>Reads a URL as people write it: the scheme may be left out.</summary>
    public static Uri ParseUrl(string text)
    {
        string whole = text.Contains("://", StringComparison.Ordinal) ? text : "http://" + text;
        return Uri.TryCreate(whole, UriKind.Absolute, out Uri? url) && url.Scheme is "http" or "https"
            ? url
            : throw new CliException(WeftError.AddressInvalid, $"\"{text}\" is not an http:// or https:// URL")
            {
                Try = ["weft status --url " + DefaultUrl],
            };
    }

    private static (string? Token, string Origin) FindToken(
        CliHost host, Settings settings, ParseResult parse, bool isHere)
    {
        if (parse.GetValue(GlobalOptions.TokenFile) is { } flagged)
        {
            return (ReadToken(flagged), "file " + flagged);
        }

        if (host.Variable("WEFT_TOKEN") is { } token)
        {
            return (token.Trim(), "variable WEFT_TOKEN");
        }

        if (settings.Text(GlobalOptions.TokenFile, "token-file") is { } named)
        {
            return (ReadToken(named), "file " + named);
        }

        string path = Path.Combine(settings.DataFolder, "token");
        return isHere && File.Exists(path) ? (ReadToken(path), "file " + path) : (null, "none");
    }

    private static string ReadToken(string path)
    {
        try
        {
            return new FileInfo(path).Length <= TokenBytesMax
                ? File.ReadAllText(path).Trim()
                : throw new CliException(WeftError.TokenMissing, $"{path} is too large to be a token");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CliException(WeftError.TokenMissing, $"the token file cannot be read: {error.Message}", error)
            {
                Try = ["run as the user who runs the node", "set WEFT_TOKEN or WEFT_TOKEN_FILE"],
            };
        }
    }
}
