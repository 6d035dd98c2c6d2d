using Weft.Graph;
using Weft.Node.Storage;
using Weft.Storage.Memory;

namespace Weft.Storage;

/// <summary>Puts the fields of several tiers together in order; the earlier tier is the newer one and wins.</summary>
internal static class FieldMerge
{
    public static NodePage Merge(List<FieldRun> runs, FieldWindow window, ReadSource source)
    {
        FieldRun? only = null;
        int filled = 0;
        foreach (FieldRun run in runs)
        {
            if (run.Fields.Count > 0)
            {
                only = run;
                filled++;
            }
        }

        if (filled == 0)
        {
            return NodePage.Empty;
        }

        return filled == 1 ? new NodePage(only!.Fields, only.IsCut, source) : MergeMany(runs, window, source);
    }

    private static NodePage MergeMany(List<FieldRun> runs, FieldWindow window, ReadSource source)
    {
        var fields = new List<StoredField>();
        int[] at = new int[runs.Count];
        long bytes = 0;
        while (true)
        {
            int best = -1;
            for (int i = 0; i < runs.Count; i++)
            {
                if (at[i] == runs[i].Fields.Count)
                {
                    if (runs[i].IsCut)
                    {
                        return new NodePage(fields, true, source); // What this tier holds next is not known here.
                    }

                    continue;
                }

                if (best < 0 || IsBefore(runs[i].Fields[at[i]], runs[best].Fields[at[best]], window.Reverse))
                {
                    best = i;
                }
            }

            if (best < 0)
            {
                return new NodePage(fields, false, source);
            }

            if (fields.Count == window.FieldsMax || bytes >= window.BytesMax)
            {
                return new NodePage(fields, true, source);
            }

            StoredField field = runs[best].Fields[at[best]];
            fields.Add(field);
            bytes += FieldRun.Size(field);
            for (int i = 0; i < runs.Count; i++)
            {
                if (at[i] < runs[i].Fields.Count && runs[i].Fields[at[i]].Field == field.Field)
                {
                    at[i]++;
                }
            }
        }
    }

    private static bool IsBefore(in StoredField left, in StoredField right, bool reverse)
    {
        int order = string.CompareOrdinal(left.Field, right.Field);
        return reverse ? order > 0 : order < 0;
    }
}
