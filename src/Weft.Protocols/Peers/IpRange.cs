using System.Buffers.Binary;
using System.Globalization;

namespace Weft.Protocols.Peers;

/// <summary>
/// Neighbouring IP addresses: all whose first bits are the same. IPv4 stands in it as mapped IPv6, so that one address
/// has one form, however it is written.
/// </summary>
/// <param name="Start">The first address of the range, as a number of 128 bits.</param>
/// <param name="Bits">How many leading bits are the same: 0 to 128; 96 more than is written for IPv4.</param>
public readonly record struct IpRange(UInt128 Start, int Bits) : IComparable<IpRange>
{
    private const int MappedBits = 96;

    private static readonly UInt128 Mapped = new(0, 0xFFFF_0000_0000);

    /// <summary>True for a range of IPv4 addresses.</summary>
    public bool IsIp4 => Bits >= MappedBits && (Start & ~(UInt128)uint.MaxValue) == Mapped;

    /// <summary>The range an address lies in.</summary>
    /// <param name="ip">4 or 16 bytes.</param>
    /// <param name="bits4">Leading bits for an IPv4 address: 0 to 32.</param>
    /// <param name="bits6">Leading bits for an IPv6 address: 0 to 128.</param>
    /// <exception cref="ArgumentException">Another number of bytes.</exception>
    public static IpRange Of(ReadOnlySpan<byte> ip, int bits4 = 32, int bits6 = 128)
    {
        if (ip.Length is not (4 or 16))
        {
            throw new ArgumentException("An IP address has 4 or 16 bytes.", nameof(ip));
        }

        UInt128 value = ip.Length == 4
            ? Mapped | BinaryPrimitives.ReadUInt32BigEndian(ip)
            : BinaryPrimitives.ReadUInt128BigEndian(ip);
        bool isMapped = (value & ~(UInt128)uint.MaxValue) == Mapped;
        int bits = isMapped ? MappedBits + bits4 : bits6;
        return new(value & MaskOf(bits), bits);
    }

    /// <summary>The range of the IP address an address begins with.</summary>
    /// <returns>False when it begins with something else: a name, a number within the process, a relay.</returns>
    public static bool TryOf(Multiaddr address, out IpRange range, int bits4 = 32, int bits6 = 128)
    {
        ArgumentNullException.ThrowIfNull(address);
        int at = address.Parts[0].Code == MultiaddrCode.Ip6Zone ? 1 : 0;
        bool isIp = address.Parts.Count > at && address.Parts[at].Code is MultiaddrCode.Ip4 or MultiaddrCode.Ip6;
        range = isIp ? Of(address.Parts[at].Value.Span, bits4, bits6) : default;
        return isIp;
    }

    /// <summary>Reads "192.0.2.0/24", "2001:db8::/32", or one address.</summary>
    /// <returns>False when it is neither, or has bits set behind its length.</returns>
    public static bool TryParse(ReadOnlySpan<char> text, out IpRange range)
    {
        range = default;
        int slash = text.IndexOf('/');
        ReadOnlySpan<char> address = slash < 0 ? text : text[..slash];
        Span<byte> ip = stackalloc byte[16];
        int width = address.Contains(':') ? 128 : 32;
        bool isAddress = width == 32 ? IpText.TryParse4(address, ip) : IpText.TryParse6(address, ip);
        int bits = width;
        if (!isAddress || (slash >= 0 && !int.TryParse(
            text[(slash + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out bits)) || bits > width)
        {
            return false;
        }

        ReadOnlySpan<byte> kept = ip[..(width / 8)];
        IpRange whole = Of(kept);
        range = new(whole.Start, width == 32 ? MappedBits + bits : bits);
        return (range.Start & ~MaskOf(range.Bits)) == 0;
    }

    /// <summary>True when the address lies in the range.</summary>
    /// <param name="ip">4 or 16 bytes.</param>
    public bool Contains(ReadOnlySpan<byte> ip) => (Of(ip).Start & MaskOf(Bits)) == Start;

    /// <summary>True when the whole other range lies in this one.</summary>
    public bool Contains(IpRange other) => other.Bits >= Bits && (other.Start & MaskOf(Bits)) == Start;

    /// <inheritdoc/>
    public int CompareTo(IpRange other) =>
        Start == other.Start ? Bits.CompareTo(other.Bits) : Start.CompareTo(other.Start);

    /// <summary>"192.0.2.0/24"; a single address without a length.</summary>
    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, Start);
        string address = IsIp4 ? IpText.Format4(bytes[12..]) : IpText.Format6(bytes);
        return Bits == 128
            ? address
            : string.Create(CultureInfo.InvariantCulture, $"{address}/{(IsIp4 ? Bits - MappedBits : Bits)}");
    }

    private static UInt128 MaskOf(int bits) => bits == 0 ? UInt128.Zero : UInt128.MaxValue << (128 - bits);
}
