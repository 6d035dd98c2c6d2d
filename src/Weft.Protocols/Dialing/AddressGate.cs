using Weft.Primitives;
using Weft.Protocols.Peers;

namespace Weft.Protocols.Dialing;

/// <summary>How many inbound connections one address, and its neighbourhood, may have.</summary>
/// <remarks>
/// An address is an IPv4 address or a /64 of IPv6, which one host has whole; a range is a /24 of IPv4 or a /48 of IPv6.
/// </remarks>
public sealed class AddressGateOptions
{
    /// <summary>Inbound connections of one address: 1 and up. Default: 64.</summary>
    public int AddressConnectionsMax { get; set; } = 64;

    /// <summary>Inbound connections of one range: 1 and up. Default: 128.</summary>
    public int RangeConnectionsMax { get; set; } = 128;

    /// <summary>New inbound connections of one address a second. Default: 20.</summary>
    public double ConnectionsPerSecond { get; set; } = 20;

    /// <summary>New inbound connections of one address beyond that, at once. Default: 60.</summary>
    public double ConnectionsBurst { get; set; } = 60;

    /// <summary>Addresses whose rate is watched: 1 and up. Default: 4,096.</summary>
    public int WatchedMax { get; set; } = 4_096;

    /// <summary>Lets connections from this machine through uncounted: for tests. Default: false.</summary>
    public bool IsLoopbackFree { get; set; }
}

/// <summary>Why an inbound connection is refused.</summary>
public enum GateAnswer
{
    /// <summary>It is not.</summary>
    Open = 0,

    /// <summary>Its address has too many.</summary>
    AddressFull,

    /// <summary>Its neighbourhood has too many.</summary>
    RangeFull,

    /// <summary>Its address opens too many too quickly.</summary>
    TooFast,
}

/// <summary>Counts inbound connections by address and range, and how quickly they come.</summary>
/// <remarks>Pure; one caller at a time. What does not come from an IP address is not counted.</remarks>
public sealed class AddressGate(AddressGateOptions options)
{
    private readonly Dictionary<IpRange, int> _counts = [];
    private readonly Dictionary<IpRange, TokenBucket> _rates = [];

    /// <summary>Addresses and ranges with a connection.</summary>
    public int Count => _counts.Count;

    /// <summary>Addresses whose rate is watched now.</summary>
    public int WatchedCount => _rates.Count;

    /// <summary>A connection comes in.</summary>
    /// <param name="remote">Its other end.</param>
    /// <param name="now">The moment.</param>
    /// <returns><see cref="GateAnswer.Open"/>: it is counted until <see cref="OnClosed"/>.</returns>
    public GateAnswer TryEnter(Multiaddr remote, WeftInstant now)
    {
        if (!TryRanges(remote, out IpRange address, out IpRange range))
        {
            return GateAnswer.Open;
        }

        if (_counts.GetValueOrDefault(address) >= options.AddressConnectionsMax)
        {
            return GateAnswer.AddressFull;
        }

        if (_counts.GetValueOrDefault(range) >= options.RangeConnectionsMax)
        {
            return GateAnswer.RangeFull;
        }

        if (!IsSlowEnough(address, now))
        {
            return GateAnswer.TooFast;
        }

        _counts[address] = _counts.GetValueOrDefault(address) + 1;
        _counts[range] = _counts.GetValueOrDefault(range) + 1;
        return GateAnswer.Open;
    }

    /// <summary>A connection that entered is gone.</summary>
    public void OnClosed(Multiaddr remote)
    {
        if (TryRanges(remote, out IpRange address, out IpRange range))
        {
            Leave(address);
            Leave(range);
        }
    }

    private bool TryRanges(Multiaddr remote, out IpRange address, out IpRange range)
    {
        range = default;
        if (!IpRange.TryOf(remote, out address, 32, 64)
            || (options.IsLoopbackFree && AddressScopes.Of(remote) == AddressScope.Loopback))
        {
            return false;
        }

        IpRange.TryOf(remote, out range, 24, 48);
        return true;
    }

    /// <summary>A refused one costs nothing: who hammers on is let in as slowly as who waits.</summary>
    private bool IsSlowEnough(IpRange address, WeftInstant now)
    {
        if (!_rates.TryGetValue(address, out TokenBucket bucket))
        {
            if (_rates.Count >= options.WatchedMax)
            {
                DropRested(now);
            }

            if (_rates.Count >= options.WatchedMax)
            {
                return true; // So many addresses at once are held back by the ceiling of handshakes.
            }

            bucket = new(options.ConnectionsPerSecond, options.ConnectionsBurst);
        }

        TokenBucket tried = bucket;
        bool fits = tried.Take(1, now) <= TimeSpan.Zero;
        _rates[address] = fits ? tried : bucket;
        return fits;
    }

    private void DropRested(WeftInstant now)
    {
        foreach ((IpRange address, TokenBucket bucket) in _rates)
        {
            TokenBucket full = bucket;
            if (full.Take(options.ConnectionsBurst, now) <= TimeSpan.Zero)
            {
                _rates.Remove(address); // Allowed while a dictionary is walked; nothing depends on the order.
            }
        }
    }

    private void Leave(IpRange key)
    {
        int left = _counts.GetValueOrDefault(key) - 1;
        if (left > 0)
        {
            _counts[key] = left;
        }
        else
        {
            _counts.Remove(key);
        }
    }
}
