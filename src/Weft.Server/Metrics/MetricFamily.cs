using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace Weft.Server.Metrics;

/// <summary>What became of one measurement.</summary>
internal enum MetricOutcome
{
    /// <summary>Its series was known.</summary>
    Counted,

    /// <summary>It began a series.</summary>
    Added,

    /// <summary>It would have begun a series beyond the limit.</summary>
    Dropped,
}

/// <summary>One instrument and its series, under the name Prometheus gives it. One caller at a time.</summary>
internal sealed class MetricFamily
{
    private static readonly double[] SecondsBuckets =
        [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

    private readonly Dictionary<string, Series> _series = new(StringComparer.Ordinal);
    private readonly Dictionary<(string, string, string, string), Series> _quick = [];
    private readonly StringBuilder _labels = new();
    private readonly string _help;
    private readonly string _type;
    private readonly bool _isSum;
    private readonly double[]? _buckets;

    internal MetricFamily(Instrument instrument)
    {
        string kind = instrument.GetType().Name;
        bool isObservable = kind.StartsWith("Observable", StringComparison.Ordinal);
        bool isCounter = kind.Contains("Counter", StringComparison.Ordinal)
            && !kind.Contains("UpDown", StringComparison.Ordinal);
        _isSum = !isObservable && kind.Contains("Counter", StringComparison.Ordinal);
        _buckets = kind.StartsWith("Histogram", StringComparison.Ordinal) ? SecondsBuckets : null;
        _type = _buckets is not null ? "histogram" : isCounter ? "counter" : "gauge";
        _help = (instrument.Description ?? instrument.Name)
            .ReplaceLineEndings(" ").Replace("\\", "\\\\", StringComparison.Ordinal);
        Name = NameOf(instrument, isCounter);
    }

    /// <summary>The name of the family.</summary>
    internal string Name { get; }

    internal MetricOutcome Record(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags, bool mayAdd)
    {
        MetricOutcome outcome = Find(tags, mayAdd, out Series? series);
        if (series is null)
        {
            return outcome;
        }

        series.Value = _isSum || _buckets is not null ? series.Value + value : value;
        series.Count++;
        if (_buckets is not null)
        {
            int bucket = Array.BinarySearch(_buckets, value);
            bucket = bucket < 0 ? ~bucket : bucket;
            if (bucket < _buckets.Length)
            {
                series.Buckets![bucket]++;
            }
        }

        return outcome;
    }

    internal void Write(StringBuilder page)
    {
        page.Append(CultureInfo.InvariantCulture, $"# HELP {Name} {_help}\n# TYPE {Name} {_type}\n");
        foreach ((string labels, Series series) in _series)
        {
            if (_buckets is null)
            {
                page.Append(Name).Append(Braces(labels)).Append(' ').Append(Number(series.Value)).Append('\n');
                continue;
            }

            long below = 0;
            string more = labels.Length == 0 ? "" : labels + ",";
            for (int i = 0; i < _buckets.Length; i++)
            {
                below += series.Buckets![i];
                page.Append(
                    CultureInfo.InvariantCulture, $"{Name}_bucket{{{more}le=\"{Number(_buckets[i])}\"}} {below}\n");
            }

            page.Append(CultureInfo.InvariantCulture, $"{Name}_bucket{{{more}le=\"+Inf\"}} {series.Count}\n");
            page.Append(CultureInfo.InvariantCulture, $"{Name}_sum{Braces(labels)} {Number(series.Value)}\n");
            page.Append(CultureInfo.InvariantCulture, $"{Name}_count{Braces(labels)} {series.Count}\n");
        }
    }

    private static string Braces(string labels) => labels.Length == 0 ? "" : $"{{{labels}}}";

    private static string Number(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    // The compatibility rules of OpenTelemetry: dots become underscores, the unit is spelled out, and counters
    // end in _total.
    private static string NameOf(Instrument instrument, bool isCounter)
    {
        string unit = instrument.Unit switch
        {
            "s" => "_seconds",
            "By" => "_bytes",
            _ => "",
        };
        var name = new StringBuilder(instrument.Name.Length + 16);
        foreach (char letter in instrument.Name + unit + (isCounter ? "_total" : ""))
        {
            name.Append(char.IsAsciiLetterOrDigit(letter) || letter == ':' ? letter : '_');
        }

        return name.ToString();
    }

    // Most measurements have two tags with fixed words; those find their series without writing a label.
    private MetricOutcome Find(ReadOnlySpan<KeyValuePair<string, object?>> tags, bool mayAdd, out Series? series)
    {
        bool isShort = tags.Length <= 2
            && (tags.Length < 1 || tags[0].Value is string) && (tags.Length < 2 || tags[1].Value is string);
        (string, string, string, string) key = isShort
            ? (tags.Length < 1 ? "" : tags[0].Key, tags.Length < 1 ? "" : (string)tags[0].Value!,
                tags.Length < 2 ? "" : tags[1].Key, tags.Length < 2 ? "" : (string)tags[1].Value!)
            : default;
        if (isShort && _quick.TryGetValue(key, out series))
        {
            return MetricOutcome.Counted;
        }

        string labels = Labels(tags);
        MetricOutcome outcome = MetricOutcome.Counted;
        if (!_series.TryGetValue(labels, out series))
        {
            if (!mayAdd)
            {
                return MetricOutcome.Dropped;
            }

            series = new Series(_buckets is null ? null : new long[_buckets.Length]);
            _series.Add(labels, series);
            outcome = MetricOutcome.Added;
            if (isShort)
            {
                _quick.Add(key, series);
            }
        }

        return outcome;
    }

    private string Labels(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        if (tags.IsEmpty)
        {
            return "";
        }

        _labels.Clear();
        foreach ((string key, object? value) in tags)
        {
            if (_labels.Length > 0)
            {
                _labels.Append(',');
            }

            foreach (char letter in key)
            {
                _labels.Append(char.IsAsciiLetterOrDigit(letter) ? letter : '_');
            }

            _labels.Append("=\"");
            string text = Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";
            foreach (char letter in text.AsSpan(0, Math.Min(text.Length, 128)))
            {
                _ = letter switch
                {
                    '\\' => _labels.Append(@"\\"),
                    '"' => _labels.Append("\\\""),
                    '\n' => _labels.Append("\\n"),
                    _ when char.IsControl(letter) || char.IsSurrogate(letter) => _labels.Append('?'),
                    _ => _labels.Append(letter),
                };
            }

            _labels.Append('"');
        }

        return _labels.ToString();
    }

    private sealed class Series(long[]? buckets)
    {
        public double Value { get; set; }

        public long Count { get; set; }

        public long[]? Buckets { get; } = buckets;
    }
}
