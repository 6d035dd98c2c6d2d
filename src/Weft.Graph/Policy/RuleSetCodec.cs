using System.Text.Json;

namespace Weft.Graph.Policy;

/// <summary>Rules to JSON and back.</summary>
/// <param name="require">Notes what is wrong.</param>
/// <param name="know">Notes what is not known.</param>
internal sealed class RuleSetCodec(Action<bool, string> require, Action<bool, string> know)
{
    private const int RulesVersion = 1;
    private const int NameCharsMax = 64;

    private static readonly (string Name, FieldTypes Type)[] TypeNames =
    [
        ("text", FieldTypes.Text), ("number", FieldTypes.Number),
        ("boolean", FieldTypes.Boolean), ("link", FieldTypes.Link),
    ];

    private int _parts;

    public static PolicyJson ToJson(RuleSet rules)
    {
        var members = new List<KeyValuePair<string, PolicyJson>> { new("v", PolicyJson.Of(RulesVersion)) };
        if (rules.Fields.Items.Count > 0)
        {
            members.Add(new("fields", PolicyJson.Object(rules.Fields.Items.Select(item =>
                new KeyValuePair<string, PolicyJson>(item.Key, ToJson(item.Value))))));
        }

        if (rules.RefusesOthers)
        {
            members.Add(new("other", PolicyJson.Of("refuse")));
        }

        return PolicyJson.Object(members);
    }

    public RuleSet Read(PolicyJson json)
    {
        bool hasVersion = false;
        bool refuses = false;
        FieldMap<FieldRule> fields = FieldMap<FieldRule>.Empty;
        require(json.Kind == JsonTokenType.StartObject, "\"rules\" is no object");
        foreach ((string name, PolicyJson value) in json.Members)
        {
            switch (name)
            {
                case "v":
                    hasVersion = true;
                    double? version = value.ToValue().AsNumber();
                    require(version is not null, "the version of the rules is no number");
                    know(version is null or RulesVersion, "the version of the rules");
                    break;
                case "other":
                    know(value.Kind == JsonTokenType.String && value.Text is "allow" or "refuse",
                        "what \"other\" says");
                    refuses = value.Text == "refuse";
                    break;
                case "fields":
                    require(value.Kind == JsonTokenType.StartObject
                        && value.Members.Count is > 0 and <= PolicyLimits.FieldsMax,
                        $"\"fields\" is no object of 1 to {PolicyLimits.FieldsMax} fields");
                    fields = new(value.Members.Take(PolicyLimits.FieldsMax)
                        .Select(member => KeyValuePair.Create(member.Key, ReadField(member.Key, member.Value))));
                    break;
                default:
                    know(false, $"the rule \"{name}\"");
                    break;
            }
        }

        require(hasVersion, "the rules have no version");
        return new RuleSet { Fields = fields, RefusesOthers = refuses };
    }

    private static PolicyJson ToJson(FieldRule rule)
    {
        var members = new List<KeyValuePair<string, PolicyJson>>();
        Add("required", rule.IsRequired ? PolicyJson.Of(true) : null);
        Add("min", rule.Min is { } min ? PolicyJson.Of(min) : null);
        Add("max", rule.Max is { } max ? PolicyJson.Of(max) : null);
        Add("minLength", rule.LengthMin is { } shortest ? PolicyJson.Of(shortest) : null);
        Add("maxLength", rule.LengthMax is { } longest ? PolicyJson.Of(longest) : null);
        Add("pattern", rule.Pattern is { } pattern ? PolicyJson.Of(pattern.Text) : null);
        Add("use", rule.Use is { } use ? PolicyJson.Of(use) : null);
        Add("links", rule.Links.Count > 0 ? PolicyJson.Array(rule.Links.Select(PolicyJson.Of)) : null);
        Add("enum", rule.Choices.Count > 0 ? PolicyJson.Array(rule.Choices.Select(ToJson)) : null);
        PolicyJson[] types =
            [.. TypeNames.Where(known => rule.Types.HasFlag(known.Type)).Select(known => PolicyJson.Of(known.Name))];
        Add("type", types.Length == 0 ? null : types.Length == 1 ? types[0] : PolicyJson.Array(types));
        return PolicyJson.Object(members);

        void Add(string name, PolicyJson? value)
        {
            if (value is not null)
            {
                members.Add(new(name, value));
            }
        }
    }

