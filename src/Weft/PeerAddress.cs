namespace Weft;

/// <summary>Reads the address of a peer to dial.</summary>
public static class PeerAddress
{
    /// <summary>
    /// Reads a ws:// or wss:// URL (http and https are taken as those); without a path, /gun is meant.
    /// </summary>
    /// <param name="text">At most 2,048 characters; no user, no password, no fragment.</param>
    /// <returns>Null when it is not the address of a peer.</returns>
    public static Uri? Parse(string? text)
    {
        if (string.IsNullOrWhiteSpace(text) || text.Length > 2_048
            || !Uri.TryCreate(text, UriKind.Absolute, out Uri? uri)
            || uri.UserInfo.Length > 0 || uri.Fragment.Length > 0 || uri.Host.Length == 0)
        {
            return null;
        }

        string? scheme = uri.Scheme switch
        {
            "ws" or "http" => "ws",
            "wss" or "https" => "wss",
            _ => null,
        };
        if (scheme is null)
        {
            return null;
        }

        var builder = new UriBuilder(uri) { Scheme = scheme, Port = uri.Port };
        if (builder.Path is "" or "/")
        {
            builder.Path = "/gun";
        }

        return builder.Uri;
    }
}
