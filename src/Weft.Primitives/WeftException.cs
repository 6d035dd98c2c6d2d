namespace Weft.Primitives;

/// <summary>The base of every error that Weft itself decides on. Bad arguments stay <see cref="ArgumentException"/>.</summary>
public class WeftException : Exception
{
    /// <summary>Makes the error.</summary>
    /// <param name="error">The stable number.</param>
    /// <param name="message">What was refused, why, and what state we are in now.</param>
    /// <param name="inner">What lay under it, if anything.</param>
    public WeftException(WeftError error, string message, Exception? inner = null)
        : base(message, inner) => Error = error;

    /// <summary>A stable number for logs, HTTP answers and metrics; never renumbered.</summary>
    public WeftError Error { get; }

    /// <summary>The number as people see it, for example "W3307".</summary>
    public string Code => ErrorCatalogue.Code(Error);

    /// <summary>True when the same call may succeed later without a change, for example after a reconnect.</summary>
    public virtual bool IsTransient => ErrorCatalogue.Find(Error).IsTransient;
}
