using System.Globalization;

namespace Weft.Graph.Policy;

/// <summary>
/// How a part of the graph is replicated, in the words of a policy: <c>everyone</c>, <c>responsible(K)</c>, both with a
/// plus between them, or <c>local</c>. Immutable.
/// </summary>
/// <remarks>Source: docs/spec/replication.md, section 1.</remarks>
public readonly record struct ReplicationWords
{
    /// <summary>The most responsible peers that can be named.</summary>
    public const int CopiesMax = 20;

    /// <summary>Responsible peers of what is protected or private, where its policy says nothing of replication.</summary>
    public const int ProtectedCopies = 5;

    private const string EveryoneWord = "everyone";
    private const string LocalWord = "local";
    private const string ResponsibleStart = "responsible(";

    /// <summary>Every peer that asks for it is sent each change, through a topic.</summary>
    public bool IsEveryone { get; init; }

    /// <summary>So many peers, the closest by hash, keep the state of each soul: 1 to 20; 0 for none.</summary>
    public int Copies { get; init; }

    /// <summary>It never leaves the peer that wrote it.</summary>
    public bool IsLocal { get; init; }

    /// <summary>What protected data gets: both.</summary>
    public static ReplicationWords Protected { get; } = new() { IsEveryone = true, Copies = ProtectedCopies };

    /// <summary>Reads the words. There is one form: no spaces, <c>everyone</c> first, no leading zeros.</summary>
    /// <param name="text">The words.</param>
    /// <param name="words">What they mean.</param>
    /// <param name="isKnown">
    /// False when a word is none of the three: a later version may know it, which is not the same as a wrong one.
    /// </param>
    /// <returns>True when they are right.</returns>
    public static bool TryParse(string? text, out ReplicationWords words, out bool isKnown)
    {
        words = default;
        isKnown = true;
        if (string.IsNullOrEmpty(text))
        {
            return false;
        }

        var read = default(ReplicationWords);
        foreach (string word in text.Split('+'))
        {
            switch (word)
            {
                case EveryoneWord:
                    read = read with { IsEveryone = true };
                    break;
                case LocalWord:
                    read = read with { IsLocal = true };
                    break;
                case var responsible when responsible.StartsWith(ResponsibleStart, StringComparison.Ordinal)
                    && responsible.EndsWith(')'):
                    ReadOnlySpan<char> number = responsible.AsSpan(
                        ResponsibleStart.Length, responsible.Length - ResponsibleStart.Length - 1);
                    if (!int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int copies)
                        || copies is < 1 or > CopiesMax)
                    {
                        return false;
                    }

                    read = read with { Copies = copies };
                    break;
                default:
                    isKnown = false;
                    return false;
            }
        }

        // Written again it must be the same text: a policy has one form, and "local" goes with nothing else.
        if (read.ToString() != text)
        {
            return false;
        }

        words = read;
        return true;
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        string responsible = Copies > 0
            ? string.Create(CultureInfo.InvariantCulture, $"{ResponsibleStart}{Copies})")
            : "";
        return IsLocal ? LocalWord
            : !IsEveryone ? responsible
            : Copies > 0 ? $"{EveryoneWord}+{responsible}"
            : EveryoneWord;
    }
}
