using Weft.Crypto;
using Weft.Graph.Policy;
using Weft.Primitives;

namespace Weft.Graph.Access;

/// <summary>The one step that decides, for every way in, whether a write may be stored and forwarded.</summary>
/// <remarks>
/// Pure: it does no arithmetic of signatures but names what must be verified; the driver verifies, tells the
/// <see cref="Admission"/> what failed, and calls <see cref="Rejudge"/> where the write is stored. Keeps nothing
/// between calls but the book it was given. Source: docs/spec/ownership.md, section 3.
/// </remarks>
/// <param name="crypto">Hashes.</param>
/// <param name="policies">What is known of policies, rotations and revocations.</param>
/// <param name="network">The id of the network: 32 bytes.</param>
public sealed class AdmissionCore(ICrypto crypto, PolicyBook policies, ReadOnlyMemory<byte> network)
{
    /// <summary>Judges a delta.</summary>
    /// <param name="delta">Judged by <see cref="FieldRules"/>; a state of NaN is one that is still to be given.</param>
    /// <param name="local">As whom this node signs what comes without a proof; null for what others bring.</param>
    /// <param name="nowMs">Wall time in milliseconds; stands in for states that are still to be given.</param>
    /// <returns>
    /// Null when nothing speaks against the delta and nothing is left to do: the way of ordinary data.
    /// </returns>
    public Admission? Judge(ReadOnlySpan<FieldWrite> delta, LocalWriter? local, double nowMs)
    {
        Admission? admission = null;
        string? soul = null;
        SoulOwner owner = default;
        for (int i = 0; i < delta.Length; i++)
        {
            ref readonly FieldWrite write = ref delta[i];
            if (!ReferenceEquals(write.Soul, soul))
            {
                soul = write.Soul;
                owner = Ownership.Of(soul);
            }

            // Asked for each write: two writes of one soul may carry states under different versions of its policy.
            bool isGoverned = !policies.IsEmpty && policies.Find(soul, owner, StateOf(write, nowMs)) is not null;

            if (admission is null && owner.IsOrdinary && !isGoverned && !HasProof(write)
                && local is not { Mode: SigningMode.Always })
            {
                continue;
            }

            if (admission is null)
            {
                admission = new Admission(delta.Length, policies.Version);
                for (int earlier = 0; earlier < i; earlier++)
                {
                    admission.Set(earlier, default); // Passed as ordinary before.
                }
            }

            admission.Set(i, Judge(write, owner, isGoverned, local, nowMs, admission, i));
        }

        return admission;
    }

    /// <summary>
    /// Judges again where the delta is about to be stored: states are given by now, and policies may have changed
    /// since.
    /// </summary>
    /// <param name="delta">With all states.</param>
    /// <param name="admission">Of this delta; its signatures have held.</param>
    public void Rejudge(ReadOnlySpan<FieldWrite> delta, Admission admission)
    {
        if (admission.PolicyVersion == policies.Version && !admission.NeedsSigning)
        {
            return;
        }

        admission.PolicyVersion = policies.Version;
        for (int i = 0; i < delta.Length; i++)
        {
            WriteJudgement known = admission.Writes[i];
            SoulOwner owner = known.Owner == default ? Ownership.Of(delta[i].Soul) : known.Owner;
            PolicyVerdict verdict = policies.JudgeWrite(delta[i], known.Writer, new PolicyContext(owner));
            if (!verdict.IsAllowed)
            {
                admission.Refuse(i, verdict.Error, verdict.Text);
            }
        }
    }

    /// <summary>Judges and verifies in one go, on one thread: for the simulator, tools and tests.</summary>
    /// <param name="delta">Judged by <see cref="FieldRules"/>.</param>
    /// <param name="local">As whom this node signs; null for what others bring.</param>
    /// <param name="nowMs">Wall time in milliseconds.</param>
    /// <param name="keys">P-256 keys.</param>
    /// <param name="isBlocked">Looks at a block list.</param>
    /// <returns>Null when nothing speaks against the delta and nothing is left to do.</returns>
    public Admission? JudgeNow(
        ReadOnlySpan<FieldWrite> delta, LocalWriter? local, double nowMs, ISeaKeys keys, Func<SeaBlock, bool> isBlocked)
    {
        Admission? admission = Judge(delta, local, nowMs);
        if (admission is null)
        {
            return null;
        }

        foreach (NeededCheck needed in admission.Checks)
        {
            if (admission.Writes[needed.Write].Error == WeftError.None && !needed.Check.Verify(crypto, keys))
            {
                admission.Refuse(needed.Write, needed.Check.Refusal);
            }
        }

        foreach (NeededBlock needed in admission.Blocks)
        {
            if (admission.Writes[needed.Write].Error == WeftError.None && isBlocked(needed.Block))
            {
                admission.Refuse(needed.Write, WeftError.CertificateBlocked);
            }
        }

        return admission;
    }

