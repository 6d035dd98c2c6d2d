using Weft.Graph;

namespace Weft.Storage.Memory;

/// <summary>One field as bytes, in a table or a block; the memory belongs to its holder.</summary>
/// <param name="Name">The field's name, see <see cref="KeyText"/>.</param>
/// <param name="State">HAM's state.</param>
/// <param name="Sequence">The commit that stored it.</param>
/// <param name="Json">The value.</param>
/// <param name="Extras">See <see cref="ExtrasCodec"/>; usually empty.</param>
internal readonly record struct PackedField(
    ReadOnlyMemory<byte> Name, double State, long Sequence, ReadOnlyMemory<byte> Json, ReadOnlyMemory<byte> Extras)
{
    public StoredField ToStored(string? name = null) => new(
        name ?? NameTable.Get(Name.Span), WeftValue.FromCanonicalJson(Json.ToArray()), State, Sequence,
        ExtrasCodec.Read(Extras.Span));
}
