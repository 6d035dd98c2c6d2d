using Weft.Graph;

namespace Weft.Simulation;

/// <summary>Looks at clients at the end of a run, when everybody is online and things have settled.</summary>
public static class ClientCheck
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <summary>
    /// A client knows what its relay knows of every node it asked for, hears of changes to those it writes, the relay
    /// knows what the client wrote into live nodes, online or not, acknowledged writes are there, and every request was answered.
    /// </summary>
    public static void Run(SimWorld world, SimClient client, SimNode relay)
    {
        foreach (string soul in client.Live)
        {
            CheckKnown(world, client, relay, soul, double.NegativeInfinity);
        }

        foreach ((string soul, double sinceMs) in client.Written)
        {
            CheckKnown(world, client, relay, soul, sinceMs); // Who only writes hears of what is written later.
        }

        foreach ((string soul, StoredField field) in client.Fields.Where(one => client.Live.Contains(one.Soul)))
        {
            if (relay.Read(soul, field.Field) is not { } known || IsNewer(field, known))
            {
                string here = Say(relay.Read(soul, field.Field));
                world.Report("I2", relay.Number,
                    $"the relay has {here} for {soul} {field.Field}; its client has {Say(field)}");
            }
        }

        foreach (FieldWrite write in client.Acked)
        {
            var acked = new StoredField(write.Field, write.Value, write.State, 0);
            if (relay.Read(write.Soul, write.Field) is not { } known || IsNewer(acked, known))
            {
                world.Report("I1", relay.Number, $"lost what it acknowledged: {write.Soul} {write.Field} {Say(acked)}");
            }
        }

        foreach ((string id, Weft.Primitives.WeftInstant at) in client.Unanswered)
        {
            if (world.Now - at > Patience)
            {
                double seconds = (world.Now - at).TotalSeconds;
                world.Report("I11", client.Number, $"request {id} got no answer for {seconds:0.0} s");
            }
        }
    }

    private static void CheckKnown(SimWorld world, SimClient client, SimNode relay, string soul, double sinceMs)
    {
        foreach ((string _, StoredField field) in relay.Fields.Where(one => one.Soul == soul))
        {
            StoredField? here = client.Read(soul, field.Field);
            if (field.State > sinceMs && (here is not { } known || IsNewer(field, known)))
            {
                world.Report("I2", client.Number,
                    $"the client has {Say(here)} for {soul} {field.Field}; its relay has {Say(field)}");
            }
        }
    }

    private static bool IsNewer(in StoredField left, in StoredField right) =>
        ReferenceOrder.Compare(left.State, left.Value, right.State, right.Value) > 0;

    private static string Say(StoredField? field) =>
        field is { } found ? FormattableString.Invariant($"{found.Value} at {found.State:R}") : "nothing";
}
