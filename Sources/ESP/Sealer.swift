public import AEAD

/// Turns frames of an endpoint into bursts of ESP packets; one for each transmit thread.
///
/// 1. ``begin(_:byteCount:path:)`` reads a frame; 2. ``seal(_:frame:association:slot:cipher:burst:output:)`` adds as much of
/// it as fits to a burst, and is called again after the burst was sent, until it is done.
public struct Sealer: Sendable {
    /// What was dropped, and why.
    public private(set) var drops = ESPDropCounters()

    /// Makes a sealer that has dropped nothing.
    public init() {}

    /// The wire's slot out of a frame's destination address, 02:50 and four bytes; nil for any other address.
    ///
    /// - Parameter frame: virtio_net_hdr, Ethernet header, packet.
    public static func wire(of frame: Span<UInt8>) -> UInt32? {
        guard frame.count >= ESPLimits.packetOffset,
            frame.load16(ESPLimits.vnetHeaderByteCount) == WireAddress.prefix
        else { return nil }
        return frame.load32(ESPLimits.vnetHeaderByteCount &+ 2)
    }

    /// Reads a frame, without sealing anything.
    ///
    /// - Parameters:
    ///   - frame: virtio_net_hdr, Ethernet header, packet, and ``ESPLimits/tailroomByteCount`` bytes behind them. Its
    ///     bytes are changed here and while it is sealed.
    ///   - byteCount: The bytes of the frame without the tail room.
    ///   - path: The way to the peer.
    public mutating func begin(_ frame: inout MutableSpan<UInt8>, byteCount: Int, path: ESPPath) -> SealStart {
        precondition(byteCount >= 0 && byteCount <= frame.count &- ESPLimits.tailroomByteCount, "no tail room")
        do {
            return .ready(try SealJob(&frame, byteCount: byteCount, path: path))
        } catch {
            drops.count(error)
            return error == .tooBig ? .tooBig(innerMTU: path.innerMTU) : .dropped(error)
        }
    }

    /// Seals the next segments of a frame into a burst, as many as fit.
    ///
    /// The sequence number of each is in the association before it is sealed.
    ///
    /// - Parameters:
    ///   - job: The frame, from ``begin(_:byteCount:path:)``.
    ///   - frame: The same bytes as there.
    ///   - association: The queue's way to the peer.
    ///   - slot: The association's cipher slot.
    ///   - cipher: The thread's ciphers.
    ///   - burst: What stands in `output` already; all for the same destination.
    ///   - output: The burst's buffer, of ``ESPLimits/burstBufferByteCount``.
    @inlinable
    public mutating func seal<Cipher: PacketCipher & ~Copyable>(
        _ job: inout SealJob, frame: inout MutableSpan<UInt8>, association: inout TransmitAssociation, slot: Int,
        cipher: inout Cipher, burst: inout Burst, output: inout MutableSpan<UInt8>
    ) -> SealProgress {
        precondition(output.count >= ESPLimits.burstBufferByteCount, "the burst's buffer is too small")
        // 1. A wire that demands one level never sends at another, whatever a table may hold.
        guard let level = cipher.level(of: slot), level.rawValue == association.rawLevel,
            association.rawLevel == association.path.rawLevel
        else { return drop(.levelMismatch, &association) }
        while !job.isDone {
            // 2. A number and a place.
            let sequence = association.sequence &+ 1
            guard sequence != 0 else { return drop(.sequenceExhausted, &association) }
            let before = burst
            guard burst.add(job.nextPacketByteCount) else { return .burstFull }
            association.sequence = sequence

            // 3. SPI, low half of the number, vector; the number is the vector too, since it is never used twice.
            let start = before.byteCount
            output.store(association.spi, at: start)
            output.store(UInt32(truncatingIfNeeded: sequence), at: start &+ 4)
            output.store(sequence, at: start &+ ESPLimits.espHeaderByteCount)

            // 4. The cipher is the copy.
            let piece = job.prepare(&frame)
            let isSealed = cipher.seal(
                slot, spi: association.spi, sequence: sequence, iv: sequence, source: frame.span, from: piece.start,
                count: piece.count, destination: &output, to: start &+ ESPLimits.headerByteCount)
            job.finish(piece, &frame)
            guard isSealed else {
                burst = before
                return drop(.cipher, &association)
            }
            association.packets &+= 1
            association.bytes &+= UInt64(truncatingIfNeeded: piece.inner)
        }
        return .done
    }

    @usableFromInline
    mutating func drop(_ reason: ESPDrop, _ association: inout TransmitAssociation) -> SealProgress {
        drops.count(reason)
        association.refusals &+= 1
        return .dropped(reason)
    }
}

/// What came of reading a frame.
public enum SealStart: Sendable {
    /// It can be sealed.
    case ready(SealJob)
    /// It is longer than the path takes, and its sender is to be told (RFC 1191, RFC 8201).
    case tooBig(innerMTU: Int)
    /// It was dropped and counted.
    case dropped(ESPDrop)
}

/// How far the sealing of a frame has come.
public enum SealProgress: Hashable, Sendable {
    /// All of the frame is in the burst, which may not be full.
    case done
    /// The burst has to be sent, and the rest sealed into an empty one.
    case burstFull
    /// The rest of the frame was dropped and counted. What the burst holds is good.
    case dropped(ESPDrop)
}
