using Microsoft.Extensions.Logging;

namespace Weft.Node.Access;

/// <summary>Log messages of admission. They never name souls, fields, values or keys.</summary>
internal static partial class AccessLog
{
    [LoggerMessage(
        1201, LogLevel.Information, "A stored field was dropped: a record that came later forbids it ({Code}).")]
    public static partial void Dropped(ILogger logger, string code);

    [LoggerMessage(1202, LogLevel.Error, "Stored fields could not be judged again after a policy changed.")]
    public static partial void RejudgeFailed(ILogger logger, Exception failure);
}
