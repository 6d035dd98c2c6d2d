using System.Text.Json.Serialization;
using Weft.Graph;
using Weft.Node;
using Weft.Node.Storage;

namespace Weft.Tests.Node;

public sealed class NodeRefTests
{
    [Fact]
    public async Task A_typed_node_travels_as_fields_and_back()
    {
        await using WeftNode node = await WeftNode.StartAsync(new NodeOptions(), new MemoryStore());
        NodeRef<Person> ada = node.Graph.Get("ada").As(PersonJson.Default.Person);

        await ada.PutAsync(new Person { Name = "Ada", Born = 1815, Boss = new Link<Person>("mark") });
        await ada.UpdateAsync(p => p.Name, "Ada Lovelace");
        NodeView<Person> view = await ada.GetAsync();

        Assert.Equal(("Ada Lovelace", 1815, "mark"), (view.Value!.Name, view.Value.Born, view.Value.Boss.Soul));
        Assert.Empty(view.Missing);
        Assert.Equal("{\"#\":\"mark\"}", (await node.Graph.Get("ada").GetAsync("Boss")).Value.ToString());
    }

    [Fact]
    public async Task Null_means_not_set_and_deletes_nothing()
    {
        await using WeftNode node = await WeftNode.StartAsync(new NodeOptions(), new MemoryStore());
        NodeRef<Person> ada = node.Graph.Get("ada").As(PersonJson.Default.Person);
        await ada.PutAsync(new Person { Name = "Ada", Born = 1815 });

        await ada.PutAsync(new Person { Born = 1816 });
        NodeView<Person> view = await ada.GetAsync();

        Assert.Equal(("Ada", 1816), (view.Value!.Name, view.Value.Born));
        Assert.Equal(["Boss"], view.Missing);
    }

    [Fact]
    public async Task A_deleted_field_is_missing_and_an_absent_node_has_no_value()
    {
        await using WeftNode node = await WeftNode.StartAsync(new NodeOptions(), new MemoryStore());
        NodeRef<Person> ada = node.Graph.Get("ada").As(PersonJson.Default.Person);
        await ada.PutAsync(new Person { Name = "Ada", Born = 1815 });
        await ada.UpdateAsync(p => p.Born, WeftValue.Null);

        Assert.Contains("Born", (await ada.GetAsync()).Missing);
        Assert.Null((await node.Graph.Get("bob").As(PersonJson.Default.Person).GetAsync()).Value);
    }

    [Fact]
    public async Task A_set_links_its_items_as_gun_does()
    {
        await using WeftNode node = await WeftNode.StartAsync(new NodeOptions(), new MemoryStore());
        GraphSet items = node.Graph.Get("posts").Set("items");

        string soul = await items.AddAsync(new Dictionary<string, WeftValue> { ["text"] = "hello" });
        await items.AddAsync("other");
        await items.RemoveAsync("other");

        var found = new List<string>();
        await foreach (string item in items.ReadAllAsync())
        {
            found.Add(item);
        }

        Assert.Equal([soul], found);
        Assert.Equal("posts/items", (await node.Graph.Get("posts").GetAsync("items")).Value.AsLink());
        Assert.Equal(soul, (await node.Graph.Get("posts/items").GetAsync(soul)).Value.AsLink());
    }
}

public sealed class Person
{
    public string? Name { get; set; }

    public int? Born { get; set; }

    public Link<Person> Boss { get; set; }
}

[JsonSerializable(typeof(Person))]
public sealed partial class PersonJson : JsonSerializerContext;
