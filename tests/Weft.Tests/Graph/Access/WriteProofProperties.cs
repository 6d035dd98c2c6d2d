using System.Buffers.Binary;
using Weft.Crypto;
using Weft.Graph;
using Weft.Graph.Access;
using Weft.Primitives;

namespace Weft.Tests.Graph.Access;

/// <summary>Signed writes: what was signed is accepted, and nothing else.</summary>
public sealed class WriteProofProperties
{
    private const int Records = 10_000;

    private static readonly ICrypto Crypto = PlatformCrypto.Create();
    private static readonly byte[] Network = [.. Enumerable.Range(1, 32).Select(n => (byte)n)];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(7)]
    [InlineData(16)]
    [InlineData(17)]
    [InlineData(40)]
    public void What_was_signed_is_accepted(int count)
    {
        var random = new WeftRandom((ulong)count);
        FieldWrite[] delta = Delta(random, count);
        var signer = new Signer(random);
        signer.Sign(delta, random);

        Assert.All(delta, write => Assert.Equal(WeftError.None, Verify(write)));
        Assert.Equal(DeltaSigner.BatchesOf(count), delta.Select(Sequence).Distinct().Count());
    }

    [Fact]
    public void One_flipped_bit_in_ten_thousand_signed_writes_is_never_accepted()
    {
        var random = new WeftRandom(20_261_120);
        int accepted = 0;
        for (int records = 0; records < Records; records += 16)
        {
            FieldWrite[] delta = Delta(random, 16);
            new Signer(random).Sign(delta, random);
            foreach (FieldWrite write in delta)
            {
                FieldWrite flipped = Flip(write, random);
                Assert.NotEqual(Describe(write), Describe(flipped));
                accepted += Verify(flipped) == WeftError.None ? 1 : 0;
            }
        }

        Assert.Equal(0, accepted);
    }

    [Fact]
    public void A_signature_moved_to_another_place_is_never_accepted()
    {
        var random = new WeftRandom(7);
        byte[] elsewhere = [.. Network.Select(b => (byte)(b + 1))];
        var away = new DeltaVerifier(Crypto, elsewhere);
        int moves = 0;
        int accepted = 0;
        for (int records = 0; records < 2_000; records += 10)
        {
            FieldWrite[] delta = Delta(random, 10);
            new Signer(random).Sign(delta, random);
            FieldWrite[] others = Delta(random, 10);
            new Signer(random).Sign(others, random);
            for (int i = 0; i < delta.Length; i++)
            {
                FieldWrite write = delta[i];
                FieldWrite other = others[random.Next(others.Length)];
                FieldWrite sibling = delta[(i + 1) % delta.Length];
                FieldWrite[] moved =
                [
                    write with { Soul = other.Soul + "/other" },
                    write with { Field = write.Field + "2" },
                    // The same text, cut elsewhere.
                    write with { Soul = write.Soul + write.Field[..1], Field = write.Field[1..] },
                    write with { State = write.State + 0.001 },
                    write with { Value = WeftValue.Text("other") },
                    write with { Extras = write.Extras! with { ExpiresAtMs = write.Extras.ExpiresAtMs + 1 } },
                    write with { Extras = write.Extras! with { Author = other.Extras!.Author } },
                    write with { Extras = write.Extras! with { Signature = other.Extras!.Signature } },
                    write with { Extras = write.Extras! with { Signature = sibling.Extras!.Signature } },
                    write with { Extras = other.Extras },
                ];
                moves += moved.Length + 1;
                accepted += moved.Count(candidate => Verify(candidate) == WeftError.None);
                accepted += away.Verify(write) == WeftError.None ? 1 : 0;
            }
        }

        Assert.Equal(22_000, moves);
        Assert.Equal(0, accepted);
    }

    [Fact]
    public void A_proof_reads_back_as_it_was_written_and_in_no_other_form()
    {
        var random = new WeftRandom(3);
        FieldWrite[] delta = Delta(random, 11);
        new Signer(random).Sign(delta, random);
        foreach (FieldWrite write in delta)
        {
            byte[] blob = write.Extras!.Signature.ToArray();
            Assert.True(WriteProof.TryRead(blob, out WriteProof proof));
            Assert.Equal(blob, proof.ToArray());
            Assert.Equal(blob.Length, proof.Length);
            Assert.False(WriteProof.TryRead([.. blob, 0], out _));
            for (int length = 0; length < blob.Length; length++)
            {
                Assert.False(WriteProof.TryRead(blob.AsSpan(0, length), out _));
            }
        }
    }

    [Fact]
    public void Random_bytes_are_read_without_an_exception()
    {
        var random = new WeftRandom(5);
        byte[] blob = new byte[WriteProof.BytesMax + 1];
        int read = 0;
        for (int i = 0; i < 20_000; i++)
        {
            random.Fill(blob);
            blob[0] = WriteProof.Version;
            blob[1] &= 0x7F;
            blob[2] = (byte)random.Next(1, 18);
            blob[3] = (byte)random.Next(0, 17);
            read += WriteProof.TryRead(blob.AsSpan(0, random.Next(blob.Length + 1)), out _) ? 1 : 0;
        }

        Assert.InRange(read, 0, 20_000);
        Assert.False(WriteProof.TryRead(blob, out _)); // One byte beyond the bound.
    }

    private static WeftError Verify(in FieldWrite write) => new DeltaVerifier(Crypto, Network).Verify(write);

    private static ulong Sequence(FieldWrite write)
    {
        Assert.True(WriteProof.TryRead(write.Extras!.Signature.Span, out WriteProof proof));
        return proof.Sequence;
    }

    private static FieldWrite[] Delta(WeftRandom random, int count) =>
        [.. Enumerable.Range(0, count).Select(i => new FieldWrite(
            $"soul{random.Next(1_000)}/é", $"field{i}", Value(random),
            1_760_000_000_000 + random.Next(1_000_000) + (i * 0.001),
            random.Next(2) == 0 ? null : new FieldExtras(ExpiresAtMs: random.Next(1, 1_000_000))))];

    private static WeftValue Value(WeftRandom random) => random.Next(4) switch
    {
        0 => WeftValue.Null,
        1 => WeftValue.Number(random.Next(1_000_000)),
        2 => WeftValue.Link("soul" + random.Next(100)),
        _ => WeftValue.Text(new string('x', random.Next(1, 2_000)) + "\u2028😀"),
    };

    private static FieldWrite Flip(in FieldWrite write, WeftRandom random)
    {
        FieldExtras extras = write.Extras!;
        return random.Next(8) switch
        {
            0 => write with { Soul = Flip(write.Soul, random) },
            1 => write with { Field = Flip(write.Field, random) },
            2 => write with { Value = WeftValue.FromCanonicalJson(Flip(write.Value.Json, random)) },
            3 => write with { State = Flip(write.State, random) },
            4 => write with { Extras = extras with { ExpiresAtMs = Flip(extras.ExpiresAtMs, random) } },
            5 => write with { Extras = extras with { Author = Flip(extras.Author.Span, random) } },
            _ => write with { Extras = extras with { Signature = Flip(extras.Signature.Span, random) } },
        };
    }

    private static byte[] Flip(ReadOnlySpan<byte> bytes, WeftRandom random)
    {
        byte[] flipped = bytes.ToArray();
        do
        {
            bytes.CopyTo(flipped);
            flipped[random.Next(flipped.Length)] ^= (byte)(1 << random.Next(8));
        }
        while (bytes is [(byte)'n', ..] && flipped is [(byte)'n', ..]); // Null is one object, whatever follows.

        return flipped;
    }

    private static string Flip(string text, WeftRandom random)
    {
        while (true)
        {
            char[] units = text.ToCharArray();
            units[random.Next(units.Length)] ^= (char)(1 << random.Next(16));
            string flipped = new(units);
            if (FieldRules.CheckSoul(flipped) == WeftError.None)
            {
                return flipped; // Text that is not well-formed is refused before any proof is looked at.
            }
        }
    }

    private static double Flip(double number, WeftRandom random)
    {
        Span<byte> bytes = stackalloc byte[sizeof(double)];
        BinaryPrimitives.WriteDoubleBigEndian(bytes, number);
        return BinaryPrimitives.ReadDoubleBigEndian(Flip(bytes, random));
    }

    private static string Describe(in FieldWrite write) => string.Join(
        '|', write.Soul, write.Field, Convert.ToHexString(write.Value.Json),
        BitConverter.DoubleToInt64Bits(write.State),
        BitConverter.DoubleToInt64Bits(write.Extras!.ExpiresAtMs), Convert.ToHexString(write.Extras.Author.Span),
        Convert.ToHexString(write.Extras.Signature.Span));

    private sealed class Signer
    {
        private readonly byte[] _seed = new byte[32];
        private readonly DeltaSigner _signer;

        public Signer(WeftRandom random)
        {
            random.Fill(_seed);
            byte[] author = new byte[32];
            Crypto.PublicKeyEd25519(_seed, author);
            _signer = new DeltaSigner(
                Crypto, Network, new Ed25519PublicKey(author),
                (message, signature) => Crypto.SignEd25519(_seed, message, signature));
        }

        public void Sign(FieldWrite[] delta, WeftRandom random)
        {
            double[] bases = [.. delta.Select(write => random.Next(2) == 0 ? 0 : write.State - random.Next(1, 1_000))];
            _signer.Sign(delta, bases, (ulong)random.Next(1, 1 << 30));
        }
    }
}
