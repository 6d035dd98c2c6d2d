using System.Text.Json;
using Weft.Crypto;

namespace Weft.Graph.Policy;

/// <summary>Reads one document. What is wrong and what is merely unknown are different answers.</summary>
internal sealed class PolicyDocumentReader(ICrypto crypto)
{
    /// <summary>The format this version writes.</summary>
    public const int Format = 1;

    private static readonly (string Name, PolicyClass Class)[] Classes =
        [("public", PolicyClass.Public), ("protected", PolicyClass.Protected), ("private", PolicyClass.Private)];

    private static readonly (string Name, MergeMethod Method)[] Methods =
        [("ham", MergeMethod.Ham), ("first", MergeMethod.First), ("max", MergeMethod.Max), ("min", MergeMethod.Min)];

    private string? _fault;
    private string? _unknown;

    public static string NameOf(PolicyClass policyClass) => Classes[(int)policyClass].Name;

    public static string NameOf(MergeMethod method) => Methods[(int)method].Name;

    public PolicyDocument? Read(PolicyJson root, out string? fault)
    {
        PolicyClass policyClass = default;
        Ed25519PublicKey? owner = null;
        List<Ed25519PublicKey> writers = [];
        string? readers = null;
        double? expires = null;
        FieldMap<MergeMethod> merge = FieldMap<MergeMethod>.Empty;
        ReplicationWords? replicate = null;
        RuleSet rules = RuleSet.None;
        HistoryRule? history = null;
        string? hash = null;
        string? hashed = null;
        bool hasFormat = false;
        bool hasClass = false;
        foreach ((string name, PolicyJson value) in root.Members)
        {
            switch (name)
            {
                case "weft":
                    hasFormat = true;
                    double? format = value.ToValue().AsNumber();
                    Require(format is not null, "\"weft\" is no number");
                    Know(format is null or Format, "\"weft\" names another format");
                    break;
                case "class":
                    hasClass = true;
                    Require(value.Kind == JsonTokenType.String, "\"class\" is no text");
                    int found = System.Array.FindIndex(Classes, known => known.Name == value.Text);
                    policyClass = found < 0 ? default : Classes[found].Class;
                    Know(found >= 0 || value.Kind != JsonTokenType.String, "\"class\" is another one");
                    break;
                case "owner":
                    owner = Key(value, name);
                    break;
                case "writers":
                    writers = Keys(value);
                    break;
                case "readers":
                    Require(
                        value.Kind == JsonTokenType.String
                            && FieldRules.CheckSoul(value.Text) == Primitives.WeftError.None,
                        "\"readers\" is no soul");
                    readers = value.Text;
                    break;
                case "expires":
                    expires = value.ToValue().AsNumber();
                    Require(expires is not null, "\"expires\" is no number");
                    break;
                case "merge":
                    merge = Merge(value);
                    break;
                case "replicate":
                    replicate = Replicate(value);
                    break;
                case HistoryRule.Member:
                    history = HistoryRule.Read(value, Require, Know);
                    break;
                case "rules":
                    rules = new RuleSetCodec(Require, Know).Read(value);
                    hashed = PolicyDocumentCodec.HashOf(value, crypto);
                    break;
                case "rulesHash":
                    hash = value.Kind == JsonTokenType.String ? value.Text : "";
                    break;
                default:
                    Know(false, $"the member \"{name}\"");
                    break;
            }
        }

        Require(hasFormat && hasClass, "\"weft\" and \"class\" must be there");
        Require(hash == hashed, "\"rulesHash\" is not the hash of the rules");
        Require(policyClass != PolicyClass.Private || CanBePrivate(merge),
            "what is sealed cannot be merged by its number");
        fault = _unknown ?? _fault;
        return _unknown is not null ? new PolicyDocument { IsUnknown = true }
            : _fault is not null ? null
            : new PolicyDocument
            {
                Class = policyClass,
                Owner = owner,
                Writers = writers,
                Readers = readers,
                ExpiresMs = expires,
                Merge = merge,
                Replicate = replicate,
                History = history,
                Rules = rules,
            };
    }

    private static bool CanBePrivate(FieldMap<MergeMethod> merge) =>
        merge.Items.All(item => item.Value is MergeMethod.Ham or MergeMethod.First);

    private Ed25519PublicKey Key(PolicyJson value, string name)
    {
        Ed25519PublicKey key = default;
        Require(value.Kind == JsonTokenType.String && Ed25519PublicKey.TryParse(value.Text, out key),
            $"\"{name}\" has what is no Ed25519 key");
        return key;
    }

    private List<Ed25519PublicKey> Keys(PolicyJson value)
    {
        Require(value.Kind == JsonTokenType.StartArray && value.Elements.Count is > 0 and <= PolicyLimits.WritersMax,
            $"\"writers\" is no list of 1 to {PolicyLimits.WritersMax} keys");
        return [.. value.Elements.Take(PolicyLimits.WritersMax).Select(key => Key(key, "writers"))];
    }

    private ReplicationWords? Replicate(PolicyJson value)
    {
        bool isText = value.Kind == JsonTokenType.String;
        bool isRight = ReplicationWords.TryParse(isText ? value.Text : null, out ReplicationWords words, out bool isKnown);
        Know(isKnown, "a word of \"replicate\"");
        Require(isRight || !isKnown,
            "\"replicate\" is not everyone, responsible(K), everyone+responsible(K) or local, K being 1 to 20");
        return isRight ? words : null;
    }

    private FieldMap<MergeMethod> Merge(PolicyJson value)
    {
        Require(value.Kind == JsonTokenType.StartObject && value.Members.Count is > 0 and <= PolicyLimits.FieldsMax,
            $"\"merge\" is no object of 1 to {PolicyLimits.FieldsMax} fields");
        var items = new List<KeyValuePair<string, MergeMethod>>();
        foreach ((string field, PolicyJson method) in value.Members.Take(PolicyLimits.FieldsMax))
        {
            int found = System.Array.FindIndex(
                Methods, known => method.Kind == JsonTokenType.String && known.Name == method.Text);
            Know(found >= 0, $"the merge method of \"{field}\"");
            items.Add(new(field, found < 0 ? MergeMethod.Ham : Methods[found].Method));
        }

        return new FieldMap<MergeMethod>(items);
    }

    private void Require(bool holds, string fault) => _fault ??= holds ? null : fault;

    private void Know(bool knows, string what) => _unknown ??= knows ? null : what;
}
