using Weft.Cli.App;
using Weft.Primitives;

namespace Weft.Cli.Import;

/// <summary>Whole lines of a JSON-lines file, as they stand in it.</summary>
/// <param name="Bytes">The lines; the last one ends with a line feed or with the file.</param>
/// <param name="FirstLine">The number of the first line, from 1.</param>
/// <param name="Lines">How many lines.</param>
/// <param name="EndOffset">Where the file goes on behind them.</param>
internal sealed record LineBatch(ReadOnlyMemory<byte> Bytes, long FirstLine, int Lines, long EndOffset);

/// <summary>
/// Cuts a stream into batches of whole lines. The bytes pass through; only the start of each line is looked at.
/// </summary>
internal sealed class LineBatcher(Stream source, int batchBytes, long firstLine, long offset)
{
    /// <summary>Bytes of the longest line.</summary>
    public const int LineBytesMax = 16 << 20;

    private byte[] _carry = [];
    private long _line = firstLine;
    private long _offset = offset;
    private bool _isEnd;

    /// <summary>The next batch; null at the end.</summary>
    /// <exception cref="CliException">A line is too long or is no object.</exception>
    public async Task<LineBatch?> ReadAsync(CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[Math.Max(batchBytes, _carry.Length)];
        _carry.CopyTo(buffer, 0);
        int length = _carry.Length;
        while (true)
        {
            if (length == buffer.Length && length > 0)
            {
                int cut = buffer.AsSpan(0, length).LastIndexOf((byte)'\n') + 1;
                if (cut > 0)
                {
                    return Take(buffer, cut, length);
                }

                if (length >= LineBytesMax)
                {
                    throw new CliException(WeftError.TooLarge, $"line {_line} is longer than 16 MiB");
                }

                Array.Resize(ref buffer, Math.Min(LineBytesMax, buffer.Length * 2));
            }

            // A terminal's stdin does not hear of cancellation, so the waiting ends rather than the read.
            Memory<byte> room = buffer.AsMemory(length);
            int read = _isEnd
                ? 0
                : await source.ReadAsync(room, cancellationToken).AsTask().WaitAsync(cancellationToken);
            if (read == 0)
            {
                _isEnd = true;
                return length == 0 ? null : Take(buffer, length, length);
            }

            length += read;
        }
    }

    private LineBatch Take(byte[] buffer, int cut, int length)
    {
        int lines = CheckLines(buffer.AsSpan(0, cut));
        var batch = new LineBatch(buffer.AsMemory(0, cut), _line, lines, _offset + cut);
        _carry = buffer[cut..length];
        _line += lines;
        _offset += cut;
        return batch;
    }

    private int CheckLines(ReadOnlySpan<byte> bytes)
    {
        int lines = 0;
        while (!bytes.IsEmpty)
        {
            int end = bytes.IndexOf((byte)'\n');
            ReadOnlySpan<byte> line = (end < 0 ? bytes : bytes[..end]).Trim(" \t\r"u8);
            if (line.Length > 0 && (line[0] != (byte)'{' || line[^1] != (byte)'}'))
            {
                throw new CliException(WeftError.RequestMalformed, $"line {_line + lines} is not a JSON object")
                {
                    Lines = [("want", "{\"soul\":\"…\",\"fields\":{…},\"states\":{…}}")],
                    Try = ["weft import --help"],
                };
            }

            lines++;
            bytes = end < 0 ? default : bytes[(end + 1)..];
        }

        return lines;
    }
}
