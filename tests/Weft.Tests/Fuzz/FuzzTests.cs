using Weft.Fuzz;
using Xunit.Abstractions;

namespace Weft.Tests.Fuzz;

/// <summary>
/// Two seconds of fuzz for each pure decoder; <c>eng/nightly</c> runs them for minutes with a kept corpus.
/// </summary>
public sealed class FuzzTests(ITestOutputHelper output)
{
    [Fact]
    public void Varints_survive_any_bytes() => FuzzRun.Check(new UvarintFuzz(), output);

    [Fact]
    public void Json_text_survives_any_bytes() => FuzzRun.Check(new JsonTextFuzz(), output);

    [Fact]
    public void Gun_frames_survive_any_bytes() => FuzzRun.Check(new GunCodecFuzz(), output);

    [Fact]
    public void Values_survive_any_bytes() => FuzzRun.Check(new ValueReaderFuzz(), output);

    [Fact]
    public void Policy_documents_survive_any_bytes() => FuzzRun.Check(new PolicyDocumentFuzz(), output);

    [Fact]
    public void Commit_payloads_survive_any_bytes() => FuzzRun.Check(new CommitPayloadFuzz(), output);

    [Fact]
    public void Recovery_survives_any_damage_to_a_segment() => FuzzRun.Check(new CommitRecoveryFuzz(), output);

    [Fact]
    public void Multiaddrs_survive_any_bytes() => FuzzRun.Check(new MultiaddrFuzz(), output);

    [Fact]
    public void Identify_messages_survive_any_bytes() => FuzzRun.Check(new IdentifyFuzz(), output);

    [Fact]
    public void Signed_envelopes_survive_any_bytes() => FuzzRun.Check(new EnvelopeFuzz(), output);

    [Fact]
    public void Yamux_survives_any_bytes() => FuzzRun.Check(new YamuxFuzz(), output);

    [Fact]
    public void Multistream_survives_any_bytes() => FuzzRun.Check(new MultistreamFuzz(), output);

    [Fact]
    public void Key_files_survive_any_bytes() => FuzzRun.Check(new KeyFileFuzz(), output);

    [Fact]
    public void Texts_of_SEA_survive_any_bytes() => FuzzRun.Check(new SeaTextFuzz(), output);

    [Fact]
    public void Grants_survive_any_bytes() => FuzzRun.Check(new GrantFuzz(), output);

    [Fact]
    public void Sealed_texts_survive_any_bytes() => FuzzRun.Check(new SealedTextFuzz(), output);

    [Fact]
    public void Epochs_of_groups_survive_any_bytes() => FuzzRun.Check(new EpochFuzz(), output);

    [Fact]
    public void Der_survives_any_bytes() => FuzzRun.Check(new DerFuzz(), output);

    [Fact]
    public void Frames_of_blobs_survive_any_bytes() => FuzzRun.Check(new BlobCodecFuzz(), output);
}
