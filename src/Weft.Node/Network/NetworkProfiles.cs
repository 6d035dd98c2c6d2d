using Weft.Libp2p;

namespace Weft.Node.Network;

/// <summary>What each profile means for the host.</summary>
internal static class NetworkProfiles
{
    /// <summary>Sets ceilings and services; limits that the options name win over those of the profile.</summary>
    internal static void Apply(NetworkOptions options, Libp2pOptions host)
    {
        switch (options.EffectiveProfile)
        {
            case NetworkProfile.Test:
                host.UseTestProfile();
                host.Limits.PeerInboundStreamsMax = 4_000;
                host.Limits.InboundStreamsMax = 16_384;
                host.Limits.OutboundStreamsMax = 16_384;
                host.Limits.TransientStreamsMax = 4_096;
                host.Limits.InboundHandshakesMax = 256;
                host.Limits.InboundConnectionsMax = 1_024;
                host.Limits.OutboundConnectionsMax = 1_024;
                host.Limits.PeerConnectionsMax = 64;
                host.Planner.ConnectionsMax = 2_048; // As many as may come: none is closed to make room.
                host.Planner.ConnectionsLow = 2_048;
                break;
            case NetworkProfile.Super:
                host.Limits.InboundConnectionsMax = 4_096;
                host.Limits.OutboundConnectionsMax = 1_024;
                host.Limits.InboundHandshakesMax = 256;
                host.Limits.InboundStreamsMax = 16_384;
                host.Limits.OutboundStreamsMax = 16_384;
                host.Limits.TransientStreamsMax = 1_024;
                host.Limits.ProtocolStreamsMax = 8_192;
                host.Planner.ConnectionsMax = 4_608;
                host.Planner.ConnectionsLow = 4_096;
                break;
            default:
                break;
        }

        host.Limits = options.Limits ?? host.Limits;
    }
}
