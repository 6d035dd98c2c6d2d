using Weft.Server.Access;
using Weft.Server.Http;
using static Weft.Server.Access.Scopes;
using static Weft.Server.Http.RouteReach;
using static Weft.Server.Http.RouteTraits;

namespace Weft.Server.Api;

/// <summary>Every route of the server; the OpenAPI document and docs/spec/http.md list the same ones.</summary>
internal static class ApiRoutes
{
    /// <summary>The routes.</summary>
    internal static IReadOnlyList<ApiRoute> All { get; } =
    [
        new("/api/v1/field", "GET", Read, Souls, RouteTraits.None, FieldApi.GetAsync),
        new("/api/v1/field", "PUT", Write, Souls, Repeatable | TakesJson, FieldApi.PutAsync),
        new("/api/v1/field", "DELETE", Write, Souls, Repeatable, FieldApi.DeleteAsync),
        new("/api/v1/node", "GET", Read, Souls, RouteTraits.None, NodeApi.GetAsync),
        new("/api/v1/node", "PATCH", Write, Souls, Repeatable | TakesJson, NodeApi.PatchAsync),
        new("/api/v1/node", "PUT", Write, Souls, Repeatable | TakesJson, NodeApi.PutAsync),
        new("/api/v1/node", "DELETE", Write, Souls, Repeatable, NodeApi.DeleteAsync),
        new("/api/v1/nodes", "GET", Read, Souls, RouteTraits.None, NodesApi.GetAsync),
        new("/api/v1/nodes:batch", "POST", Write, Souls, Repeatable | TakesJson | TakesLines, BatchApi.PostAsync),
        new("/api/v1/walk", "GET", Read, Souls, RouteTraits.None, WalkApi.WalkAsync),
        new("/api/v1/why", "GET", Read, Souls, RouteTraits.None, WalkApi.WhyAsync),
        new("/api/v1/conflicts", "GET", Read, Souls, RouteTraits.None, WalkApi.ConflictsAsync),
        new("/api/v1/conflicts", "POST", Write, Souls, Repeatable, WalkApi.ResolveAsync),
        new("/api/v1/watch", "GET", Read, Souls, RouteTraits.Watch, WatchApi.GetAsync),
        new("/api/v1/peers", "GET", Read, RouteReach.Node, RouteTraits.None, PeersApi.GetAsync),
        new("/api/v1/peers", "POST", Admin, RouteReach.Node, Repeatable | TakesJson, PeersApi.PostAsync),
        new("/api/v1/peers", "DELETE", Admin, RouteReach.Node, RouteTraits.None, PeersApi.DeleteAsync),
        new("/api/v1/peers/bans", "GET", Admin, RouteReach.Node, RouteTraits.None, BansApi.ListAsync),
        new("/api/v1/peers/bans", "POST", Admin, RouteReach.Node, Repeatable | TakesJson, BansApi.PostAsync),
        new("/api/v1/peers/bans", "DELETE", Admin, RouteReach.Node, RouteTraits.None, BansApi.DeleteAsync),
        new("/api/v1/peers/ping", "POST", Admin, RouteReach.Node, TakesJson, BansApi.PingAsync),
        new("/api/v1/topics", "GET", Read, RouteReach.Node, RouteTraits.None, TopicsApi.ListAsync),
        new("/api/v1/topics/{name}/messages", "GET", Read, RouteReach.Node, RouteTraits.Watch, TopicsApi.GetAsync),
        new("/api/v1/topics/{name}/messages", "POST", Write, RouteReach.Node, Repeatable | TakesJson, TopicsApi.PostAsync),
        new("/api/v1/stats", "GET", Read, RouteReach.Node, RouteTraits.None, OperationApi.StatsAsync),
        new("/api/v1/identity", "GET", Read, Anyone, RouteTraits.None, IdentityApi.GetAsync),
        new("/api/v1/identity/rotate", "POST", Admin, RouteReach.Node, RouteTraits.None, IdentityApi.RotateAsync),
        new("/api/v1/identity/recovery", "GET", Read, Anyone, RouteTraits.None, RecoveryApi.GetAsync),
        new("/api/v1/identity/recovery", "PUT", Admin, RouteReach.Node, TakesJson, RecoveryApi.PutAsync),
        new("/api/v1/identity/recovery", "POST", Admin, RouteReach.Node, TakesJson, RecoveryApi.PostAsync),
        new("/api/v1/grants", "GET", Admin, RouteReach.Node, RouteTraits.None, GrantsApi.ListAsync),
        new("/api/v1/grants", "POST", Admin, RouteReach.Node, TakesJson, GrantsApi.PostAsync),
        new("/api/v1/grants", "DELETE", Admin, RouteReach.Node, RouteTraits.None, GrantsApi.DeleteAsync),
        new("/api/v1/groups", "GET", Admin, RouteReach.Node, RouteTraits.None, GroupsApi.ListAsync),
        new("/api/v1/groups", "POST", Admin, RouteReach.Node, Repeatable | TakesJson, GroupsApi.PostAsync),
        new("/api/v1/groups", "DELETE", Admin, RouteReach.Node, RouteTraits.None, GroupsApi.DeleteAsync),
        new("/api/v1/groups/rotate", "POST", Admin, RouteReach.Node, Repeatable | TakesJson, GroupsApi.RotateAsync),
        new("/api/v1/tokens", "GET", Admin, RouteReach.Node, RouteTraits.None, TokensApi.ListAsync),
        new("/api/v1/tokens", "POST", Admin, RouteReach.Node, TakesJson, TokensApi.PostAsync),
        new("/api/v1/tokens", "DELETE", Admin, RouteReach.Node, RouteTraits.None, TokensApi.DeleteAsync),
        new("/api/v1/auth/challenge", "POST", Scopes.None, Open, Proof, AuthApi.ChallengeAsync),
        new("/api/v1/auth/session", "POST", Scopes.None, Open, Proof | TakesJson, AuthApi.SessionAsync),
        new("/api/v1/verify", "POST", Admin, RouteReach.Node, RouteTraits.None, OperationApi.VerifyAsync),
        new("/api/v1/maintain", "POST", Admin, RouteReach.Node, RouteTraits.None, OperationApi.MaintainAsync),
        new("/api/v1/backups", "GET", Admin, RouteReach.Node, RouteTraits.None, BackupApi.ListAsync),
        new("/api/v1/backups", "POST", Admin, RouteReach.Node, RouteTraits.None, BackupApi.PostAsync),
        new("/api/v1/backups/{id}", "GET", Admin, RouteReach.Node, RouteTraits.None, BackupApi.GetAsync),
        new("/api/v1/backups/{id}", "DELETE", Admin, RouteReach.Node, RouteTraits.None, BackupApi.DeleteAsync),
        new("/api/v1/shutdown", "POST", Admin, RouteReach.Node, RouteTraits.None, OperationApi.ShutdownAsync),
        new("/", "GET", Scopes.None, Open, RouteTraits.None, OpenPages.RootAsync),
        new("/health/live", "GET", Scopes.None, Open, RouteTraits.None, OpenPages.LiveAsync),
        new("/health/ready", "GET", Scopes.None, Open, RouteTraits.None, OpenPages.ReadyAsync),
        new("/metrics", "GET", Scopes.Metrics, Open, RouteTraits.None, OpenPages.MetricsAsync),
        new("/openapi.json", "GET", Scopes.None, Open, RouteTraits.None, OpenPages.OpenApiAsync),
        new("/errors", "GET", Scopes.None, Open, RouteTraits.None, OpenPages.ErrorsAsync),
        new("/errors/{code}", "GET", Scopes.None, Open, RouteTraits.None, OpenPages.ErrorAsync),
    ];
}
