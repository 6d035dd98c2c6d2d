// Usernames without a server that owns them: signed profiles that relays keep.
//   dotnet run -c Release --project samples/ProfileRegistry -- publish ./ada ada "Ada Lovelace" RELAY
//   dotnet run -c Release --project samples/ProfileRegistry -- resolve ./bob ada RELAY
return await ProfileRegistry.RegistryApp.RunAsync(args, Console.Out);
