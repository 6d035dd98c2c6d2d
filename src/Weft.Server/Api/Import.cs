using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.InteropServices;
using Weft.Graph;
using Weft.Graph.Access;
using Weft.Node;
using Weft.Primitives;
using Weft.Server.Access;
using Weft.Server.Http;
using ReadResult = System.IO.Pipelines.ReadResult;

namespace Weft.Server.Api;

/// <summary>What an import did.</summary>
/// <param name="Lines">Records taken.</param>
/// <param name="Fields">Fields in them.</param>
/// <param name="Sum">All groups together: the highest state, the lowest durability, the last commit.</param>
/// <param name="Refused">Lines left out.</param>
/// <param name="Errors">Why, for the first 100 of them.</param>
internal sealed record ImportResult(
    long Lines, long Fields, WriteResult Sum, long Refused, IReadOnlyList<ApiException> Errors);

/// <summary>
/// Merges a stream of records, one per line. Lines are written in groups, several groups are on their way at once, and
/// reading waits for them: a slow store slows the sender down and nothing piles up.
/// </summary>
internal sealed class Import(
    GraphDoor graph, Durability ack, ServerOptions options, bool skip, bool sign, CancellationToken aborted)
{
    /// <summary>Fields at which a group is full.</summary>
    internal const int GroupFieldsMax = 4_096;

    /// <summary>Bytes of lines at which a group is full.</summary>
    internal const int GroupBytesMax = 1 << 20;

    private const int GroupsInFlight = 8;
    private const int ErrorsKept = 100;

    private readonly WriteSource _source = sign ? WriteSource.Import with { SignsImports = true } : WriteSource.Import;

    private readonly RecordReader _records = new();
    private readonly Queue<Group> _inFlight = new();
    private readonly Stack<Group> _spare = new();
    private readonly List<ApiException> _errors = [];
    private Group _group = new();
    private WriteResult _sum = new(0, ack, 0, 0, 0, 0);
    private long _line;
    private long _lines;
    private long _fields;
    private long _refused;

    /// <summary>Runs to the end of the body.</summary>
    /// <exception cref="ApiException">A line was refused; every line before it is stored.</exception>
    internal async Task<ImportResult> RunAsync(PipeReader reader)
    {
        while (true)
        {
            ReadResult read = await reader.ReadAsync(aborted);
            ReadOnlySequence<byte> buffer = read.Buffer;
            try
            {
                while (TryTakeLine(ref buffer, read.IsCompleted, out ReadOnlySequence<byte> line))
                {
                    await TakeAsync(line);
                }
            }
            catch
            {
                // A pipe that is still being read cannot be drained: the connection would end under the answer.
                reader.AdvanceTo(read.Buffer.End);
                throw;
            }

            if (buffer.Length > options.BodyBytesMax)
            {
                _line++;
                reader.AdvanceTo(read.Buffer.End);
                await FinishAsync();
                throw new ApiException(
                    WeftError.TooLarge, $"The line has more than {options.BodyBytesMax} bytes.").AtLine(_line);
            }

            reader.AdvanceTo(buffer.Start, buffer.End);
            if (read.IsCompleted)
            {
                await FinishAsync();
                return new(_lines, _fields, _sum, _refused, _errors);
            }
        }
    }

    private async ValueTask TakeAsync(ReadOnlySequence<byte> line)
    {
        _line++;
        ApiException? wrong = Take(line);
        if (wrong is not null)
        {
            await RefuseAsync(wrong);
        }

        if (_group.Writes.Count >= GroupFieldsMax || _group.Bytes >= GroupBytesMax)
        {
            await SendAsync();
        }
    }

    private static bool TryTakeLine(
        ref ReadOnlySequence<byte> buffer, bool isLast, out ReadOnlySequence<byte> line)
    {
        if (buffer.PositionOf((byte)'\n') is SequencePosition end)
        {
            line = buffer.Slice(0, end);
            buffer = buffer.Slice(buffer.GetPosition(1, end));
            return true;
        }

        line = buffer;
        if (!isLast || buffer.IsEmpty)
        {
            return false;
        }

        buffer = buffer.Slice(buffer.End); // The last line needs no line feed.
        return true;
    }

    private ApiException? Take(in ReadOnlySequence<byte> line)
    {
        if (line.Length > options.BodyBytesMax)
        {
            return new ApiException(
                WeftError.TooLarge, $"The line has more than {options.BodyBytesMax} bytes.").AtLine(_line);
        }

        byte[]? rented = null;
        int length = (int)line.Length;
        try
        {
            ReadOnlySpan<byte> json = line.FirstSpan;
            if (!line.IsSingleSegment)
            {
                rented = ArrayPool<byte>.Shared.Rent(length);
                line.CopyTo(rented);
                json = rented.AsSpan(0, length);
            }

            json = json.Trim(" \t\r"u8);
            if (json.IsEmpty)
            {
                return null; // A blank line is no record.
            }

            int start = _group.Writes.Count;
            _records.ReadDocument(json, _group.Writes);
            int count = _group.Writes.Count - start;
            CheckSoul(start, count);
            if (count > options.BatchFieldsMax)
            {
                _group.Writes.RemoveRange(start, count);
                return new ApiException(
                    WeftError.TooComplex, $"The line has more than {options.BatchFieldsMax} fields.").AtLine(_line);
            }

            _lines++;
            _fields += count;
            _group.Bytes += length;
            if (count > 0)
            {
                _group.Lines.Add((_line, start));
            }

            return null;
        }
        catch (ApiException wrong)
        {
            return wrong.AtLine(_line);
        }
        finally
        {
            if (rented is not null)
            {
                ArrayPool<byte>.Shared.Return(rented);
            }
        }
    }

    private void CheckSoul(int start, int count)
    {
        try
        {
            foreach (FieldWrite write in CollectionsMarshal.AsSpan(_group.Writes).Slice(start, count))
            {
                graph.CheckWrite(write);
            }
        }
        catch (ApiException)
        {
            _group.Writes.RemoveRange(start, count);
            throw;
        }
    }

    private async ValueTask RefuseAsync(ApiException wrong)
    {
        if (!skip)
        {
            await FinishAsync(); // What stood before the bad line is stored before the answer says so.
            throw wrong;
        }

        Note(wrong);
    }

    private void Note(ApiException wrong)
    {
        _refused++;
        if (_errors.Count < ErrorsKept)
        {
            _errors.Add(wrong);
        }
    }

    private async ValueTask SendAsync()
    {
        if (_group.Writes.Count == 0)
        {
            return;
        }

        // What comes behind a policy or a rotation is judged by it, so that has to be stored first.
        bool hasRecords = _group.Writes.Exists(
            write => write.Soul.StartsWith(Ownership.SystemPrefix, StringComparison.Ordinal));
        Group group = _group;
        group.Result = graph.WriteAsync(group.Writes, _source, ack, aborted).AsTask();
        _inFlight.Enqueue(group);
        _group = _spare.TryPop(out Group? spare) ? spare : new Group();
        while (_inFlight.Count >= (hasRecords ? 1 : GroupsInFlight))
        {
            await AwaitOldestAsync();
        }
    }

    private async ValueTask FinishAsync()
    {
        await SendAsync();
        while (_inFlight.Count > 0)
        {
            await AwaitOldestAsync();
        }
    }

    private async ValueTask AwaitOldestAsync()
    {
        Group group = _inFlight.Dequeue();
        try
        {
            WriteResult result = await group.Result!;
            if (result.IsAccepted)
            {
                Add(result);
            }
            else if (skip)
            {
                await WriteOneByOneAsync(group);
            }
            else
            {
                throw Refusal(result, group.LineOf(result.RefusedWrite));
            }
        }
        catch (Exception failure)
        {
            await AbandonAsync();
            if (failure is WeftException world and not ApiException)
            {
                // The disk, not the line, is at fault.
                throw new ApiException(world.Error, world.Message).AtLine(group.LineOf(0));
            }

            throw;
        }

        group.Clear();
        _spare.Push(group);
    }

    private async ValueTask WriteOneByOneAsync(Group group)
    {
        for (int i = 0; i < group.Lines.Count; i++)
        {
            (long line, int start) = group.Lines[i];
            int end = i + 1 < group.Lines.Count ? group.Lines[i + 1].Start : group.Writes.Count;
            WriteResult result = await graph.WriteAsync(
                group.Writes.GetRange(start, end - start), _source, ack, aborted);
            if (result.IsAccepted)
            {
                Add(result);
            }
            else
            {
                _lines--;
                _fields -= end - start;
                Note(Refusal(result, line));
            }
        }
    }

    // The groups behind a failed one are on their way; they must not fail unobserved, and not outlive the request.
    private async ValueTask AbandonAsync()
    {
        while (_inFlight.TryDequeue(out Group? group))
        {
            await group.Result!.ContinueWith(
                static done => _ = done.Exception,
                CancellationToken.None,
                TaskContinuationOptions.ExecuteSynchronously,
                TaskScheduler.Default);
        }
    }

    private static ApiException Refusal(in WriteResult result, long line) =>
        new ApiException(
            result.Error,
            ErrorCatalogue.Find(result.Error).Cause + (result.Reason is null ? "" : $" Here: {result.Reason}.")).AtLine(line);

    private void Add(in WriteResult result) => _sum = new WriteResult(
        Math.Max(_sum.State, result.State),
        (Durability)Math.Min((int)_sum.Durable, (int)result.Durable),
        Math.Max(_sum.Sequence, result.Sequence),
        _sum.Applied + result.Applied,
        _sum.Kept + result.Kept,
        _sum.Deferred + result.Deferred);

    private sealed class Group
    {
        public List<FieldWrite> Writes { get; } = [];

        public List<(long Line, int Start)> Lines { get; } = [];

        public long Bytes { get; set; }

        public Task<WriteResult>? Result { get; set; }

        public long LineOf(int write)
        {
            long found = Lines.Count > 0 ? Lines[0].Line : 0;
            foreach ((long line, int start) in Lines)
            {
                if (start > write)
                {
                    break;
                }

                found = line;
            }

            return found;
        }

        public void Clear()
        {
            Writes.Clear();
            Lines.Clear();
            Bytes = 0;
            Result = null;
        }
    }
}
