using System.Globalization;

namespace Weft.Graph.Policy;

/// <summary>How much a prefix keeps of what was written under it.</summary>
public enum HistoryKind
{
    /// <summary>The present alone.</summary>
    None = 0,

    /// <summary>The last so many versions of each node.</summary>
    Last,

    /// <summary>The versions of the last so many days.</summary>
    Days,

    /// <summary>Every version, in a signed log that shows that none was put in, taken out or changed.</summary>
    Log,
}

/// <summary>What a policy says about history: the member <c>history</c> of its document.</summary>
/// <param name="Kind">How much is kept.</param>
/// <param name="Amount">
/// Versions for <see cref="HistoryKind.Last"/>, days for <see cref="HistoryKind.Days"/>; for
/// <see cref="HistoryKind.Log"/> the days after which blocks go to the archive, 0 for never.
/// </param>
/// <remarks>Source: docs/spec/history.md, section 1.</remarks>
public readonly record struct HistoryRule(HistoryKind Kind, double Amount = 0)
{
    /// <summary>The most versions of a node that "last" can keep.</summary>
    public const int LastMax = 1_000_000;

    /// <summary>The most days that can be named.</summary>
    public const int DaysMax = 36_500;

    internal const string Member = "history";

    /// <summary>Nothing but the present.</summary>
    public static HistoryRule None => default;

    /// <summary>True when versions are kept.</summary>
    public bool Keeps => Kind != HistoryKind.None;

    /// <summary>How long a version lives, in milliseconds; infinity when time does not end it.</summary>
    public double LifeMs => Kind == HistoryKind.Days ? Amount * 86_400_000 : double.PositiveInfinity;

    /// <summary>The oldest version that is kept, of what one node has.</summary>
    /// <param name="newest">Its newest version.</param>
    /// <returns>1 and up.</returns>
    public long FloorOf(long newest) => Kind == HistoryKind.Last ? Math.Max(1, newest - (long)Amount + 1) : 1;

    /// <summary>As in the document and on the command line: none, last 10, 30 days, log, log cold 90 days.</summary>
    public override string ToString() => Kind switch
    {
        HistoryKind.Last => string.Create(CultureInfo.InvariantCulture, $"last {Amount}"),
        HistoryKind.Days => string.Create(CultureInfo.InvariantCulture, $"{Amount} days"),
        HistoryKind.Log when Amount > 0 => string.Create(CultureInfo.InvariantCulture, $"log, cold after {Amount} days"),
        HistoryKind.Log => "log",
        _ => "none",
    };

    /// <summary>Reads what <see cref="ToString"/> writes.</summary>
    /// <returns>False when it is none of these, or breaks a bound.</returns>
    public static bool TryParse(string text, out HistoryRule rule)
    {
        ArgumentNullException.ThrowIfNull(text);
        string[] words = text.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        rule = words switch
        {
            ["log"] => new(HistoryKind.Log),
            ["last", var count] => new(HistoryKind.Last, Number(count)),
            [var days, "day" or "days"] => new(HistoryKind.Days, Number(days)),
            ["log,", "cold", "after", var days, "day" or "days"] => new(HistoryKind.Log, Number(days)),
            _ => None,
        };
        return words is ["none"] || (words is ["log"] && rule.Amount == 0) || (rule.Keeps && rule.IsValid);
    }

    private bool IsValid => Kind == HistoryKind.Last
        ? Amount is >= 1 and <= LastMax && double.IsInteger(Amount)
        : Amount is > 0 and <= DaysMax;

    private static double Number(string text) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double number)
            ? number
            : -1;

    internal static HistoryRule? Read(PolicyJson value, Action<bool, string> require, Action<bool, string> know)
    {
        if (value.Kind == System.Text.Json.JsonTokenType.String)
        {
            know(value.Text is "none" or "log", "what \"history\" keeps");
            return value.Text == "log" ? new HistoryRule(HistoryKind.Log) : None;
        }

        bool isOne = value.Kind == System.Text.Json.JsonTokenType.StartObject && value.Members.Count == 1;
        require(isOne, "\"history\" is \"none\", \"log\", or an object with one of last, days and coldDays");
        if (!isOne)
        {
            return null;
        }

        (string name, PolicyJson amount) = value.Members[0];
        HistoryKind kind = name switch
        {
            "last" => HistoryKind.Last,
            "days" => HistoryKind.Days,
            "coldDays" => HistoryKind.Log,
            _ => HistoryKind.None,
        };
        know(kind != HistoryKind.None, $"what \"history\" keeps: \"{name}\"");
        var rule = new HistoryRule(kind, amount.ToValue().AsNumber() ?? 0);
        require(
            !rule.Keeps || rule.IsValid,
            $"\"history\" keeps 1 to {LastMax} versions, or names up to {DaysMax} days");
        return rule;
    }

    /// <summary>As the member of a document: <c>"log"</c>, <c>{"last":10}</c>.</summary>
    public string ToJsonText() => ToJson().ToString();

    internal PolicyJson ToJson() => Kind switch
    {
        HistoryKind.Last => PolicyJson.Object([new("last", PolicyJson.Of(Amount))]),
        HistoryKind.Days => PolicyJson.Object([new("days", PolicyJson.Of(Amount))]),
        HistoryKind.Log when Amount > 0 => PolicyJson.Object([new("coldDays", PolicyJson.Of(Amount))]),
        HistoryKind.Log => PolicyJson.Of("log"),
        _ => PolicyJson.Of("none"),
    };
}
