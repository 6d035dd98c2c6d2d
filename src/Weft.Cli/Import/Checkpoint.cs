using System.Text.Json;
using Weft.Cli.App;

namespace Weft.Cli.Import;

/// <summary>How far an import got: a small file beside the imported one, gone when the import is complete.</summary>
/// <param name="path">The checkpoint.</param>
/// <param name="length">Bytes of the imported file, so that another file is not taken for it.</param>
internal sealed class Checkpoint(string path, long length)
{
    /// <summary>The checkpoint of a file.</summary>
    public static string PathOf(string file) => file + ".weft-import";

    /// <summary>Where to go on: bytes and lines that are stored for certain.</summary>
    /// <exception cref="CliException">There is none, or it belongs to another file.</exception>
    public (long Bytes, long Lines) Read()
    {
        if (!File.Exists(path))
        {
            throw CliException.Usage($"there is no checkpoint {path}; nothing to resume", "leave out --resume");
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
            JsonElement root = document.RootElement;
            return root.GetProperty("length").GetInt64() == length
                ? (root.GetProperty("bytes").GetInt64(), root.GetProperty("lines").GetInt64())
                : throw CliException.Usage("the file changed since the checkpoint was made", "leave out --resume");
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException
            or FormatException)
        {
            throw CliException.Usage($"{path} is not a checkpoint", "delete it and leave out --resume");
        }
    }

    /// <summary>Notes the place, whole or not at all.</summary>
    /// <returns>False when the folder cannot be written.</returns>
    public bool TryWrite(long bytes, long lines)
    {
        try
        {
            string draft = path + ".tmp";
            File.WriteAllText(draft, $"{{\"length\":{length},\"bytes\":{bytes},\"lines\":{lines}}}\n");
            File.Move(draft, path, overwrite: true);
            return true;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false; // A read-only folder: the import works, only resuming does not.
        }
    }

    /// <summary>Takes it away.</summary>
    public void Delete()
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // It could not be made either.
        }
    }
}
