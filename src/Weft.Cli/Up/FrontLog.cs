using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Weft.Cli.App;
using Weft.Cli.Output;

namespace Weft.Cli.Up;

/// <summary>Where a node in front logs: one line per event on stderr, for people or as JSON for services.</summary>
internal sealed class FrontLog(CliHost host, LogLevel level, bool isJson) : ILoggerFactory
{
    private readonly Lock _gate = new();

    public ILogger CreateLogger(string categoryName) => new Category(this, categoryName);

    public void AddProvider(ILoggerProvider provider) =>
        throw new NotSupportedException("The log in front has one form and no further providers.");

    public void Dispose()
    {
        // The streams belong to the process.
    }

    private void Write(string category, LogLevel at, EventId id, string message, Exception? error)
    {
        DateTimeOffset now = host.Time.GetUtcNow();
        string line = isJson
            ? ToJson(category, at, id, message, error, now)
            : ToText(category, at, message, error, now);
        lock (_gate)
        {
            host.Error.WriteLine(line);
        }
    }

    private string ToText(string category, LogLevel at, string message, Exception? error, DateTimeOffset now)
    {
        DateTimeOffset local = TimeZoneInfo.ConvertTime(now, host.Time.LocalTimeZone);
        string area = category[(category.LastIndexOf('.') + 1)..].ToLowerInvariant();
        string mark = at >= LogLevel.Error ? "ERROR " : at == LogLevel.Warning ? "warn " : "";
        string cause = error is null ? "" : $" ({error.GetType().Name}: {error.Message})";
        return string.Create(
            CultureInfo.InvariantCulture, $"{local:HH:mm:ss}  {area,-8} {mark}{PlainText.OneLine(message + cause)}");
    }

    private static string ToJson(
        string category, LogLevel at, EventId id, string message, Exception? error, DateTimeOffset now)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, JsonForm.Writer))
        {
            writer.WriteStartObject();
            writer.WriteString("time", now.ToString("O", CultureInfo.InvariantCulture));
            writer.WriteString("level", at.ToString().ToLowerInvariant());
            writer.WriteString("area", category);
            writer.WriteNumber("id", id.Id);
            writer.WriteString("message", message);
            if (error is not null)
            {
                writer.WriteString("error", error.ToString());
            }

            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private sealed class Category(FrontLog log, string name) : ILogger
    {
        // A library logs its connections at Debug; in front of a person each is worth a line.
        private readonly bool _tellsConnections = name.Contains("Gun", StringComparison.Ordinal);

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        // ASP.NET's own chatter about each request is not an event of the node.
        public bool IsEnabled(LogLevel logLevel) =>
            logLevel >= (name.StartsWith("Microsoft.", StringComparison.Ordinal) && log.Level > LogLevel.Debug
                ? LogLevel.Error
                : log.Level)
            || (_tellsConnections && logLevel == LogLevel.Debug && log.Level == LogLevel.Information);

        private bool IsConnectionEvent(EventId id) =>
            _tellsConnections && id.Id is 4001 or 4002 && log.Level == LogLevel.Information;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter)
        {
            if (logLevel >= log.Level ? IsEnabled(logLevel) : IsConnectionEvent(eventId))
            {
                log.Write(name, logLevel, eventId, formatter(state, exception), exception);
            }
        }
    }

    private LogLevel Level => level;
}
