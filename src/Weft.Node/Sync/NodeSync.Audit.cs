using Weft.Primitives;
using Weft.Protocols.Audit;

namespace Weft.Node.Sync;

/// <content>Do two peers hold the same?</content>
public sealed partial class NodeSync
{
    private const int PassesMax = 40;
    private const int IdlePassesMax = 5;

    private long _auditsEqual;
    private long _auditsDifferent;
    private long _auditsFailed;

    private static readonly TimeSpan SettleTime = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan HealPause = TimeSpan.FromMilliseconds(200);

    /// <summary>Compares this node's graph with that of each connected peer that speaks the protocol, one after another.</summary>
    /// <param name="request">What, and how.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <returns>A report for each, in the order of their ids; none when nobody is connected.</returns>
    /// <exception cref="WeftException">Usage: the request is out of bounds; NetworkOff: the node does not synchronize.</exception>
    public async Task<IReadOnlyList<AuditReport>> AuditAsync(
        AuditRequest request, CancellationToken cancellationToken = default)
    {
        AuditService _ = AuditsFor(request);
        var reports = new List<AuditReport>();
        foreach (PeerId peer in _node.Network!.Host.Connections
            .Where(one => one.Identity?.Protocols.Contains(AuditCodec.Protocol) == true)
            .Select(one => one.Remote).Distinct().Order().ToList())
        {
            reports.Add(await AuditAsync(peer, request, cancellationToken).ConfigureAwait(false));
        }

        return reports;
    }

    /// <summary>
    /// Compares this node's graph with a peer's, by fingerprints of ranges over (soul, field, state), and says what
    /// differs and who is behind. Nothing is changed unless the request heals.
    /// </summary>
    /// <param name="peer">Connected.</param>
    /// <param name="request">What, and how.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <returns>What was found; a peer that is gone or refuses is an error in it, not an exception.</returns>
    /// <exception cref="WeftException">Usage: the request is out of bounds; NetworkOff: the node does not synchronize.</exception>
    public async Task<AuditReport> AuditAsync(
        PeerId peer, AuditRequest request, CancellationToken cancellationToken = default)
    {
        AuditService audits = AuditsFor(request);
        long started = _node.Time.GetTimestamp();
        using var late = new CancellationTokenSource(request.Timeout, _node.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellationToken);
        Scope scope = request.Scope;
        var plan = new AuditPlan(scope.IsSoul ? "" : scope.Text, scope.From, scope.To, request.Samples, request.Heals);
        long bytesIn = 0;
        long bytesOut = 0;
        long first = 0;
        long least = long.MaxValue;
        int idle = 0;
        int passes = 0;
        while (true)
        {
            AuditPass pass = await audits
                .RunAsync(peer, plan, request.DifferencesMax, request.Seed, either.Token).ConfigureAwait(false);
            cancellationToken.ThrowIfCancellationRequested();
            passes++;
            bytesIn += pass.BytesIn;
            bytesOut += pass.BytesOut;
            long left = pass.Tally.Different;
            first = passes == 1 ? left : first;
            idle = left < least ? 0 : idle + 1;
            least = Math.Min(least, left);
            bool isLast = left == 0 || pass.Error != WeftError.None || passes >= PassesMax
                || (request.Heals ? idle > IdlePassesMax : !request.Settles || passes > 1 || request.Samples > 0);
            if (isLast || !await SettleAsync(peer, scope, request.Heals, either.Token).ConfigureAwait(false))
            {
                bool isComplete = pass.Error == WeftError.None && !pass.Tally.IsCut;
                return Count(new(
                    peer, scope, pass.Error, isComplete, request.Samples > 0, pass.Tally,
                    request.Heals && isComplete ? Math.Max(0, first - left) : 0, passes, bytesIn, bytesOut,
                    _node.Time.GetElapsedTime(started)));
            }
        }
    }

    /// <summary>Reports since the start, by what they found.</summary>
    internal IReadOnlyList<(string Result, long Count)> AuditCounts =>
    [
        ("equal", Interlocked.Read(ref _auditsEqual)), ("different", Interlocked.Read(ref _auditsDifferent)),
        ("incomplete", Interlocked.Read(ref _auditsFailed)),
    ];

    private AuditReport Count(AuditReport report)
    {
        Interlocked.Increment(ref report.IsEqual ? ref _auditsEqual
            : ref report.Tally.Different > 0 ? ref _auditsDifferent
            : ref _auditsFailed);
        return report;
    }

    // Waits until what is on its way has come.
    /// <returns>False when the deadline has passed.</returns>
    private async Task<bool> SettleAsync(PeerId peer, Scope scope, bool heals, CancellationToken cancellationToken)
    {
        try
        {
            if (heals)
            {
                await Task.Delay(HealPause, _node.Time, cancellationToken).ConfigureAwait(false);
            }
            else
            {
                await WaitForAsync(scope, SyncGoal.AllConnectedPeers, SettleTime, peer, cancellationToken)
                    .ConfigureAwait(false);
            }

            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private AuditService AuditsFor(AuditRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        int samplesMax = new AuditOptions().SamplesMax;
        if (request.Samples < 0 || request.Samples > samplesMax)
        {
            throw new WeftException(WeftError.Usage, $"An audit draws 0 to {samplesMax} samples. Nothing was compared.");
        }

        if (request.Samples > 0 && request.Heals)
        {
            throw new WeftException(WeftError.Usage, "What is sampled cannot be healed: audit all of it. Nothing was compared.");
        }

        if (request.DifferencesMax is < 0 or > 10_000 || request.Timeout < TimeSpan.FromSeconds(1))
        {
            throw new WeftException(
                WeftError.Usage, "An audit names 0 to 10,000 differences and takes a second or more. Nothing was compared.");
        }

        return Audits ?? throw new WeftException(
            WeftError.NetworkOff, "This node does not synchronize over libp2p; there is nobody to compare with.");
    }
}
