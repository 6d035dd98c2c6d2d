using Weft.Cli.Output;

namespace Weft.Cli.App;

/// <summary>Asks a person for a passphrase, without showing it.</summary>
internal static class SecretPrompt
{
    private const int LengthMax = 1_024;

    /// <summary>True when somebody can answer.</summary>
    public static bool CanAsk(CommandContext context) =>
        context.Host.InIsTerminal && !context.Value(GlobalOptions.NoInput);

    /// <summary>Asks once, or twice when a slip of the finger would lock everything away for good.</summary>
    /// <param name="context">The command.</param>
    /// <param name="question">For example "Passphrase of the store".</param>
    /// <param name="twice">True for a new passphrase.</param>
    /// <returns>What was typed; the caller clears it.</returns>
    /// <exception cref="CliException">Nothing was typed, too much, or not the same twice.</exception>
    public static char[] Ask(CommandContext context, string question, bool twice)
    {
        char[] typed = Read(context.Host, question);
        if (!twice)
        {
            return typed;
        }

        char[] again = Read(context.Host, "The same again");
        bool same = typed.AsSpan().SequenceEqual(again);
        Array.Clear(again);
        if (same)
        {
            return typed;
        }

        Array.Clear(typed);
        throw CliException.Usage("the two passphrases differ; nothing was done");
    }

    private static char[] Read(CliHost host, string question)
    {
        host.Error.Write(PlainText.OneLine(question) + ": ");
        char[] typed = new char[LengthMax];
        int length = 0;
        try
        {
            while (host.ReadKey() is { Key: not ConsoleKey.Enter } key)
            {
                if (key.Key == ConsoleKey.Backspace)
                {
                    length = Math.Max(0, length - 1);
                }
                else if (key.KeyChar != '\0')
                {
                    if (length == LengthMax)
                    {
                        throw CliException.Usage($"a passphrase has at most {LengthMax} characters");
                    }

                    typed[length++] = key.KeyChar;
                }
            }

            return length > 0 ? typed[..length] : throw CliException.Usage("no passphrase was typed; nothing was done");
        }
        finally
        {
            Array.Clear(typed);
            host.Error.WriteLine();
        }
    }
}
