using System.Net;
using System.Net.Http.Headers;

namespace Weft.Cli.Http;

/// <summary>
/// A body of bytes. A node may refuse a body before it has read all of it, and the connection may end under the rest;
/// then the answer is there to be read although sending failed, so a failure to send is kept instead of thrown.
/// </summary>
internal sealed class BytesContent : HttpContent
{
    private readonly ReadOnlyMemory<byte> _bytes;

    public BytesContent(ReadOnlyMemory<byte> bytes, string mediaType)
    {
        _bytes = bytes;
        Headers.ContentType = new MediaTypeHeaderValue(mediaType);
    }

    /// <summary>Why the body did not arrive whole; null when nothing is known to be missing.</summary>
    public IOException? Cut { get; private set; }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(
        Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        Cut = null;
        try
        {
            await stream.WriteAsync(_bytes, cancellationToken);
        }
        catch (IOException error) when (!cancellationToken.IsCancellationRequested)
        {
            Cut = error;
        }
    }

    protected override bool TryComputeLength(out long length)
    {
        length = _bytes.Length;
        return true;
    }
}