    private static PolicyJson ToJson(WeftValue choice) => choice.Kind switch
    {
        WeftValueKind.Number => PolicyJson.Of(choice.AsNumber()!.Value),
        WeftValueKind.Boolean => PolicyJson.Of(choice.AsBoolean()!.Value),
        _ => PolicyJson.Of(choice.AsText() ?? ""),
    };

    private FieldRule ReadField(string field, PolicyJson json)
    {
        require(json.Kind == JsonTokenType.StartObject, $"the rule of \"{field}\" is no object");
        FieldTypes types = default;
        bool required = false;
        double? min = null, max = null;
        int? shortest = null, longest = null;
        TextPattern? pattern = null;
        string? use = null;
        IReadOnlyList<string> links = [];
        IReadOnlyList<WeftValue> choices = [];
        foreach ((string name, PolicyJson value) in json.Members)
        {
            switch (name)
            {
                case "type":
                    types = ReadTypes(field, value);
                    break;
                case "required":
                    require(value.Kind == JsonTokenType.True && !field.EndsWith('*'),
                        "\"required\" is true, for one field");
                    required = true;
                    break;
                case "min":
                    min = ReadNumber(value, name);
                    break;
                case "max":
                    max = ReadNumber(value, name);
                    break;
                case "minLength":
                    shortest = ReadLength(value, name);
                    break;
                case "maxLength":
                    longest = ReadLength(value, name);
                    break;
                case "pattern":
                    require(value.Kind == JsonTokenType.String && TextPattern.TryParse(value.Text, out pattern),
                        $"the pattern of \"{field}\" is outside the language");
                    _parts += pattern?.Parts ?? 0;
                    require(_parts <= PolicyLimits.PatternPartsTotalMax,
                        $"the patterns have more than {PolicyLimits.PatternPartsTotalMax} parts together");
                    pattern = _parts <= PolicyLimits.PatternPartsTotalMax ? pattern : null;
                    break;
                case "enum":
                    choices = [.. ReadList(value, name).Select(choice => choice.ToValue())];
                    require(choices.All(choice => choice.Kind is not (WeftValueKind.Null or WeftValueKind.Link)),
                        $"\"enum\" of \"{field}\" lists texts, numbers and Booleans");
                    break;
                case "links":
                    links = [.. ReadList(value, name).Select(start => start.Text)];
                    require(value.Elements.All(start => start.Kind == JsonTokenType.String),
                        $"\"links\" of \"{field}\" lists texts");
                    break;
                case "use":
                    require(value.Kind == JsonTokenType.String && value.Text.Length is > 0 and <= NameCharsMax,
                        "\"use\" is no name");
                    use = value.Text;
                    break;
                default:
                    know(false, $"the rule \"{name}\" of \"{field}\"");
                    break;
            }
        }

        return new FieldRule
        {
            Types = types,
            IsRequired = required,
            Min = min,
            Max = max,
            LengthMin = shortest,
            LengthMax = longest,
            Pattern = pattern,
            Choices = choices,
            Links = links,
            Use = use,
        };
    }

    private FieldTypes ReadTypes(string field, PolicyJson value)
    {
        FieldTypes types = default;
        foreach (PolicyJson name in value.Kind == JsonTokenType.StartArray ? ReadList(value, "type") : [value])
        {
            FieldTypes type = TypeNames
                .FirstOrDefault(known => name.Kind == JsonTokenType.String && known.Name == name.Text).Type;
            know(type != default || (name.Kind == JsonTokenType.String && name.Text == "any"),
                $"a type of \"{field}\"");
            types |= name.Text == "any" ? (FieldTypes)15 : type;
        }

        return types == (FieldTypes)15 ? default : types;
    }

    private double? ReadNumber(PolicyJson value, string name)
    {
        require(value.Kind == JsonTokenType.Number, $"\"{name}\" is no number");
        return value.ToValue().AsNumber();
    }

    private int? ReadLength(PolicyJson value, string name)
    {
        double? length = ReadNumber(value, name);
        require(length is null or (>= 0 and <= FieldRules.TextBytesMax) && length == Math.Floor(length ?? 0),
            $"\"{name}\" is no length");
        return length is >= 0 and <= FieldRules.TextBytesMax ? (int)length : null;
    }

    private IEnumerable<PolicyJson> ReadList(PolicyJson value, string name)
    {
        require(value.Kind == JsonTokenType.StartArray && value.Elements.Count is > 0 and <= PolicyLimits.ChoicesMax,
            $"\"{name}\" is no list of 1 to {PolicyLimits.ChoicesMax}");
        return value.Elements.Take(PolicyLimits.ChoicesMax);
    }
}
