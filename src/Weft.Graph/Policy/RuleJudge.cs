using Weft.Primitives;

namespace Weft.Graph.Policy;

/// <summary>
/// Judges one write by the rules that need nothing but the write, within <see cref="PolicyLimits.StepsMax"/> steps.
/// </summary>
internal static class RuleJudge
{
    /// <summary>Judges by name and value.</summary>
    /// <param name="rules">The rules.</param>
    /// <param name="write">The write.</param>
    /// <param name="value">Its value; that inside the signature of a SEA write.</param>
    /// <param name="readable">False when the value is sealed, so that only its field can be judged.</param>
    /// <param name="plugIns">Rules in code, by name.</param>
    public static PolicyVerdict Judge(
        RuleSet rules,
        in FieldWrite write,
        WeftValue value,
        bool readable,
        IReadOnlyDictionary<string, IValidationRule> plugIns)
    {
        if (!rules.Fields.TryFind(write.Field, out FieldRule? rule))
        {
            return rules.RefusesOthers
                ? Broken(write, "is none of the fields the policy names")
                : PolicyVerdict.Allowed;
        }

        if (value.IsNull)
        {
            return rule.IsRequired ? Broken(write, "is required and cannot be deleted") : PolicyVerdict.Allowed;
        }

        if (!readable)
        {
            return PolicyVerdict.Allowed;
        }

        int steps = PolicyLimits.StepsMax;
        if (Fault(rule, value, ref steps) is { } fault)
        {
            return Broken(write, fault);
        }

        if (rule.Use is not { } name)
        {
            return PolicyVerdict.Allowed;
        }

        return !plugIns.TryGetValue(name, out IValidationRule? plugIn)
            ? new(WeftError.RuleUnknown,
                $"the field \"{write.Field}\" is judged by the rule \"{name}\", which this node does not have")
            : plugIn.Allows(write, value) ? PolicyVerdict.Allowed : Broken(write, $"breaks the rule \"{name}\"");
    }

    /// <summary>The kind of a value as a rule names it.</summary>
    internal static FieldTypes TypeOf(WeftValue value) => value.Kind switch
    {
        WeftValueKind.Text => FieldTypes.Text,
        WeftValueKind.Number => FieldTypes.Number,
        WeftValueKind.Boolean => FieldTypes.Boolean,
        WeftValueKind.Link => FieldTypes.Link,
        _ => FieldTypes.Any,
    };

    private static string? Fault(FieldRule rule, WeftValue value, ref int steps)
    {
        FieldTypes type = TypeOf(value);
        if (rule.Types != FieldTypes.Any && (rule.Types & type) == 0)
        {
            return $"is {Name(type)}, which its type does not allow";
        }

        string? fault = type switch
        {
            FieldTypes.Number => NumberFault(rule, value.AsNumber() ?? 0),
            FieldTypes.Text => TextFault(rule, value, ref steps),
            FieldTypes.Link when rule.Links.Count > 0 => LinkFault(rule, value.AsLink() ?? "", ref steps),
            _ => null,
        };
        if (fault is null && rule.Choices.Count > 0)
        {
            bool found = false;
            foreach (WeftValue choice in rule.Choices)
            {
                // Unequal lengths cost one step, equal ones as many as there are bytes.
                steps -= 1 + (choice.Json.Length == value.Json.Length ? value.Json.Length : 0);
                found |= choice == value;
            }

            fault = found ? null : "is none of the values the policy lists";
        }

        return steps < 0 ? $"takes more than {PolicyLimits.StepsMax} steps to judge" : fault;
    }

    private static string? NumberFault(FieldRule rule, double number) =>
        number < rule.Min ? "is below the smallest number allowed"
        : number > rule.Max ? "is above the greatest number allowed"
        : null;

    private static string? TextFault(FieldRule rule, WeftValue value, ref int steps)
    {
        if (rule.LengthMin is null && rule.LengthMax is null && rule.Pattern is null)
        {
            return null;
        }

        steps -= value.Json.Length / 16; // Taking the text out of its quotes.
        string text = value.AsText() ?? "";
        return text.Length < rule.LengthMin ? "is shorter than allowed"
            : text.Length > rule.LengthMax ? "is longer than allowed"
            : rule.Pattern is { } pattern && !pattern.Fits(text, ref steps) && steps >= 0 ? "does not fit its pattern"
            : null;
    }

    private static string? LinkFault(FieldRule rule, string target, ref int steps)
    {
        foreach (string start in rule.Links)
        {
            steps -= 1 + (start.Length / 16);
            if (target.StartsWith(start, StringComparison.Ordinal))
            {
                return null;
            }
        }

        return "links to a soul the policy does not allow";
    }

    private static string Name(FieldTypes type) => type switch
    {
        FieldTypes.Text => "a text",
        FieldTypes.Number => "a number",
        FieldTypes.Boolean => "a Boolean",
        _ => "a link",
    };

    private static PolicyVerdict Broken(in FieldWrite write, string why) =>
        new(WeftError.RuleBroken, $"the field \"{write.Field}\" {why}");
}
