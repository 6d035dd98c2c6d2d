using Spectre.Console;

namespace Weft.Cli.Output;

/// <summary>
/// Draws tables for people. The only class that touches Spectre.Console, so pipes never pay for loading it.
/// </summary>
internal static class TerminalTable
{
    public static void Write(TextTable table, TextWriter target, int width, bool hasColor)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(target),
            Ansi = hasColor ? AnsiSupport.Yes : AnsiSupport.No,
            ColorSystem = hasColor ? ColorSystemSupport.Standard : ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
        });
        console.Profile.Width = width;
        var drawn = new Table { Border = TableBorder.None, ShowHeaders = table.Columns.Any(name => name.Length > 0) };
        foreach (string name in table.Columns)
        {
            bool isRight = name.StartsWith('>');
            string head = (isRight ? name[1..] : name).ToUpperInvariant();
            drawn.AddColumn(new TableColumn(new Text(head, new Style(decoration: Decoration.Dim)))
            {
                Alignment = isRight ? Justify.Right : Justify.Left,
                Padding = new Padding(2, 0, 2, 0),
            });
        }

        foreach (string[] row in table.Rows)
        {
            // Text, not markup: a cell may hold "[red]".
            drawn.AddRow(row.Select(cell => new Text(PlainText.OneLine(cell))));
        }

        console.Write(drawn);
    }
}
