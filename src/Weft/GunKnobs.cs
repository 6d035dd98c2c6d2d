using System.Globalization;
using Microsoft.Extensions.Configuration;
using Weft.Primitives;

namespace Weft;

/// <summary>
/// Every number of the GUN options with its key and bounds: read from the configuration and checked by one list.
/// </summary>
internal static class GunKnobs
{
    private const double Unlimited = 1L << 50;

    private static readonly Knob[] All =
    [
        Whole("ConnectionsMax", 1, 1_000_000, o => o.Gun.ConnectionsMax, (o, n) => o.Gun.ConnectionsMax = (int)n),
        Whole("LinksMax", 0, 1_024, o => o.Gun.LinksMax, (o, n) => o.Gun.LinksMax = (int)n),
        Whole("InputsMax", 16, 1_000_000, o => o.Gun.InputsMax, (o, n) => o.Gun.InputsMax = (int)n),
        Whole("InFlightMax", 1, 1_000_000, o => o.Gun.InFlightMax, (o, n) => o.Gun.InFlightMax = (int)n),
        Whole("InFlightBytesMax", 1_024, Unlimited,
            o => o.Gun.InFlightBytesMax, (o, n) => o.Gun.InFlightBytesMax = (long)n),
        Whole("TotalBytesMax", 1 << 20, Unlimited, o => o.Gun.TotalBytesMax, (o, n) => o.Gun.TotalBytesMax = (long)n),
        Whole("OutboundBytesHigh", 1_024, 1 << 30,
            o => o.Gun.OutboundBytesHigh, (o, n) => o.Gun.OutboundBytesHigh = (long)n),
        Whole("OutboundBytesMax", 1_024, 1 << 30,
            o => o.Gun.OutboundBytesMax, (o, n) => o.Gun.OutboundBytesMax = (long)n),
        Whole("MessagesPerSecond", 1, 1e9, o => o.Gun.MessagesPerSecond, (o, n) => o.Gun.MessagesPerSecond = n),
        Whole("BytesPerSecond", 1_024, 1e12, o => o.Gun.BytesPerSecond, (o, n) => o.Gun.BytesPerSecond = n),
        Whole("FrameBytes", 64, 1 << 24, o => o.Gun.FrameBytes, (o, n) => o.Gun.FrameBytes = (int)n),
        Whole("WeftFrameBytes", 64, 1 << 24, o => o.Gun.WeftFrameBytes, (o, n) => o.Gun.WeftFrameBytes = (int)n),
        Span("RedialMin", 1, 3_600_000, o => o.Gun.RedialMin, (o, t) => o.Gun.RedialMin = t),
        Span("RedialMax", 1, 86_400_000, o => o.Gun.RedialMax, (o, t) => o.Gun.RedialMax = t),
        Span("DialTimeout", 10, 600_000, o => o.Gun.DialTimeout, (o, t) => o.Gun.DialTimeout = t),
        Whole("Limits:FrameBytesMax", 1_024, 1 << 30,
            o => o.Gun.Limits.FrameBytesMax, (o, n) => o.Gun.Limits.FrameBytesMax = (int)n),
        Whole("Limits:MessagesPerFrameMax", 1, 1_000_000,
            o => o.Gun.Limits.MessagesPerFrameMax, (o, n) => o.Gun.Limits.MessagesPerFrameMax = (int)n),
        Whole("Limits:NodesPerMessageMax", 1, 1_000_000,
            o => o.Gun.Limits.NodesPerMessageMax, (o, n) => o.Gun.Limits.NodesPerMessageMax = (int)n),
        Whole("Limits:FieldsPerMessageMax", 1, 1_000_000,
            o => o.Gun.Limits.FieldsPerMessageMax, (o, n) => o.Gun.Limits.FieldsPerMessageMax = (int)n),
        Whole("Limits:DepthMax", 8, 512, o => o.Gun.Limits.DepthMax, (o, n) => o.Gun.Limits.DepthMax = (int)n),
        Whole("Limits:IdLengthMax", 16, 4_096,
            o => o.Gun.Limits.IdLengthMax, (o, n) => o.Gun.Limits.IdLengthMax = (int)n),
        Whole("Peers:SubscriptionsMax", 1, 1_000_000,
            o => o.Gun.Peers.SubscriptionsMax, (o, n) => o.Gun.Peers.SubscriptionsMax = (int)n),
        Whole("Peers:PendingFieldsMax", 16, 1_000_000,
            o => o.Gun.Peers.PendingFieldsMax, (o, n) => o.Gun.Peers.PendingFieldsMax = (int)n),
        Whole("Peers:PendingBytesMax", 1 << 16, 1 << 30,
            o => o.Gun.Peers.PendingBytesMax, (o, n) => o.Gun.Peers.PendingBytesMax = (long)n),
        Whole("Peers:GetsMax", 1, 100_000, o => o.Gun.Peers.GetsMax, (o, n) => o.Gun.Peers.GetsMax = (int)n),
        Whole("Peers:AsksMax", 0, 1_000_000, o => o.Gun.Peers.AsksMax, (o, n) => o.Gun.Peers.AsksMax = (int)n),
        Span("Peers:AskTimeout", 1, 500, o => o.Gun.Peers.AskTimeout, (o, t) => o.Gun.Peers.AskTimeout = t),
        Whole("Peers:AskOthersMax", 0, 64, o => o.Gun.Peers.AskOthersMax, (o, n) => o.Gun.Peers.AskOthersMax = (int)n),
        Whole("Peers:AskHoldersMax", 1, 64,
            o => o.Gun.Peers.AskHoldersMax, (o, n) => o.Gun.Peers.AskHoldersMax = (int)n),
        Span("Peers:DedupAge", 0, 600_000, o => o.Gun.Peers.DedupAge, (o, t) => o.Gun.Peers.DedupAge = t),
        Whole("Peers:DedupMax", 16, 10_000_000, o => o.Gun.Peers.DedupMax, (o, n) => o.Gun.Peers.DedupMax = (int)n),
        Whole("Peers:ChunkBytes", 16, 1 << 20, o => o.Gun.Peers.ChunkBytes, (o, n) => o.Gun.Peers.ChunkBytes = (int)n),
        Whole("Peers:WeftChunkBytes", 16, 1 << 20,
            o => o.Gun.Peers.WeftChunkBytes, (o, n) => o.Gun.Peers.WeftChunkBytes = (int)n),
        Whole("Peers:TurnBytesMax", 1_024, 1 << 26,
            o => o.Gun.Peers.TurnBytesMax, (o, n) => o.Gun.Peers.TurnBytesMax = (int)n),
        Whole("Peers:RangeBytesMax", 1, 1 << 24,
            o => o.Gun.Peers.RangeBytesMax, (o, n) => o.Gun.Peers.RangeBytesMax = (int)n),
        Whole("Peers:RangeSoulsMax", 1, 100_000,
            o => o.Gun.Peers.RangeSoulsMax, (o, n) => o.Gun.Peers.RangeSoulsMax = (int)n),
        Whole("Peers:LinkMessagesMax", 1, 10_000,
            o => o.Gun.Peers.LinkMessagesMax, (o, n) => o.Gun.Peers.LinkMessagesMax = (int)n),
        Whole("Peers:CursorsMax", 1, 100_000, o => o.Gun.Peers.CursorsMax, (o, n) => o.Gun.Peers.CursorsMax = (int)n),
        Whole("Peers:InterestsMax", 0, 1_000_000,
            o => o.Gun.Peers.InterestsMax, (o, n) => o.Gun.Peers.InterestsMax = (int)n),
    ];

