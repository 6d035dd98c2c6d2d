using Weft.Crypto;
using Weft.Graph;
using Weft.Graph.Access;
using Weft.Node;
using Weft.Node.Storage;
using Weft.Primitives;

namespace Weft.Tests.Node;

/// <summary>Local writes that wait behind each other share signatures; each proof still stands alone.</summary>
public sealed class SharedSignatureTests : IAsyncLifetime
{
    private const int Writes = 40;

    private static readonly ICrypto Crypto = PlatformCrypto.Create();

    private readonly GatedStore _store = new(new MemoryStore());
    private WeftNode _node = null!;

    public async Task InitializeAsync()
    {
        var options = new NodeOptions { Durability = Durability.Memory, Crypto = Crypto, Lanes = 1 };
        _node = await WeftNode.StartAsync(options, _store);
    }

    public async Task DisposeAsync() => await _node.DisposeAsync();

    [Fact]
    public async Task Writes_that_wait_share_signatures_of_up_to_sixteen()
    {
        await WriteWhileClosedAsync(i => new FieldWrite($"s{i}", "f", i, double.NaN));

        var signatures = new Dictionary<string, int>();
        for (int i = 0; i < Writes; i++)
        {
            FieldWrite write = await ReadAsync($"s{i}", "f");
            Assert.Equal(WeftError.None, new DeltaVerifier(Crypto, _node.NetworkId).Verify(write));
            Assert.True(WriteProof.TryRead(write.Extras!.Signature.Span, out WriteProof proof));
            string signature = Convert.ToHexString(proof.Signature);
            signatures[signature] = signatures.GetValueOrDefault(signature) + 1;
            Assert.Equal(0, proof.Basis);
        }

        Assert.Equal([1, 16, 16, Writes - 33], signatures.Values); // The first one was under way alone.
    }

    [Fact]
    public async Task Versions_of_one_field_never_share_one_and_each_knows_the_one_before()
    {
        await WriteWhileClosedAsync(i => new FieldWrite("s", $"f{i % 2}", i, double.NaN));

        IReadOnlyList<StoredField> fields = (await _node.Graph.ReadNodeAsync("s")).Fields;
        Assert.Equal([38, 39], fields.Select(field => field.Value.AsNumber()!.Value));
        foreach (StoredField field in fields)
        {
            Assert.True(WriteProof.TryRead(field.Extras!.Signature.Span, out WriteProof proof));
            Assert.Equal(field.Field == "f0" ? 2 : 1, proof.Count); // 0, 1+2, 3+4, … 37+38, 39.
            Assert.InRange(proof.Basis, 1, field.State - double.Epsilon);
        }

        Assert.Equal(Writes, _node.Metrics.Won);
    }

    [Fact]
    public async Task A_write_of_another_identity_has_a_signature_of_its_own()
    {
        using Ed25519KeyPair alice = new(Crypto, [.. Enumerable.Repeat((byte)5, 32)]);
        WriteSource other = WriteSource.Local.With(alice);
        await WriteWhileClosedAsync(
            i => new FieldWrite($"s{i}", "f", i, double.NaN), i => i % 10 == 9 ? other : WriteSource.Local);

        for (int i = 0; i < Writes; i++)
        {
            FieldWrite write = await ReadAsync($"s{i}", "f");
            Ed25519PublicKey author = i % 10 == 9 ? alice.PublicKey : _node.Identity.PublicKey;
            Assert.Equal(author, new Ed25519PublicKey(write.Extras!.Author.Span));
            Assert.Equal(WeftError.None, new DeltaVerifier(Crypto, _node.NetworkId).Verify(write));
            Assert.True(WriteProof.TryRead(write.Extras.Signature.Span, out WriteProof proof));
            Assert.Equal(i % 10 == 9 || i == 0, proof.Count == 1);
        }
    }

    [Fact]
    public async Task A_refused_write_takes_no_other_one_with_it()
    {
        using Ed25519KeyPair bob = new(Crypto, [.. Enumerable.Repeat((byte)6, 32)]);
        string taken = $"${bob.PublicKey}/a";
        _store.Close();
        Task<WriteResult> first = WriteAsync(new("first", "f", 1, double.NaN));
        await _store.Waiting;
        Task<WriteResult> good = WriteAsync(new("good", "f", 1, double.NaN));
        Task<WriteResult> missed = _node.Graph.WriteAsync(
            [new("missed", "f", 1, double.NaN)], WriteSource.Local, Durability.Memory,
            FieldCondition.InState(5)).AsTask();
        Task<WriteResult> refused = WriteAsync(new(taken, "f", 1, double.NaN));
        Task<WriteResult> last = WriteAsync(new("last", "f", 1, double.NaN));
        _store.Open();

        Assert.All(await Task.WhenAll(first, good, last), result => Assert.True(result.IsAccepted));
        Assert.Equal(WeftError.PreconditionFailed, (await missed).Error);
        Assert.Equal(WeftError.NotOwner, (await refused).Error);
    }

    private async Task WriteWhileClosedAsync(
        Func<int, FieldWrite> write, Func<int, WriteSource>? source = null)
    {
        _store.Close();
        var running = new List<Task<WriteResult>>();
        for (int i = 0; i < Writes; i++)
        {
            running.Add(WriteAsync(write(i), source?.Invoke(i)));
            if (i == 0)
            {
                await _store.Waiting; // The first one holds the lane; the others gather behind it.
            }
        }

        _store.Open();
        Assert.All(await Task.WhenAll(running), result => Assert.Equal(1, result.Applied));
    }

    private Task<WriteResult> WriteAsync(FieldWrite write, WriteSource? source = null) =>
        _node.Graph.WriteAsync([write], source ?? WriteSource.Local).AsTask();

    private async Task<FieldWrite> ReadAsync(string soul, string field)
    {
        StoredField stored = (await _node.Graph.ReadNodeAsync(soul)).Fields.Single(one => one.Field == field);
        return new FieldWrite(soul, field, stored.Value, stored.State, stored.Extras);
    }

    /// <summary>A store that has no room while it is closed.</summary>
    private sealed class GatedStore(MemoryStore inner) : ForwardingStore(inner)
    {
        private TaskCompletionSource _room = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private TaskCompletionSource _waiting = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private volatile bool _isClosed;

        public Task Waiting => _waiting.Task;

        public void Close() => _isClosed = true;

        public void Open()
        {
            _isClosed = false;
            _room.SetResult();
        }

        public override async ValueTask WaitForRoomAsync(CancellationToken cancellationToken = default)
        {
            if (_isClosed)
            {
                _waiting.TrySetResult();
                await _room.Task;
            }
        }
    }
}
