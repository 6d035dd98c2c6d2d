namespace Weft.Cli.App;

/// <summary>Finds the word that was probably meant.</summary>
internal static class Suggestion
{
    /// <summary>"; did you mean X?", or nothing when no word is near.</summary>
    public static string For(string word, IEnumerable<string> known) =>
        Nearest(word, known) is { } near ? $"; did you mean \"{near}\"?" : "";

    /// <summary>The one nearest word within a third of its length, or null.</summary>
    public static string? Nearest(string word, IEnumerable<string> known)
    {
        string? best = null;
        int bestDistance = int.MaxValue;
        foreach (string candidate in known)
        {
            int distance = Distance(word.ToLowerInvariant(), candidate);
            if (distance < bestDistance)
            {
                (best, bestDistance) = (candidate, distance);
            }
        }

        return best is not null && bestDistance <= Math.Max(1, best.Length / 3) ? best : null;
    }

    /// <summary>
    /// Edits from one word to the other; a swap of neighbours counts once, since that is how fingers slip.
    /// </summary>
    private static int Distance(string left, string right)
    {
        if (left.Length > 64 || right.Length > 64)
        {
            return int.MaxValue;
        }

        int[,] cost = new int[left.Length + 1, right.Length + 1];
        for (int i = 0; i <= left.Length; i++)
        {
            for (int j = 0; j <= right.Length; j++)
            {
                if (i == 0 || j == 0)
                {
                    cost[i, j] = i + j;
                    continue;
                }

                int change = left[i - 1] == right[j - 1] ? 0 : 1;
                cost[i, j] = Math.Min(cost[i - 1, j - 1] + change, Math.Min(cost[i - 1, j], cost[i, j - 1]) + 1);
                if (i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1])
                {
                    cost[i, j] = Math.Min(cost[i, j], cost[i - 2, j - 2] + 1);
                }
            }
        }

        return cost[left.Length, right.Length];
    }
}
