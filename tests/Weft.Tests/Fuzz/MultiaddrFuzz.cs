using Weft.Fuzz;
using Weft.Protocols.Peers;

namespace Weft.Tests.Fuzz;

/// <summary>A binary multiaddr: what is read is written as text, and read back as the same address.</summary>
internal sealed class MultiaddrFuzz : FuzzTarget
{
    private const string Peer = "/p2p/12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA";

    public override string Name => "multiaddr";

    public override IEnumerable<byte[]> Seeds => new[]
    {
        "/ip4/1.2.3.4/tcp/1" + Peer, "/ip6/::1/udp/1/quic-v1", "/dns4/a.b/tcp/1/wss",
        "/ip4/1.2.3.4/udp/9/webrtc-direct/certhash/uEiDDq4_xNyDorZBH3TlGazyJdOWSwvo4PUo5YHFMrvDE8g",
    }.Select(text => Multiaddr.Parse(text).Bytes.ToArray());

    public override IReadOnlyList<byte[]> Words => [[4], [41], [6], [0xA5, 0x03], [0xA2, 0x02], [0xDD, 0x03], [0xD2, 0x03], [53]];

    public override int LengthMax => 1_100;

    public override ulong Run(ReadOnlyMemory<byte> input)
    {
        if (!Multiaddr.TryRead(input.Span, out Multiaddr? address))
        {
            return 0;
        }

        string text = address.ToString();
        FuzzFailure.Unless(text.Length <= Multiaddr.TextMax, "the text of what is read can be read");
        FuzzFailure.Unless(Multiaddr.TryParse(text, out Multiaddr? again) && again.Equals(address), "text and bytes agree");
        ulong kind = 1;
        foreach (MultiaddrPart part in address.Parts)
        {
            kind = (kind * 31) + (ulong)part.Code;
        }

        return kind & 0xFFFF;
    }
}
