using Weft.Fuzz;
using Xunit.Abstractions;

namespace Weft.Integration.Tests.Fuzz;

/// <summary>Two seconds of fuzz for each reader of the server; <c>eng/nightly</c> runs them for minutes.</summary>
public sealed class ServerFuzzTests(ITestOutputHelper output)
{
    [Fact]
    public void Http_bodies_survive_any_bytes() => FuzzRun.Check(new HttpBodyFuzz(), output);

    [Fact]
    public void Configuration_survives_any_text() => FuzzRun.Check(new ConfigurationFuzz(), output);
}