    /// <summary>Takes every key of "Gun" and "Dial" that is set.</summary>
    /// <exception cref="WeftException"><see cref="WeftError.Usage"/>: a value is not of its key's kind.</exception>
    public static void Read(IConfiguration section, WeftOptions options)
    {
        foreach (Knob knob in All)
        {
            if (section["Gun:" + knob.Key] is not { } text)
            {
                continue;
            }

            double value = knob.IsSpan
                ? WeftOptionsReader.ParseDuration(text)?.TotalMilliseconds ?? double.NaN
                : double.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out double number)
                    ? number : double.NaN;
            if (double.IsNaN(value))
            {
                throw new WeftException(
                    WeftError.Usage, $"Weft:Gun:{knob.Key} is \"{text}\"; allowed: {knob.Allowed}.");
            }

            knob.Set(options, Math.Clamp(value, -1, Unlimited)); // Bounds are judged with all others, afterwards.
        }

        if (section["Dial:Compress"] is { } compress)
        {
            options.Dial.Compress = bool.TryParse(compress, out bool on) ? on : throw new WeftException(
                WeftError.Usage, $"Weft:Dial:Compress is \"{compress}\"; allowed: true or false.");
        }
    }

    /// <summary>Says what is out of bounds.</summary>
    public static void Check(List<string> failures, WeftOptions options)
    {
        foreach (Knob knob in All)
        {
            double value = knob.Get(options);
            if (!(value >= knob.Min && value <= knob.Max))
            {
                failures.Add($"Weft:Gun:{knob.Key} is {value}{(knob.IsSpan ? "ms" : "")}; allowed: {knob.Allowed}.");
            }
        }
    }

    private static Knob Whole(
        string key, double min, double max, Func<WeftOptions, double> get, Action<WeftOptions, double> set) =>
        new(key, min, max, IsSpan: false, get, set);

    private static Knob Span(
        string key, double min, double max, Func<WeftOptions, TimeSpan> get, Action<WeftOptions, TimeSpan> set) =>
        new(key, min, max, IsSpan: true, o => get(o).TotalMilliseconds, (o, n) => set(o, TimeSpan.FromMilliseconds(n)));

    private sealed record Knob(
        string Key, double Min, double Max, bool IsSpan, Func<WeftOptions, double> Get, Action<WeftOptions, double> Set)
    {
        public string Allowed => IsSpan ? $"{Min}ms to {Max}ms" : $"{Min} to {Max}";
    }
}
