using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Weft.Server;

/// <summary>
/// Gives the web host the peer's loggers, but not for the lines of its own start: a start that fails is an exception
/// here, told once and in better words by who asked for it. Nor for the lines of each request, which would repeat whole
/// queries: the server has lines of its own, without what a client may have put there by mistake.
/// </summary>
internal sealed class HostLoggers(ILoggerFactory inner) : ILoggerFactory
{
    /// <inheritdoc/>
    public ILogger CreateLogger(string categoryName) =>
        categoryName.StartsWith("Microsoft.Extensions.Hosting", StringComparison.Ordinal)
        || categoryName.StartsWith("Microsoft.AspNetCore.Hosting", StringComparison.Ordinal)
            ? NullLogger.Instance
            : inner.CreateLogger(categoryName);

    /// <inheritdoc/>
    public void AddProvider(ILoggerProvider provider) => inner.AddProvider(provider);

    /// <summary>Does nothing: the loggers belong to who gave them.</summary>
    public void Dispose()
    {
    }
}
