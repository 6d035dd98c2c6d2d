using System.Buffers;
using FsCheck;
using FsCheck.Fluent;
using Weft.Primitives;

namespace Weft.Tests.Primitives;

public sealed class UvarintTests
{
    [Theory]
    [InlineData(0UL, "00")]
    [InlineData(1UL, "01")]
    [InlineData(127UL, "7F")]
    [InlineData(128UL, "8001")]
    [InlineData(300UL, "AC02")]
    [InlineData(16_384UL, "808001")]
    [InlineData((1UL << 63) - 1, "FFFFFFFFFFFFFFFF7F")]
    public void Known_values_have_their_known_bytes(ulong value, string hex)
    {
        Span<byte> target = stackalloc byte[Uvarint.BytesMax];

        int length = Uvarint.Write(target, value);

        Assert.Equal(hex, Convert.ToHexString(target[..length]));
        Assert.Equal(length, Uvarint.Length(value));
        Assert.Equal(OperationStatus.Done, Uvarint.Read(target[..length], out ulong read, out int used));
        Assert.Equal((value, length), (read, used));
    }

    [Theory]
    [InlineData("8000")] // Zero in two bytes: not the shortest form.
    [InlineData("FF00")]
    [InlineData("808080808080808080")] // Nine groups, and another is announced.
    [InlineData("FFFFFFFFFFFFFFFFFF01")] // 64 bits.
    public void Long_forms_are_refused(string hex)
    {
        OperationStatus status = Uvarint.Read(Convert.FromHexString(hex), out ulong value, out int used);

        Assert.Equal(OperationStatus.InvalidData, status);
        Assert.Equal((0UL, 0), (value, used));
    }

    [Fact]
    public void Every_cut_of_a_legal_value_needs_more_data()
    {
        byte[] longest = Convert.FromHexString("FFFFFFFFFFFFFFFF7F");
        for (int length = 0; length < longest.Length; length++)
        {
            OperationStatus status = Uvarint.Read(longest.AsSpan(0, length), out ulong value, out int used);

            Assert.Equal(OperationStatus.NeedMoreData, status);
            Assert.Equal((0UL, 0), (value, used));
        }
    }

    [Fact]
    public void What_is_written_is_read_back_and_nothing_behind_it() =>
        Prop.ForAll(ArbMap.Default.ArbFor<ulong>(), ArbMap.Default.ArbFor<byte>(), (any, shift) =>
        {
            ulong value = (any << 7 >> 7 >> (shift % 57)) & ((1UL << 63) - 1);
            byte[] bytes = new byte[Uvarint.BytesMax + 2];
            bytes.AsSpan().Fill(0xFF);
            int length = Uvarint.Write(bytes, value);
            return Uvarint.Read(bytes, out ulong read, out int used) == OperationStatus.Done
                && read == value && used == length && length == Uvarint.Length(value);
        }).QuickCheckThrowOnFailure();
}
