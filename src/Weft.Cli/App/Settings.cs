using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.Json;
using Weft.Primitives;

namespace Weft.Cli.App;

/// <summary>Where values come from: flag, then <c>WEFT_</c> variable, then configuration file, then default.</summary>
internal sealed class Settings
{
    private const int ConfigBytesMax = 1 << 20;

    private readonly CliHost _host;
    private readonly ParseResult _parse;
    private readonly Dictionary<string, string[]> _config;

    public Settings(CliHost host, ParseResult parse)
    {
        _host = host;
        _parse = parse;
        string? named = parse.GetValue(GlobalOptions.Config) ?? host.Variable("WEFT_CONFIG");
        ConfigFile = named ?? DefaultConfigFile(host);
        _config = ReadConfig(ConfigFile, isRequired: named is not null);
        DataFolder = Path.GetFullPath(Text(GlobalOptions.Data, "data") ?? DefaultDataFolder(host));
        Timeout = Duration(GlobalOptions.Timeout, "timeout");
    }

    /// <summary>The keys a configuration file may have; each is also a variable <c>WEFT_…</c>.</summary>
    public static IReadOnlyList<string> Keys { get; } =
    [
        "url", "data", "token-file", "tls-ca", "timeout", "http", "peers", "memory", "durability", "allow-origin",
        "allow-host", "tls-cert", "tls-key", "log", "log-level", "name", "metrics", "identity-passphrase-file",
        "network-key", "otlp", "listen", "log-listen", "bootstrap", "subscribe", "want", "replicate", "profile",
        "encrypt", "passphrase-file", "key-file", "security", "listen-tls-cert", "listen-tls-key", "relay", "serve-relay",
        "rendezvous", "namespace", "serve-rendezvous", "mdns", "exchange", "outbound", "region", "dns", "limit",
        "topic-relay",
    ];

    public string ConfigFile { get; }

    public string DataFolder { get; }

    public TimeSpan? Timeout { get; }

    /// <summary>One text, or null when nobody gives it.</summary>
    /// <param name="option">The flag.</param>
    /// <param name="key">Its name in the configuration file.</param>
    /// <param name="aliases">Further variables, read after <c>WEFT_…</c>.</param>
    public string? Text(Option<string?> option, string key, params string[] aliases) =>
        Flag(option) ?? Variable(key, aliases) ?? (_config.TryGetValue(key, out string[]? values) ? values[0] : null);

    /// <summary>A list: a flag that may be repeated, a variable with commas, an array in the file.</summary>
    public string[] List(Option<string[]> option, string key, params string[] aliases)
    {
        if (_parse.GetResult(option) is { Implicit: false })
        {
            return _parse.GetValue(option) ?? [];
        }

        string? variable = Variable(key, aliases);
        return variable is not null
            ? variable.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            : _config.GetValueOrDefault(key, []);
    }

    /// <summary>A switch: the flag, or "true" as a variable or in the file.</summary>
    public bool Switch(Option<bool> option, string key)
    {
        if (_parse.GetResult(option) is { Implicit: false })
        {
            return _parse.GetValue(option);
        }

        string? text = Variable(key) ?? (_config.TryGetValue(key, out string[]? values) ? values[0] : null);
        return text is not null && (bool.TryParse(text, out bool isOn) ? isOn
            : text is "0" or "1" ? text == "1"
            : throw CliException.Usage($"{key} is \"{text}\"; write true or false"));
    }

    /// <summary>A duration, or null when nobody gives it.</summary>
    public TimeSpan? Duration(Option<string?> option, string key)
    {
        string? text = Text(option, key);
        return text is null ? null
            : Units.TryDuration(text, out TimeSpan duration) ? duration
            : throw CliException.Usage($"\"{text}\" is not a duration; write for example 500ms, 5s or 2m");
    }

    /// <summary>Where a value of <see cref="Text"/> came from, for <c>-v</c>.</summary>
    public string Origin(Option<string?> option, string key) =>
        Flag(option) is not null ? "flag " + option.Name
        : Variable(key) is not null ? "variable " + VariableName(key)
        : _config.ContainsKey(key) ? ConfigFile
        : "default";

    private static string VariableName(string key) => "WEFT_" + key.ToUpperInvariant().Replace('-', '_');

    private static string DefaultConfigFile(CliHost host) =>
        Path.Combine(UserFolder(host, "XDG_CONFIG_HOME", ".config", Environment.SpecialFolder.ApplicationData),
            "weft", "config.json");

    private static string DefaultDataFolder(CliHost host) => Path.Combine(
        UserFolder(
            host, "XDG_DATA_HOME", Path.Combine(".local", "share"), Environment.SpecialFolder.LocalApplicationData),
        "weft");

    private static string UserFolder(
        CliHost host, string variable, string underHome, Environment.SpecialFolder windowsFolder)
    {
        if (host.Variable(variable) is { } named)
        {
            return named;
        }

        return OperatingSystem.IsWindows()
            ? Environment.GetFolderPath(windowsFolder)
            : Path.Combine(host.Variable("HOME") ?? ".", underHome);
    }

    private static Dictionary<string, string[]> ReadConfig(string path, bool isRequired)
    {
        var config = new Dictionary<string, string[]>(StringComparer.Ordinal);
        if (!File.Exists(path))
        {
            return isRequired ? throw CliException.Usage($"there is no configuration file {path}") : config;
        }

        try
        {
            if (new FileInfo(path).Length > ConfigBytesMax)
            {
                throw CliException.Usage($"{path} is larger than 1 MiB; that is no configuration file");
            }

            using JsonDocument document = JsonDocument.Parse(
                File.ReadAllBytes(path),
                new JsonDocumentOptions { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip });
            foreach (JsonProperty property in document.RootElement.EnumerateObject())
            {
                if (!Keys.Contains(property.Name))
                {
                    string near = Suggestion.For(property.Name, Keys);
                    throw CliException.Usage($"{path} has an unknown key \"{property.Name}\"{near}");
                }

                config[property.Name] = property.Value.ValueKind == JsonValueKind.Array
                    ? [.. property.Value.EnumerateArray().Select(item => item.ToString())]
                    : [property.Value.ToString()];
            }

            return config;
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new CliException(WeftError.Usage, $"{path} is not a JSON object: {error.Message}", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CliException(WeftError.Usage, $"{path} cannot be read: {error.Message}", error);
        }
    }

    private string? Flag(Option<string?> option) =>
        _parse.GetResult(option) is OptionResult { Implicit: false } ? _parse.GetValue(option) : null;

    private string? Variable(string key, params string[] aliases)
    {
        string? value = _host.Variable(VariableName(key));
        for (int i = 0; value is null && i < aliases.Length; i++)
        {
            value = _host.Variable(aliases[i]);
        }

        return value;
    }
}
