using System.Diagnostics;
using System.Numerics;
using System.Security.Cryptography;
using Weft.Primitives;

namespace Weft.Fuzz;

/// <summary>What a fuzz run did.</summary>
/// <param name="Name">The target.</param>
/// <param name="Runs">Inputs tried.</param>
/// <param name="Kept">Inputs kept because they gave a new kind of result.</param>
/// <param name="Failure">What went wrong and how to see it again; null when nothing did.</param>
/// <param name="Elapsed">Time taken.</param>
public sealed record FuzzReport(string Name, long Runs, int Kept, string? Failure, TimeSpan Elapsed)
{
    /// <inheritdoc/>
    public override string ToString() =>
        $"{Name}: {Runs:N0} runs in {Elapsed.TotalSeconds:0.0} s ({Runs / Elapsed.TotalSeconds:N0}/s), kept {Kept}";
}

/// <summary>An in-process fuzzer: no instrumentation, feedback by kinds of results.</summary>
/// <remarks>
/// Oracle: no exception, at most 16 bytes allocated for each byte of input (beyond a base), at most 100 ms, and the
/// target's
/// own promises. Same seed and same number of runs, same inputs.
/// </remarks>
public sealed class Fuzzer(FuzzTarget target, ulong seed)
{
    private static readonly TimeSpan TimeMax = TimeSpan.FromMilliseconds(100);

    private readonly WeftRandom _random = new(seed);
    private readonly List<byte[]> _corpus = [];
    private readonly HashSet<(ulong Kind, int Length, int Allocation)> _kinds = [];

    /// <summary>
    /// Folder whose files are added to the seeds, and which takes new inputs worth keeping; null for none.
    /// </summary>
    public string? CorpusFolder { get; init; }

    /// <summary>Fuzzes until the time is over or a promise is broken.</summary>
    public FuzzReport Run(TimeSpan duration)
    {
        var watch = Stopwatch.StartNew();
        long runs = 0;
        foreach (byte[] start in target.Seeds.Concat(LoadCorpus()))
        {
            runs++;
            if (Try(start, always: true) is { } failure)
            {
                return new(target.Name, runs, _corpus.Count, failure, watch.Elapsed);
            }
        }

        var mutator = new Mutator(_random, target.Words, target.LengthMax);
        while (watch.Elapsed < duration)
        {
            // New kinds of inputs are where the next new kind is found; so half of the draws go to the latest.
            int recent = Math.Max(1, _corpus.Count / 8);
            int pick = _random.Chance(0.5) ? _corpus.Count - 1 - _random.Next(recent) : _random.Next(_corpus.Count);
            byte[] input = mutator.Mutate(_corpus[pick], _corpus[_random.Next(_corpus.Count)]);
            runs++;
            if (Try(input, always: false) is { } failure)
            {
                return new(target.Name, runs, _corpus.Count, failure, watch.Elapsed);
            }
        }

        return new(target.Name, runs, _corpus.Count, null, watch.Elapsed);
    }

    /// <summary>Runs one input.</summary>
    /// <returns>What is wrong, with the smallest input found that still shows it; or null.</returns>
    private string? Try(byte[] input, bool always)
    {
        if (Judge(input, always) is not { } what)
        {
            return null;
        }

        byte[] small = Shrink(input, KindOf(what));
        return $"{target.Name}, seed {seed}: {Judge(small, always: false) ?? what}{Environment.NewLine}"
            + $"input (base64): {Convert.ToBase64String(small)}";
    }

    private string? Judge(byte[] input, bool always)
    {
        try
        {
            (ulong kind, long allocated, TimeSpan elapsed) = Measure(input);
            long allocatedMax = target.AllocationBase + ((long)target.AllocationFactor * input.Length);
            for (int again = 0; again < 3 && (elapsed > TimeMax || allocated > allocatedMax); again++)
            {
                // First calls pay for compilation, and a busy machine steals time: only what repeats is a failure.
                (kind, long allocatedAgain, TimeSpan elapsedAgain) = Measure(input);
                allocated = Math.Min(allocated, allocatedAgain);
                elapsed = elapsedAgain < elapsed ? elapsedAgain : elapsed;
            }

            if (elapsed > TimeMax)
            {
                return $"took {elapsed.TotalMilliseconds:0} ms";
            }

            if (allocated > allocatedMax)
            {
                return $"allocated {allocated:N0} bytes for {input.Length:N0}";
            }

            Keep(input, kind, allocated, always);
            return null;
        }
        catch (Exception failure) // Any exception is the finding this class exists for.
        {
            return failure.ToString();
        }
    }

    private (ulong Kind, long Allocated, TimeSpan Elapsed) Measure(byte[] input)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        long start = Stopwatch.GetTimestamp();
        ulong kind = target.Run(input);
        return (kind, GC.GetAllocatedBytesForCurrentThread() - before, Stopwatch.GetElapsedTime(start));
    }

    private void Keep(byte[] input, ulong kind, long allocated, bool always)
    {
        bool isNew = _kinds.Add((kind, BitOperations.Log2((uint)input.Length + 1), BitOperations.Log2((ulong)allocated + 1)));
        if (!isNew && !always)
        {
            return;
        }

        if (_corpus.Count == 20_000)
        {
            _corpus[_random.Next(_corpus.Count)] = input; // A ceiling here too.
        }
        else
        {
            _corpus.Add(input);
        }

        if (CorpusFolder is not null)
        {
            string name = Convert.ToHexStringLower(SHA256.HashData(input).AsSpan(0, 8));
            File.WriteAllBytes(Path.Combine(CorpusFolder, name), input);
        }
    }

    private IEnumerable<byte[]> LoadCorpus()
    {
        if (CorpusFolder is null)
        {
            return [];
        }

        Directory.CreateDirectory(CorpusFolder);
        return Directory.EnumerateFiles(CorpusFolder).Order(StringComparer.Ordinal).Select(File.ReadAllBytes).ToList();
    }

    /// <summary>Takes out pieces as long as the same kind of failure stays; bounded by runs and time.</summary>
    private byte[] Shrink(byte[] input, string kind)
    {
        var watch = Stopwatch.StartNew();
        for (int piece = Math.Max(1, input.Length / 2); piece > 0; piece /= 2)
        {
            for (int at = 0; at + piece <= input.Length && watch.Elapsed < TimeSpan.FromSeconds(2);)
            {
                byte[] less = [.. input.AsSpan(0, at), .. input.AsSpan(at + piece)];
                if (Judge(less, always: false) is { } still && KindOf(still) == kind)
                {
                    input = less;
                }
                else
                {
                    at += piece;
                }
            }
        }

        return input;
    }

    private static string KindOf(string what) => what[..(what + " ").IndexOf(' ')];
}
