using System.Security.Cryptography;

namespace Weft.Load;

/// <summary>
/// What encryption at rest costs an import: the same file into a plain and an encrypted store, in turn.
/// </summary>
internal sealed class EncryptedImportRow : ILoadRow
{
    private const double LossMax = 0.25;

    public string Name => "restimport";

    public async Task<RowResult> RunAsync(RowContext context)
    {
        string what = $"import of {context.Options.Scale(2_000_000):#,0} fields with --encrypt, beside a plain store";
        var figures = new Dictionary<ServerKind, string>();
        if (!context.Options.RunsWeft)
        {
            return new RowResult(what, figures, "", "", null, "Weft only");
        }

        string key = Path.Combine(context.NewFolder(), "weft.key");
        await File.WriteAllBytesAsync(key, RandomNumberGenerator.GetBytes(32), context.Cancellation);
        var plain = new List<double>();
        var sealedRates = new List<double>();
        for (int repeat = 0; repeat < context.Options.Repeats; repeat++)
        {
            // Each goes first in every other round, so that a warm or tired machine favours neither.
            foreach (bool encrypt in repeat % 2 == 0 ? (bool[])[false, true] : [true, false])
            {
                string folder = context.NewFolder();
                ImportResult result = await ImportRow.ImportAsync(
                    context, folder, isBig: false, context.Options.Seed + repeat,
                    encrypt ? ["--encrypt", "--key-file", key] : []);
                (encrypt ? sealedRates : plain).Add(result.FieldsPerSecond);
                RowContext.Remove(folder);
            }
        }

        // Two imports that follow each other met the same machine; medians over all of them need not have.
        double loss = 1 - Figures.Median(sealedRates.Zip(plain, (with, without) => with / without));
        figures[ServerKind.Weft] =
            $"{Figures.Rate(Figures.Median(sealedRates))} fields, plain {Figures.Rate(Figures.Median(plain))}";
        return new RowResult(
            what, figures, $"{loss * 100:0.0} % lost", "at most 25 % lost", loss <= LossMax,
            "weft import over HTTP, AES-256-GCM; the loss is the median of pairs; "
            + $"encrypted {Figures.Each(sealedRates)}; plain {Figures.Each(plain)}");
    }
}