    private WriteJudgement Judge(
        in FieldWrite write, in SoulOwner owner, bool isGoverned, LocalWriter? local, double nowMs, Admission admission,
        int index)
    {
        double state = StateOf(write, nowMs);
        if (owner.AgeMaxMs != 0 && state < nowMs - owner.AgeMaxMs)
        {
            return new(WeftError.StateTooOld, $"states may be {owner.AgeMaxMs / 1_000} s old here");
        }

        WriteJudgement judged = owner.Kind switch
        {
            SoulOwnerKind.Nobody => new(WeftError.OwnedByNobody, "nobody may write this soul"),
            SoulOwnerKind.Sea => JudgeSea(write, owner, local, state, admission, index),
            SoulOwnerKind.AliasList or SoulOwnerKind.Alias when SeaRules.JudgeName(write, owner.Kind) is var error
                and not WeftError.None => new(error),
            SoulOwnerKind.Content when SeaRules.JudgeContent(write, crypto) is var error
                and not WeftError.None => new(error),
            _ => JudgeNative(write, owner, isGoverned, local, state, admission, index),
        };
        if (judged.Error != WeftError.None)
        {
            return judged;
        }

        // Before any signature is verified: who is not allowed to write here costs no arithmetic.
        FieldWrite timed = double.IsNaN(write.State) ? write with { State = state } : write;
        PolicyVerdict verdict = policies.JudgeWrite(timed, judged.Writer, new PolicyContext(owner));
        return judged with { Error = verdict.Error, Text = verdict.Text, Owner = owner };
    }

    /// <summary>The writer of a field that is stored, as its proof says; it was verified when it came.</summary>
    public WriterId WriterOfStored(in FieldWrite write, in SoulOwner owner)
    {
        if (owner.Kind == SoulOwnerKind.Sea)
        {
            return WriterId.Sea(SeaRules.AuthorOf(write, owner) ?? owner.Sea!);
        }

        if (!HasProof(write) || write.Extras!.Author.Length != Ed25519PublicKey.Length)
        {
            return WriterId.None;
        }

        var author = new Ed25519PublicKey(write.Extras.Author.Span);
        bool hasGrant = WriteProof.TryRead(write.Extras.Signature.Span, out WriteProof proof) && !proof.Grant.IsEmpty;
        return hasGrant && Grant.TryDecode(proof.Grant, crypto, out Grant? grant)
            && JudgeGrant(grant, author, write, write.State, AdmissionStep.Take).Writer
                is { Kind: WriterKind.Native } known
                ? known
                : WriterId.Native(author);
    }

    private WriteJudgement JudgeNative(
        in FieldWrite write, in SoulOwner owner, bool isGoverned, LocalWriter? local, double state, Admission admission,
        int index)
    {
        if (!HasProof(write))
        {
            bool isOwned = owner.Kind is SoulOwnerKind.Native or SoulOwnerKind.Network || isGoverned;
            bool signs = local is not null
                && (local.Mode == SigningMode.Always || (local.Mode == SigningMode.WhereNeeded && isOwned));
            return !signs
                ? new(WeftError.None, Writer: WriterId.None)
                : JudgeGrant(local!.Grant, local.Key, write, state, AdmissionStep.SignNative);
        }

        WeftError error = BatchSignature.Read(crypto, network.Span, write, out BatchSignature? batch);
        if (error != WeftError.None || !WriteProof.TryRead(write.Extras!.Signature.Span, out WriteProof proof))
        {
            return new(WeftError.ProofMalformed);
        }

        Grant? grant = null;
        if (!proof.Grant.IsEmpty)
        {
            if (!Grant.TryDecode(proof.Grant, crypto, out grant))
            {
                return new(WeftError.ProofMalformed, "its grant cannot be read");
            }

            // Verified even where it is not needed: no byte of a proof may be anything but what its author sent.
            admission.Need(new GrantSignatures(grant), index);
        }

        WriteJudgement judged = JudgeGrant(grant, batch!.Author, write, state, AdmissionStep.Take);
        admission.Need(batch, index);
        return judged with { Sequence = proof.Sequence, Basis = proof.Basis };
    }

