using System.Net;
using System.Net.Http.Headers;

namespace Weft.Cli.Http;

/// <summary>A body that is read from a stream while it is sent.</summary>
internal sealed class StreamedContent : HttpContent
{
    private readonly Stream _source;
    private readonly Action<long> _onSent;
    private readonly long? _length;

    /// <param name="source">Read to its end.</param>
    /// <param name="length">Its bytes; null when nobody knows.</param>
    /// <param name="onSent">Takes the bytes that were sent so far.</param>
    public StreamedContent(Stream source, long? length, Action<long> onSent)
    {
        _source = source;
        _length = length;
        _onSent = onSent;
        Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(
        Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[128 << 10];
        long sent = 0;
        int read;
        while ((read = await _source.ReadAsync(buffer, cancellationToken)) > 0)
        {
            await stream.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
            sent += read;
            _onSent(sent);
        }
    }

    protected override bool TryComputeLength(out long length)
    {
        length = _length ?? 0;
        return _length is not null;
    }
}
