namespace Weft.Fuzz;

/// <summary>One decoder under fuzz: its good inputs, its words, and what must hold for any bytes at all.</summary>
/// <remarks>
/// <see cref="Run"/> throws <see cref="FuzzFailure"/> when a promise is broken (for example decode, encode, decode gives
/// something else). Any other exception is a failure too: a peer's bytes never throw.
/// </remarks>
public abstract class FuzzTarget
{
    /// <summary>The name the reports carry.</summary>
    public abstract string Name { get; }

    /// <summary>Good and nearly good inputs to start from; at least one.</summary>
    public abstract IEnumerable<byte[]> Seeds { get; }

    /// <summary>Words of the format, to be put in anywhere.</summary>
    public virtual IReadOnlyList<byte[]> Words => [];

    /// <summary>Longest input that is tried, in bytes.</summary>
    public virtual int LengthMax => 8_192;

    /// <summary>Bytes the decoder may allocate beyond 16 times the input: its fixed tables.</summary>
    public virtual long AllocationBase => 64 * 1_024;

    /// <summary>How many bytes the decoder may allocate for each byte of input.</summary>
    public virtual int AllocationFactor => 16;

    /// <summary>Decodes one input and judges the result.</summary>
    /// <returns>What kind of result it was; an input that gives a new number is kept and mutated further.</returns>
    public abstract ulong Run(ReadOnlyMemory<byte> input);
}

/// <summary>A promise broken by the decoder under fuzz.</summary>
public sealed class FuzzFailure(string message) : Exception(message)
{
    /// <summary>Fails unless <paramref name="holds"/>.</summary>
    public static void Unless(bool holds, string promise)
    {
        if (!holds)
        {
            throw new FuzzFailure(promise);
        }
    }
}
