using System.Buffers;
using System.Text;
using Weft.Primitives;

namespace Weft.Protocols.Multistream;

/// <summary>How a negotiation stands.</summary>
public enum MultistreamState
{
    /// <summary>More bytes of the other side are needed.</summary>
    Running = 0,

    /// <summary>A protocol was agreed on; what follows on the stream belongs to it.</summary>
    Agreed,

    /// <summary>The other side speaks none of ours.</summary>
    Refused,

    /// <summary>The other side broke the protocol, or asked too often.</summary>
    Broken,
}

/// <summary>
/// Agrees with the other side on the protocol of a stream or connection. The dialler sends header and first proposal in
/// one go; either side may send its header first.
/// </summary>
/// <remarks>
/// Pure; one caller at a time. Source: libp2p specs, connections/README.md, "multistream-select"; multiformats,
/// multistream-select.
/// </remarks>
public sealed class MultistreamCore
{
    /// <summary>The header either side begins with.</summary>
    public const string Header = "/multistream/1.0.0";

    /// <summary>Bytes of the longest line, its length not counted.</summary>
    public const int LineBytesMax = 1_024;

    /// <summary>Proposals a listener answers before it gives up.</summary>
    public const int ProposalsMax = 32;

    private const string NotAvailable = "na";
    private const string ListQuestion = "ls";

    private readonly IReadOnlyList<string> _offered;
    private readonly Func<string, bool> _isServed;
    private readonly bool _isDialler;
    private bool _hasHeader;
    private int _proposal;

    private MultistreamCore(bool isDialler, IReadOnlyList<string> offered, Func<string, bool> isServed)
    {
        _isDialler = isDialler;
        _offered = offered;
        _isServed = isServed;
    }

    /// <summary>How it stands.</summary>
    public MultistreamState State { get; private set; }

    /// <summary>The protocol agreed on, or null.</summary>
    public string? Protocol { get; private set; }

    /// <summary>Begins as the side that proposes.</summary>
    /// <param name="protocols">1 and up, the best first.</param>
    /// <param name="output">Takes header and first proposal.</param>
    public static MultistreamCore Dial(IReadOnlyList<string> protocols, IBufferWriter<byte> output)
    {
        ArgumentOutOfRangeException.ThrowIfZero(protocols.Count);
        var core = new MultistreamCore(isDialler: true, protocols, _ => false);
        WriteLine(Header, output);
        WriteLine(protocols[0], output);
        return core;
    }

    /// <summary>Begins as the side that is asked.</summary>
    /// <remarks>
    /// It sends nothing before the other side's header has come: js-libp2p loses what arrives in the same moment as the
    /// answer to its WebSocket request, and header and agreement in one go save a packet.
    /// </remarks>
    /// <param name="isServed">Tells whether a protocol is spoken here.</param>
    public static MultistreamCore Listen(Func<string, bool> isServed) => new(isDialler: false, [], isServed);

    /// <summary>Takes what came.</summary>
    /// <param name="bytes">Everything that came and was not taken yet.</param>
    /// <param name="output">Takes what is to be sent.</param>
    /// <returns>How many bytes were taken. Once agreed, the rest belongs to the protocol.</returns>
    public int OnBytes(ReadOnlySpan<byte> bytes, IBufferWriter<byte> output)
    {
        int taken = 0;
        while (State == MultistreamState.Running)
        {
            OperationStatus status = TryReadLine(bytes[taken..], out string line, out int used);
            if (status == OperationStatus.NeedMoreData)
            {
                break;
            }

            taken += used;
            if (status == OperationStatus.InvalidData)
            {
                State = MultistreamState.Broken;
                break;
            }

            OnLine(line, output);
        }

        return taken;
    }

    private void OnLine(string line, IBufferWriter<byte> output)
    {
        if (!_hasHeader)
        {
            _hasHeader = true;
            State = line == Header ? MultistreamState.Running : MultistreamState.Broken;
            if (!_isDialler && State == MultistreamState.Running)
            {
                WriteLine(Header, output);
            }
        }
        else if (_isDialler)
        {
            OnAnswer(line, output);
        }
        else
        {
            OnProposal(line, output);
        }
    }

    private void OnAnswer(string line, IBufferWriter<byte> output)
    {
        if (line == _offered[_proposal])
        {
            Protocol = line;
            State = MultistreamState.Agreed;
        }
        else if (line != NotAvailable)
        {
            State = MultistreamState.Broken;
        }
        else if (++_proposal == _offered.Count)
        {
            State = MultistreamState.Refused;
        }
        else
        {
            WriteLine(_offered[_proposal], output);
        }
    }

    private void OnProposal(string line, IBufferWriter<byte> output)
    {
        if (line != ListQuestion && _isServed(line))
        {
            Protocol = line;
            State = MultistreamState.Agreed;
            WriteLine(line, output);
        }
        else if (++_proposal >= ProposalsMax)
        {
            State = MultistreamState.Broken;
        }
        else
        {
            WriteLine(NotAvailable, output); // "ls" is an old question that no specification asks for any more.
        }
    }

    private static void WriteLine(string line, IBufferWriter<byte> output)
    {
        int length = Encoding.UTF8.GetByteCount(line) + 1;
        Span<byte> prefix = stackalloc byte[Uvarint.BytesMax];
        output.Write(prefix[..Uvarint.Write(prefix, (ulong)length)]);
        Encoding.UTF8.GetBytes(line, output);
        output.Write("\n"u8);
    }

    private static OperationStatus TryReadLine(ReadOnlySpan<byte> bytes, out string line, out int used)
    {
        line = "";
        used = 0;
        OperationStatus status = Uvarint.Read(bytes, out ulong length, out int prefix);
        if (status != OperationStatus.Done)
        {
            return status;
        }

        if (length is 0 or > LineBytesMax)
        {
            return OperationStatus.InvalidData; // Refused on the length: nothing is waited for.
        }

        if ((ulong)(bytes.Length - prefix) < length)
        {
            return OperationStatus.NeedMoreData;
        }

        ReadOnlySpan<byte> text = bytes.Slice(prefix, (int)length);
        if (text[^1] != (byte)'\n')
        {
            return OperationStatus.InvalidData;
        }

        line = Encoding.UTF8.GetString(text[..^1]);
        used = prefix + (int)length;
        return OperationStatus.Done;
    }
}
