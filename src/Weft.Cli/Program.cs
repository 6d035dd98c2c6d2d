using Weft.Cli.App;

return await CliApp.RunAsync(args, CliHost.System());
