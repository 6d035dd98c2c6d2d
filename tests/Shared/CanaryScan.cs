using System.Text;
using Microsoft.Extensions.Logging;

namespace Weft.Testing;

/// <summary>
/// Looks for secrets where none may be: as they are, in hexadecimal, and in base64 of either alphabet, also when other
/// bytes stand before them in the same encoding.
/// </summary>
public sealed class CanaryScan
{
    private readonly List<(string Name, string Form, byte[] Bytes)> _needles = [];
    private readonly List<string> _hits = [];
    private readonly Lock _gate = new();

    /// <summary>What was found so far: secret, form and place.</summary>
    public IReadOnlyList<string> Hits
    {
        get
        {
            lock (_gate)
            {
                return [.. _hits];
            }
        }
    }

    /// <summary>Adds a secret that is text.</summary>
    /// <param name="name">Stands in the report; the secret itself does not.</param>
    /// <param name="secret">12 characters and more, so that nothing is found by chance.</param>
    public CanaryScan Add(string name, string secret)
    {
        AddForms(name, Encoding.UTF8.GetBytes(secret));
        AddNeedle(name, "UTF-16", Encoding.Unicode.GetBytes(secret));
        return this;
    }

    /// <summary>Adds a secret that is bytes.</summary>
    /// <param name="name">Stands in the report; the secret itself does not.</param>
    /// <param name="secret">12 bytes and more.</param>
    public CanaryScan Add(string name, ReadOnlySpan<byte> secret)
    {
        AddForms(name, secret.ToArray());
        return this;
    }

    /// <summary>Looks through a text.</summary>
    public void Look(string place, string text) => Look(place, Encoding.UTF8.GetBytes(text));

    /// <summary>Looks through bytes.</summary>
    public void Look(string place, ReadOnlySpan<byte> bytes)
    {
        foreach ((string name, string form, byte[] needle) in _needles)
        {
            if (bytes.IndexOf(needle) >= 0)
            {
                lock (_gate)
                {
                    _hits.Add($"{name} as {form} in {place}");
                }
            }
        }
    }

    /// <summary>Looks through every file of a folder, and at the names of files and folders.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="except">Tells files that hold a secret by right, by their path inside the folder.</param>
    /// <returns>How many files were read.</returns>
    public int LookAtFiles(string folder, Func<string, bool> except)
    {
        int read = 0;
        foreach (string file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
        {
            string path = Path.GetRelativePath(folder, file);
            Look($"the name of {path}", path);
            if (except(path))
            {
                continue;
            }

            try
            {
                using var stream = new FileStream(
                    file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
                using var content = new MemoryStream();
                stream.CopyTo(content);
                Look(path, content.GetBuffer().AsSpan(0, (int)content.Length));
                read++;
            }
            catch (IOException)
            {
                // Gone, or locked by the node that runs on the folder.
            }
        }

        return read;
    }

    /// <summary>A logger that looks through everything that is logged, at every level.</summary>
    public ILoggerFactory Loggers() => new Factory(this);

    private void AddForms(string name, byte[] secret)
    {
        if (secret.Length < 12)
        {
            throw new ArgumentException("So short a secret would be found by chance.", nameof(secret));
        }

        AddNeedle(name, "plain", secret);
        AddNeedle(name, "hex", Encoding.ASCII.GetBytes(Convert.ToHexStringLower(secret)));
        AddNeedle(name, "HEX", Encoding.ASCII.GetBytes(Convert.ToHexString(secret)));
        for (int shift = 0; shift < 3; shift++)
        {
            // Characters that also hold bits of a neighbour are left out at both ends.
            string whole = Convert.ToBase64String([.. new byte[shift], .. secret]).TrimEnd('=');
            int first = (shift * 8 + 5) / 6;
            int last = (shift + secret.Length) * 8 / 6;
            string core = whole[first..Math.Min(last, whole.Length)];
            AddNeedle(name, "base64", Encoding.ASCII.GetBytes(core));
            AddNeedle(name, "base64url", Encoding.ASCII.GetBytes(core.Replace('+', '-').Replace('/', '_')));
        }
    }

    private void AddNeedle(string name, string form, byte[] bytes) => _needles.Add((name, form, bytes));

    private sealed class Factory(CanaryScan scan) : ILoggerFactory
    {
        public ILogger CreateLogger(string categoryName) => new Logger(scan, categoryName);

        public void AddProvider(ILoggerProvider provider)
        {
        }

        public void Dispose()
        {
        }
    }

    private sealed class Logger(CanaryScan scan, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull
        {
            scan.Look($"a scope of {category}", state.ToString() ?? "");
            return null;
        }

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter)
        {
            string values = state is IEnumerable<KeyValuePair<string, object?>> structured
                ? string.Join('\n', structured.Select(pair => $"{pair.Key}={pair.Value}"))
                : "";
            scan.Look($"the log of {category}, {eventId.Id}", $"{formatter(state, exception)}\n{values}\n{exception}");
        }
    }
}
