using Weft.Server.Http;
using static Weft.Server.Http.RouteTraits;

namespace Weft.Server.Api;

/// <summary>Every route of the server; the OpenAPI document and docs/spec/http.md list the same ones.</summary>
internal static class ApiRoutes
{
    private const RouteTraits Write = Token | Repeatable;
    private const RouteTraits WriteJson = Token | Repeatable | TakesJson;

    /// <summary>The routes.</summary>
    internal static IReadOnlyList<ApiRoute> All { get; } =
    [
        new("/api/v1/field", "GET", Token, FieldApi.GetAsync),
        new("/api/v1/field", "PUT", WriteJson, FieldApi.PutAsync),
        new("/api/v1/field", "DELETE", Write, FieldApi.DeleteAsync),
        new("/api/v1/node", "GET", Token, NodeApi.GetAsync),
        new("/api/v1/node", "PATCH", WriteJson, NodeApi.PatchAsync),
        new("/api/v1/node", "PUT", WriteJson, NodeApi.PutAsync),
        new("/api/v1/node", "DELETE", Write, NodeApi.DeleteAsync),
        new("/api/v1/nodes", "GET", Token, NodesApi.GetAsync),
        new("/api/v1/nodes:batch", "POST", WriteJson | TakesLines, BatchApi.PostAsync),
        new("/api/v1/walk", "GET", Token, WalkApi.WalkAsync),
        new("/api/v1/why", "GET", Token, WalkApi.WhyAsync),
        new("/api/v1/conflicts", "GET", Token, WalkApi.ConflictsAsync),
        new("/api/v1/conflicts", "POST", Write, WalkApi.ResolveAsync),
        new("/api/v1/watch", "GET", Token | Watch, WatchApi.GetAsync),
        new("/api/v1/peers", "GET", Token, PeersApi.GetAsync),
        new("/api/v1/peers", "POST", WriteJson, PeersApi.PostAsync),
        new("/api/v1/peers", "DELETE", Token, PeersApi.DeleteAsync),
        new("/api/v1/stats", "GET", Token, OperationApi.StatsAsync),
        new("/api/v1/verify", "POST", Token, OperationApi.VerifyAsync),
        new("/api/v1/maintain", "POST", Token, OperationApi.MaintainAsync),
        new("/api/v1/backups", "GET", Token, BackupApi.ListAsync),
        new("/api/v1/backups", "POST", Token, BackupApi.PostAsync),
        new("/api/v1/backups/{id}", "GET", Token, BackupApi.GetAsync),
        new("/api/v1/backups/{id}", "DELETE", Token, BackupApi.DeleteAsync),
        new("/api/v1/shutdown", "POST", Token, OperationApi.ShutdownAsync),
        new("/", "GET", None, OpenPages.RootAsync),
        new("/health/live", "GET", None, OpenPages.LiveAsync),
        new("/health/ready", "GET", None, OpenPages.ReadyAsync),
        new("/metrics", "GET", None, OpenPages.MetricsAsync),
        new("/openapi.json", "GET", None, OpenPages.OpenApiAsync),
        new("/errors", "GET", None, OpenPages.ErrorsAsync),
        new("/errors/{code}", "GET", None, OpenPages.ErrorAsync),
    ];
}
