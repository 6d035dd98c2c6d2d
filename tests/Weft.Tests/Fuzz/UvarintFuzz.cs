using System.Buffers;
using Weft.Fuzz;
using Weft.Primitives;

namespace Weft.Tests.Fuzz;

/// <summary>A stream of varints: each is read, written again, and compared.</summary>
internal sealed class UvarintFuzz : FuzzTarget
{
    public override string Name => "uvarint";

    public override IEnumerable<byte[]> Seeds =>
        [[0], [0x7F], [0x80, 0x01], Convert.FromHexString("FFFFFFFFFFFFFFFF7F01AC02")];

    public override int LengthMax => 64;

    public override ulong Run(ReadOnlyMemory<byte> input)
    {
        ReadOnlySpan<byte> rest = input.Span;
        Span<byte> again = stackalloc byte[Uvarint.BytesMax];
        ulong kind = 0;
        while (true)
        {
            OperationStatus status = Uvarint.Read(rest, out ulong value, out int used);
            kind = ((kind << 6) + (ulong)status + ((ulong)used << 2)) & 0x3FFFF; // The last three reads.
            if (status != OperationStatus.Done)
            {
                FuzzFailure.Unless(value == 0 && used == 0, "outputs are zero unless done");
                FuzzFailure.Unless(
                    status != OperationStatus.NeedMoreData || rest.Length < Uvarint.BytesMax, "nine bytes decide");
                return kind;
            }

            int length = Uvarint.Write(again, value);
            FuzzFailure.Unless(rest[..used].SequenceEqual(again[..length]), "only the shortest form is read");
            rest = rest[used..];
        }
    }
}