    /// <summary>
    /// Turns a chain of grants into the claim the book judges; a chain that does not cover the write is none.
    /// </summary>
    private WriteJudgement JudgeGrant(
        Grant? grant, Ed25519PublicKey author, in FieldWrite write, double state, AdmissionStep step)
    {
        if (grant is null)
        {
            return new(WeftError.None, Step: step, Writer: WriterId.Native(author));
        }

        GrantVerdict verdict = GrantVerifier.JudgeChain(grant, network.Span);
        if (verdict == GrantVerdict.Allowed)
        {
            verdict = GrantVerifier.JudgeHolder(grant, grant.FirstIssuer, grant.Audience, state);
        }

        if (verdict == GrantVerdict.Allowed)
        {
            verdict = GrantVerifier.JudgeScope(grant, GrantRights.Write, write.Soul, write.Field);
        }

        if (verdict == GrantVerdict.Allowed)
        {
            // The id of a block has 32 bytes as a key has, and the same text.
            GrantLink[] links = [.. grant.Blocks.Select(
                block => new GrantLink(block.Issuer, new Ed25519PublicKey(block.Id.Span).ToString()))];
            var claim = new GrantClaim(links, grant.Audience);
            return new(WeftError.None, Step: step, Writer: WriterId.Native(author, claim));
        }

        // The author may not need it. Where it does, this says more than "not the owner".
        WriterId alone = WriterId.Native(author);
        SoulOwner owner = Ownership.Of(write.Soul);
        FieldWrite timed = write with { State = state };
        return policies.JudgeWrite(timed, alone, new PolicyContext(owner)).IsAllowed
            ? new(WeftError.None, Step: step, Writer: alone)
            : new(ErrorOf(verdict), $"the grant does not allow it: {verdict}");
    }

    private WriteJudgement JudgeSea(
        in FieldWrite write, in SoulOwner owner, LocalWriter? local, double state, Admission admission, int index)
    {
        if (HasProof(write))
        {
            // Two proofs could name two authors; the one in the value is the one that gun.js knows too.
            return new(WeftError.ProofMalformed, "a value of a SEA soul carries its proof itself");
        }

        FieldWrite timed = double.IsNaN(write.State) ? write with { State = state } : write;
        SeaClaim? claim;
        WeftError error;
        bool mayWrap = local?.SeaPub is not null && write.Field != "pub";
        if (mayWrap && (double.IsNaN(write.State) || !SeaRules.IsWrapped(write.Value)))
        {
            string own = local!.SeaPub!;
            error = own == owner.Sea
                ? SeaRules.Own(own, out claim)
                : SeaRules.ReadCertificate(timed, owner.Sea!, local.Certificate, own, out claim);
            return error != WeftError.None ? new(error) : Claim(claim!, AdmissionStep.SignSea, owner, admission, index);
        }

        error = SeaRules.Read(timed, owner, out claim);
        return error != WeftError.None
            ? new(error, error == WeftError.SignatureMissing ? $"the soul belongs to ~{owner.Sea}" : null)
            : Claim(claim!, AdmissionStep.Take, owner, admission, index);
    }

    private static WriteJudgement Claim(
        SeaClaim claim, AdmissionStep step, in SoulOwner owner, Admission admission, int index)
    {
        for (int i = 0; i < claim.Signatures.Count; i++)
        {
            admission.Need(claim.Signatures[i], index);
        }

        if (claim.Block is SeaBlock block)
        {
            admission.Need(block, index);
        }

        return new(WeftError.None, Step: step, Writer: WriterId.Sea(claim.Author ?? owner.Sea!));
    }

    private static WeftError ErrorOf(GrantVerdict verdict) => verdict switch
    {
        GrantVerdict.Expired or GrantVerdict.NotYet => WeftError.GrantExpired,
        GrantVerdict.Revoked => WeftError.GrantRevoked,
        _ => WeftError.GrantRefused,
    };

    private static double StateOf(in FieldWrite write, double nowMs) => double.IsNaN(write.State) ? nowMs : write.State;

    private static bool HasProof(in FieldWrite write) =>
        write.Extras is { } extras && !(extras.Author.IsEmpty && extras.Signature.IsEmpty);
}
