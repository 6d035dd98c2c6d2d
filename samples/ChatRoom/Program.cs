// A chat room that nobody hosts: relays keep what is said, and who comes late reads all of it.
//   dotnet run -c Release --project samples/ChatRoom -- lobby ada RELAY
return await ChatRoom.ChatApp.RunAsync(args, Console.In, Console.Out);
