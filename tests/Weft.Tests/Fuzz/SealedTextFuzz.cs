using System.Text;
using Weft.Crypto;
using Weft.Fuzz;
using Weft.Tests.Crypto;

namespace Weft.Tests.Fuzz;

/// <summary>Sealed values and what members publish, as text from peers.</summary>
internal sealed class SealedTextFuzz : FuzzTarget
{
    private static readonly EpochKey[] Keys =
        [new($"e0000000001-{new string('A', 22)}", GroupKit.Bytes(32, 1))];

    private static readonly string Sealed = SealedValue.Seal(
        GroupKit.Provider, GroupKit.Network, GroupKit.Family, Keys, "trip", "hotel", "\"Ritz\""u8,
        GroupKit.Bytes(24, 2));

    private static readonly string Published =
        SealingKey.Publish(GroupKit.Provider, GroupKit.Bob, GroupKit.Network);

    public override string Name => "sealed-text";

    public override IEnumerable<byte[]> Seeds => [Encoding.UTF8.GetBytes(Sealed), Encoding.UTF8.GetBytes(Published)];

    public override int LengthMax => 1_024;

    public override ulong Run(ReadOnlyMemory<byte> input)
    {
        string text = Encoding.UTF8.GetString(input.Span);
        bool isSealed = SealedValue.TryParse(text, out SealedValue? value);
        bool isOpen = value is not null && value.Epochs.Count == 1
            && value.Open(
                GroupKit.Provider, GroupKit.Network, [new(value.Epochs[0], Keys[0].Key)], "trip", "hotel") is not null;
        FuzzFailure.Unless(!isOpen || SameParts(value!), "what was changed does not open");
        Span<byte> key = stackalloc byte[SealingKey.Length];
        bool isKey = SealingKey.TryRead(text, GroupKit.Provider, GroupKit.Bob.PublicKey, GroupKit.Network, key);
        FuzzFailure.Unless(isKey == (text == Published), "a key has one text");
        bool isEpoch = GroupEpoch.TryDecode(
            Keys[0].Epoch, text, GroupKit.Family, GroupAuthority.Of(GroupKit.Family), GroupKit.Network, GroupKit.Provider, out _);
        FuzzFailure.Unless(!isEpoch, "no epoch has that name");
        return (isSealed ? 1ul : 0) + (isOpen ? 2ul : 0) + (isKey ? 4ul : 0);
    }

    /// <summary>JSON has many spellings for one text; group and epoch must be the same all the same.</summary>
    private static bool SameParts(SealedValue value) =>
        value.Group == GroupKit.Family && value.Epochs[0] == Keys[0].Epoch;
}
