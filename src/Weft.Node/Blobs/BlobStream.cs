using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Protocols.Blobs;

namespace Weft.Node.Blobs;

/// <summary>
/// Reads a blob from any place. Each byte it gives has been checked against the id; what is not here is fetched from
/// peers while it is read. One reader.
/// </summary>
public sealed class BlobStream : Stream
{
    private const int AheadChunks = 32; // A reader of a few bytes does not make the node fetch all of it.

    private readonly NodeBlobs _blobs;
    private readonly IBlobFile _file;
    private readonly byte[] _chunk = new byte[BlobLimits.ChunkBytes];
    private BlobFetch? _fetch;
    private int _loaded = -1;
    private long _position;
    private bool _isDisposed;

    internal BlobStream(NodeBlobs blobs, IBlobFile file, BlobFetch? fetch)
    {
        _blobs = blobs;
        _file = file;
        _fetch = fetch;
        _blobs.Index.Hold(file.Id);
    }

    /// <summary>The blob.</summary>
    public BlobId Id => _file.Id;

    /// <summary>How long a read waits for peers. Default: 30 s.</summary>
    public TimeSpan Patience { get; set; } = TimeSpan.FromSeconds(30);

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => true;

    /// <inheritdoc/>
    public override bool CanWrite => false;

    /// <inheritdoc/>
    public override long Length => _file.Size;

    /// <inheritdoc/>
    public override long Position
    {
        get => _position;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            _position = value;
        }
    }

    /// <inheritdoc/>
    /// <exception cref="WeftException">
    /// BlobUnknown: no peer gave it in time. FileDamaged: it is damaged here, and there is no peer to ask.
    /// </exception>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (buffer.IsEmpty || _position >= Length)
        {
            return 0;
        }

        int chunk = (int)(_position / BlobLimits.ChunkBytes);
        if (chunk != _loaded)
        {
            await LoadAsync(chunk, cancellationToken).ConfigureAwait(false);
        }

        int at = (int)(_position % BlobLimits.ChunkBytes);
        int count = Math.Min(buffer.Length, BlobLimits.ChunkLength(Length, chunk) - at);
        _chunk.AsSpan(at, count).CopyTo(buffer.Span);
        _position += count;
        return count;
    }

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => Position = offset + origin switch
    {
        SeekOrigin.Begin => 0,
        SeekOrigin.Current => _position,
        _ => Length,
    };

    /// <summary>Not supported: what is not here is waited for. Use ReadAsync.</summary>
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("Use ReadAsync.");

    /// <summary>Does nothing.</summary>
    public override void Flush()
    {
    }

    /// <summary>Not supported.</summary>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <summary>Not supported: a blob never changes.</summary>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing && !_isDisposed)
        {
            _isDisposed = true;
            _blobs.Index.Release(_file.Id);
            _fetch?.Release();
            _file.Dispose();
        }

        base.Dispose(disposing);
    }

    private async ValueTask LoadAsync(int chunk, CancellationToken cancellationToken)
    {
        _loaded = -1;
        Memory<byte> target = _chunk.AsMemory(0, BlobLimits.ChunkLength(Length, chunk));
        BlobChunkRead read = _file.Read(chunk, target.Span);
        if (read != BlobChunkRead.Right)
        {
            if (read == BlobChunkRead.Damaged)
            {
                _blobs.OnDamaged(Id, chunk);
            }

            _fetch ??= _blobs.BeginFetch(Id) ?? throw Missing(read, chunk);
            using var late = new CancellationTokenSource(Patience, _blobs.Node.Time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellationToken);
            try
            {
                await _fetch.WaitChunkAsync(chunk, chunk + AheadChunks, either.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                throw Missing(read, chunk);
            }

            if (_file.Read(chunk, target.Span) != BlobChunkRead.Right && !_fetch.TryRead(chunk, target.Span))
            {
                throw Missing(read, chunk);
            }
        }

        _loaded = chunk;
    }

    private WeftException Missing(BlobChunkRead read, int chunk) => read == BlobChunkRead.Damaged
        ? new WeftException(
            WeftError.FileDamaged, $"Blob {Id} is damaged here at chunk {chunk}, and no peer gave it. It is not served.")
        : new WeftException(WeftError.BlobUnknown, $"Chunk {chunk} of blob {Id} is not here, and no peer gave it in time.");
}
