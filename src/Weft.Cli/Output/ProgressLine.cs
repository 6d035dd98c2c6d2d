using Weft.Cli.App;

namespace Weft.Cli.Output;

/// <summary>
/// One line on stderr that is rewritten in place, at most ten times a second. Silent unless a person watches.
/// </summary>
internal sealed class ProgressLine(CliHost host, CliOutput output) : IDisposable
{
    private const int BarLength = 28;

    private readonly bool _isOn = output.ShowsProgress;
    private long _lastTicks;
    private bool _isDrawn;

    /// <summary>Shows where things stand.</summary>
    /// <param name="label">What goes on.</param>
    /// <param name="share">0 to 1; null when the end is not known.</param>
    /// <param name="rest">Numbers beside the bar.</param>
    /// <param name="isLast">True to draw even when the last drawing is fresh.</param>
    public void Report(string label, double? share, string rest, bool isLast = false)
    {
        if (!_isOn || (!isLast && _isDrawn && host.Time.GetElapsedTime(_lastTicks).TotalMilliseconds < 100))
        {
            return;
        }

        _lastTicks = host.Time.GetTimestamp();
        _isDrawn = true;
        string bar = "";
        if (share is { } known)
        {
            int full = (int)(Math.Clamp(known, 0, 1) * BarLength);
            bar = $"{new string('━', full)}{new string('╌', BarLength - full)} {Math.Clamp(known, 0, 1) * 100,3:0} %  ";
        }

        host.Error.Write("\r" + PlainText.Cut($"  {label,-10} {bar}{rest}", host.Width() - 1) + "\e[K");
    }

    /// <summary>Takes the line away.</summary>
    public void Dispose()
    {
        if (_isDrawn)
        {
            host.Error.Write("\r\e[K");
            _isDrawn = false;
        }
    }
}
