using Weft.Primitives;

namespace Weft.Server.Http;

/// <summary>A request that is refused: becomes a problem document.</summary>
internal sealed class ApiException(WeftError error, string detail, int? status = null) : WeftException(error, detail)
{
    /// <summary>The HTTP status, when it is not the one of the catalogue.</summary>
    public int? Status { get; } = status;

    /// <summary>
    /// Where in the body the trouble is, for example "fields.bio"; null when it is nowhere in particular.
    /// </summary>
    public string? Path { get; init; }

    /// <summary>The line of a bulk body, counted from 1; 0 when there are no lines.</summary>
    public long Line { get; init; }

    /// <summary>What a read found out, for example "absent"; null when this is about no read.</summary>
    public string? ReadStatus { get; init; }

    /// <summary>How many peers the read asked; counts only with <see cref="ReadStatus"/>.</summary>
    public int PeersAsked { get; init; }

    /// <summary>The same refusal at a line.</summary>
    public ApiException AtLine(long line) => new(Error, Message, Status) { Path = Path, Line = line };
}
