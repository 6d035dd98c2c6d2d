using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Weft.Node;

namespace Weft;

/// <summary>Adds a Weft peer to a host.</summary>
public static class WeftServiceCollectionExtensions
{
    /// <summary>
    /// Adds one peer that starts and stops with the host. Inject <see cref="WeftPeer"/>, <see cref="WeftNode"/> or
    /// <see cref="GraphSpace"/>; they are there once the host has started.
    /// </summary>
    /// <param name="services">The host's services.</param>
    /// <param name="describe">Overrides of section "Weft" of the configuration; null for none.</param>
    /// <exception cref="InvalidOperationException">There is a peer already: one host, one peer.</exception>
    public static IServiceCollection AddWeft(this IServiceCollection services, Action<WeftBuilder>? describe = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        if (services.Any(service => service.ServiceType == typeof(WeftHostedService)))
        {
            throw new InvalidOperationException("AddWeft was called twice; one host runs one peer.");
        }

        var builder = new WeftBuilder(services);
        describe?.Invoke(builder);
        services.AddOptions<WeftOptions>()
            .Configure<IServiceProvider>((options, provider) =>
            {
                IConfiguration? section = builder.Configuration
                    ?? provider.GetService<IConfiguration>()?.GetSection(WeftOptions.Section);
                if (section is not null)
                {
                    WeftOptionsReader.Read(section, options);
                }

                builder.Apply(options);
            })
            .ValidateOnStart();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<WeftOptions>, WeftOptionsRules>());
        services.AddSingleton(provider => new WeftHostedService(
            provider.GetRequiredService<IOptions<WeftOptions>>(),
            builder.OpenStore,
            provider.GetService<TimeProvider>(),
            provider.GetService<ILoggerFactory>()));
        services.AddSingleton<IHostedService>(provider => provider.GetRequiredService<WeftHostedService>());
        services.AddSingleton(provider => provider.GetRequiredService<WeftHostedService>().Peer);
        services.AddSingleton(provider => provider.GetRequiredService<WeftPeer>().Node);
        services.AddSingleton(provider => provider.GetRequiredService<WeftPeer>().Graph);
        return services;
    }

    /// <summary>The peer that <c>AddWeft</c> added, or null before the host has started.</summary>
    public static WeftPeer? FindWeftPeer(this IServiceProvider services) =>
        services.GetService<WeftHostedService>()?.PeerOrNull;

    /// <summary>Adds the checks "weft-live" (tag "live") and "weft-ready" (tag "ready").</summary>
    public static IHealthChecksBuilder AddWeft(this IHealthChecksBuilder checks)
    {
        ArgumentNullException.ThrowIfNull(checks);
        checks.Add(new("weft-live", provider => new WeftLiveCheck(provider.GetRequiredService<WeftHostedService>()),
            failureStatus: null, tags: ["live"]));
        checks.Add(new("weft-ready", provider => new WeftReadyCheck(provider.GetRequiredService<WeftHostedService>()),
            failureStatus: null, tags: ["ready"]));
        checks.Add(new("weft-synced", provider => new WeftSyncedCheck(provider.GetRequiredService<WeftHostedService>()),
            failureStatus: null, tags: ["synced"]));
        return checks;
    }
}
