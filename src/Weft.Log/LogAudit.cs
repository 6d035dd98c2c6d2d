using Weft.Log.Tree;
using Weft.Log.Wire;

namespace Weft.Log;

/// <summary>
/// Reads a log again, block by block, and compares each with the signed head: what a store or a disk got wrong shows.
/// </summary>
/// <remarks>In steps, so that its caller can do other things in between. What is appended meanwhile is not looked
/// at.</remarks>
/// <param name="log">The log.</param>
public sealed class LogAudit(LogCore log)
{
    private const int FaultsMax = 100;

    private readonly LogHead _head = log.Published;
    private readonly List<long> _faults = [];
    private long _next;

    /// <summary>The length that is looked at.</summary>
    public long Length => _head.Length;

    /// <summary>Blocks that were here and held.</summary>
    public long Good { get; private set; }

    /// <summary>Bytes of them, as they are stored.</summary>
    public long Bytes { get; private set; }

    /// <summary>Blocks that are not here.</summary>
    public long Missing { get; private set; }

    /// <summary>Blocks that do not hold; at most 100 are noted.</summary>
    public IReadOnlyList<long> Faults => _faults;

    /// <summary>How many do not hold.</summary>
    public long FaultCount { get; private set; }

    /// <summary>True when the log was cut back meanwhile: the rest was not looked at.</summary>
    public bool IsOvertaken => log.Published.Fork != _head.Fork;

    /// <summary>True when everything was looked at.</summary>
    public bool IsDone => _next >= _head.Length || IsOvertaken;

    /// <summary>True when the head is what the log's signers signed.</summary>
    public bool IsHeadSigned() => log.Holds(_head);

    /// <summary>Looks at some blocks.</summary>
    /// <param name="blocksMax">How many, at most.</param>
    public void Step(int blocksMax)
    {
        for (int i = 0; i < blocksMax && !IsDone; i++)
        {
            long index = log.Bits.FirstSet(_next, _head.Length);
            Missing += (index < 0 ? _head.Length : index) - _next;
            _next = index < 0 ? _head.Length : index + 1;
            if (index >= 0)
            {
                Look(index);
            }
        }
    }

    private void Look(long index)
    {
        LogProof? proof = log.Prove(new LogRequest
        {
            Fork = _head.Fork, Block = new NodeRequest(index, FlatTree.PathLengthMax(2 * index, _head.Length)),
        });
        ProofCheck check = log.NewCheck();
        if (proof?.Block is not BlockProof block || !check.TryFold(proof) || check.Root is not TreeNode root
            || !_head.Roots.Span.Contains(root))
        {
            FaultCount++;
            if (_faults.Count < FaultsMax)
            {
                _faults.Add(index);
            }

            return;
        }

        Good++;
        Bytes += block.Value.Length;
    }
}
