using Weft.Crypto;
using Weft.Fuzz;
using Weft.Tests.Crypto;

namespace Weft.Tests.Fuzz;

/// <summary>Chains of grants: what decodes has one form, and nothing that was not signed is allowed anything.</summary>
internal sealed class GrantFuzz : FuzzTarget
{
    private static readonly ICrypto Provider = PlatformCrypto.Create();

    private static readonly byte[][] Good =
    [
        Grant.Issue(Provider, GrantKit.Owner, GrantKit.Terms(GrantKit.Bob) with { Fields = ["text", "tag*"] })
            .Bytes.ToArray(),
        Grant.Issue(Provider, GrantKit.Owner, GrantKit.Terms(GrantKit.Eve))
            .Attenuate(Provider, GrantKit.Eve, GrantKit.Terms(GrantKit.Bob) with { Delegations = 0 })
            .Bytes.ToArray(),
    ];

    public override string Name => "grant";

    public override IEnumerable<byte[]> Seeds => Good;

    public override int LengthMax => 3_100;

    public override ulong Run(ReadOnlyMemory<byte> input)
    {
        bool isGood = Good.Any(good => input.Span.SequenceEqual(good));
        GrantVerdict verdict = GrantVerifier.Verify(
            input.Span, Provider, GrantKit.Request(GrantKit.Bob));
        FuzzFailure.Unless(isGood == (verdict == GrantVerdict.Allowed), "only what was signed is allowed");
        if (Grant.TryDecode(input.Span, Provider, out Grant? grant))
        {
            FuzzFailure.Unless(grant.Bytes.Span.SequenceEqual(input.Span), "a chain keeps its bytes");
            FuzzFailure.Unless(
                Grant.TryParse(grant.ToText(), Provider, out _), "the text of a chain reads back");
        }

        return ((ulong)verdict << 3) + (ulong)(grant?.Blocks.Count ?? 0);
    }
}
