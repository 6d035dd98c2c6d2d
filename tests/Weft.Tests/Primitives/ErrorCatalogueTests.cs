using Weft.Primitives;

namespace Weft.Tests.Primitives;

public sealed class ErrorCatalogueTests
{
    [Fact]
    public void Every_error_has_an_entry_and_no_entry_is_for_no_error()
    {
        IEnumerable<WeftError> known = Enum.GetValues<WeftError>().Where(error => error != WeftError.None);

        Assert.Equal(known.Order(), ErrorCatalogue.All.Select(entry => entry.Error));
    }

    [Fact]
    public void No_number_has_two_names()
    {
        WeftError[] values = Enum.GetValues<WeftError>();

        Assert.Equal(Enum.GetNames<WeftError>().Length, values.Distinct().Count());
        Assert.Equal(values.Length, values.Select(ErrorCatalogue.Code).Distinct().Count());
    }

    [Fact]
    public void Every_entry_says_what_why_and_what_next()
    {
        Assert.All(ErrorCatalogue.All, entry =>
        {
            Assert.InRange(entry.HttpStatus, 400, 599);
            Assert.NotEmpty(entry.Title);
            Assert.EndsWith(".", entry.Cause);
            Assert.NotEmpty(entry.Try);
            Assert.All(entry.Try, Assert.NotEmpty);
        });
        Assert.Equal(
            ErrorCatalogue.All.Count(), ErrorCatalogue.All.Select(entry => entry.Title).Distinct().Count());
    }

    [Theory]
    [InlineData("W3307")]
    [InlineData("w3307")]
    [InlineData("3307")]
    public void An_entry_is_found_by_its_code_in_any_case(string code) =>
        Assert.Equal(WeftError.DiskFull, ErrorCatalogue.Find(code)?.Error);

    [Theory]
    [InlineData("")]
    [InlineData("W")]
    [InlineData("W0000")]
    [InlineData("W123456")]
    [InlineData("disk full")]
    [InlineData("W99999999999999999999")]
    public void An_unknown_code_gives_nothing(string code) => Assert.Null(ErrorCatalogue.Find(code));

    [Fact]
    public void An_unknown_number_is_a_bug() =>
        Assert.Equal(WeftError.Bug, ErrorCatalogue.Find((WeftError)7_777).Error);

    [Fact]
    public void An_exception_carries_number_code_and_transience()
    {
        var full = new WeftException(WeftError.DiskFull, "The write was refused: the disk is full.");
        var damaged = new WeftException(WeftError.FileDamaged, "The record was not served.", full);

        Assert.Equal("W3307", ErrorCatalogue.Code(full.Error));
        Assert.True(full.IsTransient);
        Assert.False(damaged.IsTransient);
        Assert.Same(full, damaged.InnerException);
    }
}
