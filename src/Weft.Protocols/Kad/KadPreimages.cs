using System.Buffers.Binary;
using Weft.Crypto;

namespace Weft.Protocols.Kad;

/// <summary>
/// Keys whose SHA-256 begins with wanted bits: FIND_NODE sends the key and not its hash, so a lookup of a place needs
/// one.
/// </summary>
/// <remarks>
/// They look like peer ids, because some peers read them as such. Found by trying; what was tried is kept, up to one
/// key
/// for each of the 16,384 beginnings (64 KiB). One caller at a time; cores of one thread may share one.
/// </remarks>
public sealed class KadPreimages(ICrypto crypto)
{
    /// <summary>Bits that can be wanted at the most.</summary>
    public const int BitsMax = 14;

    private readonly uint[] _found = new uint[1 << BitsMax];
    private uint _tried;

    /// <summary>A key whose hash begins so.</summary>
    /// <param name="prefix">The bits, as a number.</param>
    /// <param name="bits">How many: 1 to 14.</param>
    public byte[] Find(uint prefix, int bits)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(bits is > 0 and <= BitsMax, true);
        int first = (int)(prefix << (BitsMax - bits));
        int end = first + (1 << (BitsMax - bits));
        for (int i = first; i < end; i++)
        {
            if (_found[i] != 0)
            {
                return Key(_found[i]);
            }
        }

        while (true)
        {
            uint next = ++_tried;
            uint place = KadKey.Of(Key(next), crypto).Prefix(BitsMax);
            _found[place] = _found[place] == 0 ? next : _found[place];
            if (place >= first && place < end)
            {
                return Key(next);
            }
        }
    }

    private static byte[] Key(uint number)
    {
        var key = new byte[34];
        key[0] = 0x12; // The multihash of a SHA-256.
        key[1] = 32;
        BinaryPrimitives.WriteUInt32BigEndian(key.AsSpan(2), number);
        return key;
    }
}
