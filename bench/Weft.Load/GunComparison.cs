using System.Text;

namespace Weft.Load;

/// <summary>Runs the rows one after the other and prints the table.</summary>
internal sealed class GunComparison(LoadOptions options)
{
    private static readonly ILoadRow[] AllRows =
    [
        new PutRow("put1", window: 1), new PutRow("put100", window: 100), new GetRow(),
        new BurstRow(), new PacedRow(), new ResidentRow(), new KillRow(),
        new ImportRow(isBig: false), new ImportRow(isBig: true), new StartRow(), new EncryptedImportRow(),
        new SeaRow("sea100", window: 100), new SeaRow("sea5000", window: 5_000), new JunkRow(),
    ];

    /// <returns>0 when every measured bar was met, 1 otherwise.</returns>
    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        string folder = Path.Combine(options.Folder, $"weft-load-{Guid.NewGuid():N}");
        Directory.CreateDirectory(folder);
        try
        {
            if (options.RunsGun)
            {
                await Servers.InstallGunAsync(cancellationToken);
            }

            var table = new StringBuilder();
            double[] before = Machine.MeasureFlush(folder);
            var results = new List<RowResult>();
            var context = new RowContext(options, folder, cancellationToken);
            foreach (ILoadRow row in AllRows.Where(row => options.Rows.Contains(row.Name)))
            {
                RowContext.Say($"{row.Name} ...");
                results.Add(await RunRowAsync(row, context));
            }

            WriteTable(table, results, before, Machine.MeasureFlush(folder));
            Console.WriteLine(table);
            if (options.OutFile is not null)
            {
                await File.WriteAllTextAsync(options.OutFile, table.ToString(), cancellationToken);
            }

            return results.Any(result => result.IsMet == false) ? 1 : 0;
        }
        finally
        {
            RowContext.Remove(folder);
        }
    }

    private static async Task<RowResult> RunRowAsync(ILoadRow row, RowContext context)
    {
        try
        {
            return await row.RunAsync(context);
        }
        catch (Exception e) when (e is not OperationCanceledException || !context.Cancellation.IsCancellationRequested)
        {
            Console.Error.WriteLine(e); // One row that cannot run must not cost the figures of the others.
            return new RowResult(
                row.Name, new Dictionary<ServerKind, string>(), "", "", false, $"could not be measured: {e.Message}");
        }
    }

    private void WriteTable(StringBuilder table, List<RowResult> results, double[] before, double[] after)
    {
        table.AppendLine($"Machine: {Machine.Describe()}");
        table.AppendLine(
            $"Flush of 4 KiB in the data folder: p50 {Flush(before, 0.5)} p99 {Flush(before, 0.99)} before, " +
            $"p50 {Flush(after, 0.5)} p99 {Flush(after, 0.99)} after");
        string arguments = string.Concat(options.WeftArguments.Select(argument => $" {argument}"));
        table.AppendLine(
            $"Seed {options.Seed}, {options.Repeats} repeats, medians; clients, servers and disk share the machine; " +
            $"Weft: durability disk{arguments}" +
            $"{(options.IsQuick ? "; QUICK RUN, a tenth of the data" : "")}; {DateTime.UtcNow:yyyy-MM-dd HH:mm} UTC");
        table.AppendLine();
        table.AppendLine("| what | GUN, radisk+AXE | GUN, memory only | Weft | ratio | bar | |");
        table.AppendLine("| --- | --- | --- | --- | --- | --- | --- |");
        foreach (RowResult row in results)
        {
            string verdict = row.IsMet switch { true => "met", false => "MISSED", null => "not measured" };
            table.AppendLine(
                $"| {row.What} | {Cell(row, ServerKind.GunDisk)} | {Cell(row, ServerKind.GunMemory)} | " +
                $"{Cell(row, ServerKind.Weft)} | {row.Ratio} | {row.Bar} | {verdict} |");
        }

        table.AppendLine();
        foreach (RowResult row in results)
        {
            table.AppendLine($"- {row.What}: {row.Settings}");
        }
    }

    private static string Cell(RowResult row, ServerKind kind) => row.Figures.GetValueOrDefault(kind, "-");

    private static string Flush(double[] sorted, double share) =>
        Figures.Milliseconds(sorted[(int)(share * (sorted.Length - 1))]);
}
