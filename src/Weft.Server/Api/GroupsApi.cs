using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Weft.Crypto;
using Weft.Node;
using Weft.Primitives;
using Weft.Server.Http;

namespace Weft.Server.Api;

/// <summary>The resource /groups: groups of this node's key. Keys of epochs never leave the node in clear.</summary>
internal static class GroupsApi
{
    private const int GroupsMax = 1_000;
    private const int MembersMax = 512;
    private const int NameLengthMax = 128;
    private const int KeyLengthMax = 64;

    internal static async Task ListAsync(ApiCall call)
    {
        var groups = new List<(Group Group, IReadOnlyList<GroupPerson> People)>();
        foreach (Group group in await call.Peer.Node.Groups.ListAsync(GroupsMax, call.Aborted))
        {
            groups.Add((group, await group.ListAsync(call.Aborted)));
        }

        await call.AnswerAsync(StatusCodes.Status200OK, json =>
        {
            json.WriteStartObject();
            json.WriteStartArray("items");
            foreach ((Group group, IReadOnlyList<GroupPerson> people) in groups)
            {
                Write(json, group, people);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        });
    }

    internal static async Task PostAsync(ApiCall call)
    {
        using BodyMembers body = await BodyMembers.ReadAsync(call, "name", "members", "fromNowOn");
        string name = body.Required("name", NameLengthMax);
        IReadOnlyList<Ed25519PublicKey> members = ReadKeys(body);
        GroupDirectory groups = call.Peer.Node.Groups;
        Group group = await FindAsync(call, name) ?? Open(call, name);
        await RunAsync(async () =>
        {
            if (body.Flag("fromNowOn") && (await group.ListAsync(call.Aborted)).Count > 0)
            {
                ThrowIfRefused(await group.AddAsync(members, fromNowOn: true, call.Aborted));
            }
            else if (group.Owner != call.Peer.Identity.PublicKey)
            {
                ThrowIfRefused(await group.AddAsync(members, cancellationToken: call.Aborted));
            }
            else
            {
                group = await groups.CreateAsync(name, members, call.Aborted);
            }
        });
        await AnswerAsync(call, StatusCodes.Status201Created, group);
    }

    internal static async Task DeleteAsync(ApiCall call)
    {
        if (!Ed25519PublicKey.TryParse(call.Query["member"], out Ed25519PublicKey member))
        {
            throw new ApiException(
                WeftError.RequestMalformed, "\"member\" is not a key: 43 characters of base64url.") { Path = "member" };
        }

        Group group = await FindKnownAsync(call, call.Query["name"]);
        if (!(await group.ListAsync(call.Aborted)).Any(person => person.Key == member && person.IsMember))
        {
            throw new ApiException(WeftError.Absent, "The group has no such member; GET /api/v1/groups lists them.");
        }

        await RunAsync(async () => ThrowIfRefused(await group.RemoveAsync(member, call.Aborted)));
        await AnswerAsync(call, StatusCodes.Status200OK, group);
    }

    internal static async Task RotateAsync(ApiCall call)
    {
        using BodyMembers body = await BodyMembers.ReadAsync(call, "name");
        Group group = await FindKnownAsync(call, body.Required("name", NameLengthMax));
        await RunAsync(async () => ThrowIfRefused(await group.RotateAsync(call.Aborted)));
        await AnswerAsync(call, StatusCodes.Status200OK, group);
    }

    private static async Task<Group> FindKnownAsync(ApiCall call, string? name) =>
        await FindAsync(call, name ?? "") ?? throw new ApiException(
            WeftError.Absent, $"This node owns no group \"{LogText.Clean(name)}\"; GET /api/v1/groups lists them.");

    // The node's own, or one that it has from the key it follows.
    private static async Task<Group?> FindAsync(ApiCall call, string name)
    {
        Open(call, name); // Refuses what is no name.
        return await call.Peer.Node.Groups.FindKeptAsync(name, call.Aborted);
    }

    private static Group Open(ApiCall call, string name)
    {
        try
        {
            return call.Peer.Node.Groups.Open(call.Peer.Identity.PublicKey, name);
        }
        catch (ArgumentException wrong)
        {
            throw new ApiException(WeftError.RequestMalformed, wrong.Message) { Path = "name" };
        }
    }

    private static async Task RunAsync(Func<Task> change)
    {
        try
        {
            await change();
        }
        catch (ArgumentException wrong)
        {
            throw new ApiException(WeftError.RequestMalformed, wrong.Message);
        }
    }

    private static void ThrowIfRefused(GroupResult result)
    {
        if (!result.IsAccepted)
        {
            throw new ApiException(
                result.Error, $"{ErrorCatalogue.Find(result.Error).Cause} The group is as it was.");
        }
    }

    private static async Task AnswerAsync(ApiCall call, int status, Group group)
    {
        IReadOnlyList<GroupPerson> people = await group.ListAsync(call.Aborted);
        await call.AnswerAsync(status, json => Write(json, group, people));
    }

    private static void Write(Utf8JsonWriter json, Group group, IReadOnlyList<GroupPerson> people)
    {
        json.WriteStartObject();
        json.WriteString("group", group.Soul);
        json.WriteString("name", group.Name);
        json.WriteString("owner", group.Owner.ToString());
        json.WriteStartArray("members");
        foreach (GroupPerson person in people)
        {
            json.WriteStartObject();
            json.WriteString("key", person.Key.ToString());
            json.WriteBoolean("isMember", person.IsMember);
            json.WriteBoolean("hasKey", person.HasKey);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static List<Ed25519PublicKey> ReadKeys(BodyMembers body)
    {
        var keys = new List<Ed25519PublicKey>();
        foreach (string text in body.Texts("members", MembersMax, KeyLengthMax))
        {
            keys.Add(Ed25519PublicKey.TryParse(text, out Ed25519PublicKey key)
                ? key
                : throw body.Refused("\"members\" has an item that is not a key: 43 characters of base64url.", "members"));
        }

        return keys;
    }
}
