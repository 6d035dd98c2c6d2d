using System.CommandLine;
using Weft.Cli.Http;
using Weft.Cli.Output;
using Weft.Storage.Sealing;

namespace Weft.Cli.App;

/// <summary>Hands the world to the commands: one object tree of commands serves every call.</summary>
internal sealed class CliInvocation : InvocationConfiguration
{
    public required CliHost Host { get; init; }
}

/// <summary>One call of one command.</summary>
internal sealed class CommandContext : IAsyncDisposable
{
    private Settings? _settings;
    private WeftClient? _client;
    private OfflineNode? _offline;

    public CommandContext(CliHost host, ParseResult parse)
    {
        Host = host;
        Parse = parse;
        Output = new CliOutput(
            host, parse.GetValue(GlobalOptions.Json), parse.GetValue(GlobalOptions.Quiet),
            parse.GetValue(GlobalOptions.NoColor));
        IsVerbose = parse.GetValue(GlobalOptions.Verbose);
    }

    public CliHost Host { get; }

    public ParseResult Parse { get; }

    public CliOutput Output { get; }

    public bool IsVerbose { get; }

    /// <summary>Flags, variables and the configuration file; read when first asked for.</summary>
    public Settings Settings => _settings ??= new Settings(Host, Parse);

    /// <summary>The value of an option; its default when not given.</summary>
    public T? Value<T>(Option<T> option) => Parse.GetValue(option);

    /// <summary>The value of an argument.</summary>
    public T? Value<T>(Argument<T> argument) => Parse.GetValue(argument);

    /// <summary>A client of the node that the settings point to, or of the data folder with <c>--offline</c>.</summary>
    public async Task<WeftClient> ConnectAsync(CancellationToken cancellationToken)
    {
        if (_client is not null)
        {
            return _client;
        }

        if (Value(GlobalOptions.Offline))
        {
            using StoreSecret? secret = StoreKeyOptions.ForExisting(this, Settings.DataFolder);
            _offline = await OfflineNode.OpenAsync(
                Settings.DataFolder, secret,
                Settings.Text(StoreKeyOptions.IdentityPassphrase, "identity-passphrase-file"), cancellationToken);
            return _client = new WeftClient(_offline.Url, _offline.Token, Settings.Timeout, Trace);
        }

        NodeAddress address = NodeAddress.Find(Host, Settings, Parse);
        Trace($"node {address.Url} ({address.Origin}), token {address.TokenOrigin}");
        string? authority = Settings.Text(GlobalOptions.TlsCa, "tls-ca");
        return _client = new WeftClient(
            address.Url, address.Token, Settings.Timeout, Trace,
            authority is null ? null : TlsTrust.Load(authority, address.Url));
    }

    /// <summary>Asks before something is lost. Without a person it refuses and names the flag.</summary>
    /// <exception cref="CliException">Nobody can answer.</exception>
    public async Task<bool> ConfirmAsync(string question, CancellationToken cancellationToken)
    {
        if (Value(GlobalOptions.Yes))
        {
            return true;
        }

        if (!Host.InIsTerminal || Value(GlobalOptions.NoInput))
        {
            throw CliException.Usage($"{question} Nobody can answer here", "repeat with --yes");
        }

        await Host.Error.WriteAsync($"{PlainText.OneLine(question)} [y/N] ");
        using var reader = new StreamReader(Host.InBytes, leaveOpen: true);
        string? answer = await reader.ReadLineAsync(cancellationToken).AsTask().WaitAsync(cancellationToken);
        return answer is "y" or "Y" or "yes";
    }

    /// <summary>A note for <c>-v</c>.</summary>
    public void Trace(string text)
    {
        if (IsVerbose)
        {
            Host.Error.WriteLine("# " + text);
        }
    }

    public async ValueTask DisposeAsync()
    {
        _client?.Dispose();
        if (_offline is not null)
        {
            await _offline.DisposeAsync();
        }
    }
}

/// <summary>Binds what a command does to its place in the tree.</summary>
internal static class CommandBinding
{
    /// <summary>Names what the command does. Errors become a message and an exit code here, in one place.</summary>
    public static void Run(this Command command, Func<CommandContext, CancellationToken, Task<int>> run) =>
        command.SetAction(async (parse, cancellationToken) =>
        {
            CliHost host = ((CliInvocation)parse.InvocationConfiguration).Host;
            await using var context = new CommandContext(host, parse);
            try
            {
                return await run(context, cancellationToken);
            }
            catch (Exception error)
            {
                return ErrorPrinter.Print(context.Output, error, context.IsVerbose);
            }
        });
}
