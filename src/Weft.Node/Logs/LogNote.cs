using System.Buffers;
using System.Text;
using Weft.Log;
using Weft.Primitives;

namespace Weft.Node.Logs;

/// <summary>What a node notes about a log, beside the log itself. It holds secrets: its text shows none.</summary>
internal sealed record LogNote
{
    private const byte Version = 1;
    private const int FollowedFlag = 1;
    private const int HistoryFlag = 2;
    private const int NameBytesMax = 256;

    public string? Name { get; init; }

    /// <summary>32 bytes that sign; empty for someone else's log.</summary>
    public byte[] Seed { get; init; } = [];

    /// <summary>32 bytes that encrypt blocks; empty for plain ones.</summary>
    public byte[] Secret { get; init; } = [];

    public bool IsFollowed { get; init; }

    /// <summary>True when it holds the history of a prefix.</summary>
    public bool IsHistory { get; init; }

    public byte[] Write()
    {
        var target = new ArrayBufferWriter<byte>();
        target.Write([Version, (byte)((IsFollowed ? FollowedFlag : 0) | (IsHistory ? HistoryFlag : 0))]);
        foreach (byte[] part in (byte[][])[Encoding.UTF8.GetBytes(Name ?? ""), Seed, Secret])
        {
            target.Advance(Uvarint.Write(target.GetSpan(Uvarint.BytesMax), (ulong)part.Length));
            target.Write(part);
        }

        return target.WrittenSpan.ToArray();
    }

    /// <summary>Reads a note; null when it is not one this version knows.</summary>
    public static LogNote? Read(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
        {
            return new LogNote();
        }

        if (bytes.Length < 2 || bytes[0] != Version)
        {
            return null;
        }

        bool isFollowed = (bytes[1] & FollowedFlag) != 0;
        bool isHistory = (bytes[1] & HistoryFlag) != 0;
        ReadOnlySpan<byte> rest = bytes[2..];
        bool isRead = TryPart(ref rest, NameBytesMax, out byte[] name);
        isRead &= TryPart(ref rest, Hash32.Length, out byte[] seed);
        isRead &= TryPart(ref rest, Hash32.Length, out byte[] secret);
        return !isRead || seed.Length is not (0 or Hash32.Length) || secret.Length is not (0 or Hash32.Length)
            ? null
            : new LogNote
            {
                Name = name.Length == 0 ? null : Encoding.UTF8.GetString(name),
                Seed = seed,
                Secret = secret,
                IsFollowed = isFollowed,
                IsHistory = isHistory,
            };
    }

    public override string ToString() => $"(log note {Name})";

    private static bool TryPart(ref ReadOnlySpan<byte> rest, int max, out byte[] part)
    {
        part = [];
        if (Uvarint.Read(rest, out ulong length, out int used) != OperationStatus.Done
            || length > (ulong)max || (int)length > rest.Length - used)
        {
            return false;
        }

        part = rest.Slice(used, (int)length).ToArray();
        rest = rest[(used + (int)length)..];
        return true;
    }
}
