using TransportInterop;

// One end of libp2p's transport interoperability test; README.md says how it is run. Only the result goes to stdout.
try
{
    InteropSettings settings = InteropSettings.From(Environment.GetEnvironmentVariable);
    using var deadline = new CancellationTokenSource(settings.Timeout);
    Console.CancelKeyPress += (_, pressed) =>
    {
        pressed.Cancel = true;
        deadline.Cancel();
    };
    return await InteropEnd.RunAsync(settings, Console.Out, Console.Error, deadline.Token);
}
catch (Exception error) when (error is ArgumentException or FormatException)
{
    await Console.Error.WriteLineAsync(error.Message);
    return 2;
}
