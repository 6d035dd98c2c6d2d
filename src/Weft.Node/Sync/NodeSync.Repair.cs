using Weft.Graph;
using Weft.Node.Storage;
using Weft.Primitives;
using Weft.Protocols.Audit;

namespace Weft.Node.Sync;

/// <summary>What became of damage.</summary>
/// <param name="Souls">Damaged nodes that were found: at most 1,000 in one go.</param>
/// <param name="Repaired">Those of them that peers know, and that are whole again as far as these peers have them.</param>
/// <param name="Fields">Fields that came back.</param>
/// <param name="Peers">Peers that were asked.</param>
/// <param name="Unrepaired">Nodes that no peer has anything of, or that lie on a page that has to be rebuilt.</param>
/// <param name="Left">What a full read still finds.</param>
/// <param name="Elapsed">How long it took.</param>
public sealed record RepairReport(
    int Souls, int Repaired, long Fields, int Peers, IReadOnlyList<string> Unrepaired, IReadOnlyList<Damage> Left,
    TimeSpan Elapsed);

/// <content>Damage is repaired from peers.</content>
public sealed partial class NodeSync
{
    private const int FieldsPerRead = 1_024;

    private static readonly TimeSpan RepairTimeout = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Reads the whole store, and has connected peers give back what damaged nodes lost: each of these nodes is compared
    /// with every peer, and what is only there comes here, through admission as ever. A node that no peer has anything of
    /// goes on saying that it is damaged.
    /// </summary>
    /// <param name="progress">Takes the bytes read so far.</param>
    /// <param name="cancellationToken">Stops it; what came back stays.</param>
    /// <exception cref="WeftException">NetworkOff: the node does not synchronize; DiskFull, DiskFailed.</exception>
    public async Task<RepairReport> RepairAsync(
        IProgress<long>? progress = null, CancellationToken cancellationToken = default)
    {
        AuditsFor(new AuditRequest());
        long started = _node.Time.GetTimestamp();
        VerifyReport found = await _node.Store.VerifyAsync(progress, cancellationToken).ConfigureAwait(false);
        string[] souls = [.. found.Damages.SelectMany(damage => damage.Souls).Distinct().Order(StringComparer.Ordinal)];
        PeerId[] peers =
        [
            .. _node.Network!.Host.Connections
                .Where(one => one.Identity?.Protocols.Contains(AuditCodec.Protocol) == true)
                .Select(one => one.Remote).Distinct().Order(),
        ];
        var unrepaired = new List<string>();
        long fields = 0;
        foreach (string soul in souls)
        {
            long? back = await RepairAsync(soul, peers, cancellationToken).ConfigureAwait(false);
            fields += back ?? 0;
            if (back is null)
            {
                unrepaired.Add(soul);
            }
        }

        VerifyReport after = souls.Length == 0
            ? found
            : await _node.Store.VerifyAsync(progress, cancellationToken).ConfigureAwait(false);
        return new(
            souls.Length, souls.Length - unrepaired.Count, fields, peers.Length, unrepaired, after.Damages,
            _node.Time.GetElapsedTime(started));
    }

    /// <returns>Fields that came back; null when no peer knows the node, or it cannot be written.</returns>
    private async Task<long?> RepairAsync(string soul, PeerId[] peers, CancellationToken cancellationToken)
    {
        try
        {
            await _node.Store.SetLostAsync(soul, isLost: false, cancellationToken).ConfigureAwait(false);
        }
        catch (WeftException damage) when (damage.Error == WeftError.FileDamaged)
        {
            return null; // The page itself: it has to be rebuilt first.
        }

        await Service!.Ranges.ForgetAsync(cancellationToken).ConfigureAwait(false);
        long before = await CountAsync(soul, cancellationToken).ConfigureAwait(false);
        bool isKnown = false;
        foreach (PeerId peer in peers)
        {
            AuditReport report = await AuditAsync(
                peer, new AuditRequest { Scope = Scope.Soul(soul), Heals = true, Timeout = RepairTimeout },
                cancellationToken).ConfigureAwait(false);
            isKnown |= report.IsComplete && report.Tally.FieldsThere > 0;
        }

        if (!isKnown)
        {
            await _node.Store.SetLostAsync(soul, isLost: true, cancellationToken).ConfigureAwait(false);
            return null;
        }

        return await CountAsync(soul, cancellationToken).ConfigureAwait(false) - before;
    }

    private async Task<long> CountAsync(string soul, CancellationToken cancellationToken)
    {
        long count = 0;
        string? from = null;
        while (true)
        {
            NodePage page = await _node.Store.ReadNodeAsync(
                soul, new LexRange(From: from), FieldsPerRead, long.MaxValue, cancellationToken).ConfigureAwait(false);
            count += page.Fields.Count;
            if (!page.More || page.Fields.Count == 0)
            {
                return count;
            }

            from = page.Fields[^1].Field + "\0";
        }
    }
}
