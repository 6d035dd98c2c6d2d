using System.Buffers.Binary;
using System.Buffers.Text;
using Weft.Crypto;
using Weft.Fuzz;
using Weft.Tests.Crypto;

namespace Weft.Tests.Fuzz;

/// <summary>Records of epochs under a name that fits, so that the fuzzer gets past the hash.</summary>
internal sealed class EpochFuzz : FuzzTarget
{
    private static readonly byte[] Good = Make();

    public override string Name => "group-epoch";

    public override IEnumerable<byte[]> Seeds => [Good];

    public override int LengthMax => 2_048;

    public override ulong Run(ReadOnlyMemory<byte> input)
    {
        uint number = input.Length < 5
            ? 0
            : BinaryPrimitives.ReadUInt32BigEndian(input.Span[1..]);
        string name = GroupEpoch.NameOf(number, input.Span, GroupKit.Provider);
        string text = GroupEpochCodec.TextPrefix + Base64Url.EncodeToString(input.Span);
        bool isEpoch = GroupEpoch.TryDecode(
            name, text, GroupKit.Family, GroupAuthority.Of(GroupKit.Family), GroupKit.Network, GroupKit.Provider, out GroupEpoch? epoch);
        FuzzFailure.Unless(isEpoch == input.Span.SequenceEqual(Good), "only what the owner signed counts");
        return (isEpoch ? 1ul : 0) + ((ulong)(epoch?.Members.Count ?? 0) << 1);
    }

    private static byte[] Make()
    {
        var device = new GroupKit.Device(GroupKit.Owner);
        GroupPlan plan = device.State.Plan([GroupKit.Bob.PublicKey], []);
        GroupRecipient[] recipients = [.. plan.Members.Select(member => new GroupRecipient(
            member,
            GroupKit.SealingKeyOf(member.Key == GroupKit.Bob.PublicKey ? GroupKit.Bob : GroupKit.Owner),
            []))];
        device.State.Create(
            GroupKit.Provider, GroupKit.Network, GroupKit.Owner, plan, recipients, GroupKit.Bytes(32, 1),
            GroupKit.Bytes(32, 2), out string? text);
        return GroupEpochCodec.Decode(text)!;
    }
}
