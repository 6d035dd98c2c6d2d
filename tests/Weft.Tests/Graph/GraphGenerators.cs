using FsCheck;
using FsCheck.Fluent;
using Weft.Graph;

namespace Weft.Tests.Graph;

/// <summary>Inputs for the properties: few states and short texts, because ties are where a merge goes wrong.</summary>
internal static class GraphGenerators
{
    /// <summary>Values of every kind that often tie in their first characters.</summary>
    public static Gen<WeftValue> Values { get; } = Gen.Elements(
        WeftValue.Null, WeftValue.Boolean(true), WeftValue.Boolean(false), WeftValue.Number(5), WeftValue.Number(9),
        WeftValue.Number(10), WeftValue.Number(-0.5), WeftValue.Text(""), WeftValue.Text("a"), WeftValue.Text("b"),
        WeftValue.Text("true"), WeftValue.Text("\u00e9"), WeftValue.Text("e\u0301"), WeftValue.Text("\uff5e"),
        WeftValue.Text("\ud83d\ude00"), WeftValue.Text("\ud83d"), WeftValue.Link("a"), WeftValue.Link("b"));

    /// <summary>Few states, so that they are often equal.</summary>
    public static Gen<double> States { get; } = Gen.Elements(0d, 1d, 1.001d, 2d, 3d);

    /// <summary>Code units from the corners: ASCII, escapes, surrogates alone and paired, U+E000 to U+FFFF.</summary>
    public static Gen<string> Texts { get; } =
        from units in Gen.Elements(
            "a", "b", "~", "\0", "\n", "\"", "\\", "/", "\u001f", "\u007f", "\u00e9", "\u07ff", "\u0800", "\u2028",
            "\ud7ff", "\ud800", "\udbff", "\udc00", "\udfff", "\ue000", "\uff5e", "\uffff", "\ud800\udc00",
            "\ud83d\ude00", "\udbff\udfff").ArrayOf()
        select string.Concat(units);

    /// <summary>Short keys over a tiny alphabet, so that prefixes and bounds are met.</summary>
    public static Gen<string> Keys { get; } =
        from units in Gen.Elements("a", "b", "c", "\ud83d\ude00", "\uff5e").ArrayOf()
        select string.Concat(units.Take(4));
}
