public import AEAD

/// Turns bursts of ESP packets into frames for an endpoint; one for each receive thread.
///
/// Frames leave in the order in which their packets came. What is pending after a burst leaves with ``flush(output:sink:)``, or when
/// the next burst does not continue it.
public struct Opener: Sendable {
    /// What was dropped, and why.
    public private(set) var drops = ESPDropCounters()
    @usableFromInline var joiner: Joiner

    /// Makes an opener.
    ///
    /// - Parameters:
    ///   - joinsTCP: Whether TCP segments are joined: the TAP takes TCP super-packets.
    ///   - joinsUDP: Whether UDP datagrams are joined: the TAP takes UDP super-packets (TUN_F_USO4 and 6, Linux 6.2).
    public init(joinsTCP: Bool = true, joinsUDP: Bool = true) {
        joiner = Joiner(joinsTCP: joinsTCP, joinsUDP: joinsUDP)
    }

    /// Opens a burst.
    ///
    /// - Parameters:
    ///   - burst: The UDP payload of one or more datagrams, one behind the other.
    ///   - segmentByteCount: The bytes of each but the last, as UDP_GRO says; 0 for one datagram.
    ///   - table: The associations.
    ///   - cipher: The thread's ciphers; the slots are the table's.
    ///   - output: The opener's buffer, of ``ESPLimits/joinBufferByteCount``; the same memory until the next flush.
    ///   - sink: Where frames go.
    @inlinable
    public mutating func open<
        Table: ReceiveTable & ~Copyable, Cipher: PacketCipher & ~Copyable, Sink: FrameSink & ~Copyable
    >(
        _ burst: Span<UInt8>, segmentByteCount: Int, table: inout Table, cipher: inout Cipher,
        output: inout MutableSpan<UInt8>, sink: inout Sink
    ) {
        precondition(output.count >= ESPLimits.joinBufferByteCount, "the opener's buffer is too small")
        let step = segmentByteCount > 0 ? segmentByteCount : burst.count
        var start = 0
        while start < burst.count {
            let count = min(step, burst.count &- start)
            openPacket(burst, start, count, &table, &cipher, &output, &sink)
            start &+= count
        }
    }

    /// Delivers what is pending. Due before the thread waits for more, so that nothing is held for a timer.
    @inlinable
    public mutating func flush<Sink: FrameSink & ~Copyable>(output: inout MutableSpan<UInt8>, sink: inout Sink) {
        guard let frame = joiner.finish(&output) else { return }
        sink.deliver(output.span.extracting(frame.start..<frame.end), slot: frame.slot, packets: frame.packets)
    }

    @inlinable
    mutating func openPacket<
        Table: ReceiveTable & ~Copyable, Cipher: PacketCipher & ~Copyable, Sink: FrameSink & ~Copyable
    >(
        _ burst: Span<UInt8>, _ start: Int, _ count: Int, _ table: inout Table, _ cipher: inout Cipher,
        _ output: inout MutableSpan<UInt8>, _ sink: inout Sink
    ) {
        // 1. What can be refused without a look at the table.
        if let reason = Self.refusal(burst, start, count) { return drop(reason) }

        // 2. Whose is it?
        let spi = burst.load32(start)
        let slot: Int
        switch table.lookup(spi: spi) {
        case .slot(let found): slot = found
        case .drop(let reason): return drop(reason)
        }

        // 3. Is it new? The window moves only when the packet proves to be authentic.
        let low = burst.load32(start &+ 4)
        let level = cipher.level(of: slot)?.rawValue
        let admission = table.withAssociation(slot) { Self.admit(low, level, &$0) }
        guard admission.drop == nil else {
            if let reason = admission.drop { drop(reason) }
            return
        }
        let sequence = admission.sequence

        // 4. Open it to behind what is pending, so that it need not be moved.
        let sealed = count &- ESPLimits.fixedByteCount
        if !joiner.hasRoom(sealed, output) { flush(output: &output, sink: &sink) }
        let target = joiner.target
        joiner.keep(&output)
        let isAuthentic = cipher.open(
            slot, spi: spi, sequence: sequence, iv: burst.load64(start &+ ESPLimits.espHeaderByteCount), source: burst,
            from: start &+ ESPLimits.headerByteCount, count: sealed, destination: &output, to: target)
        guard isAuthentic else {
            joiner.restore(&output)
            table.withAssociation(slot) { $0.failures &+= 1 }
            return drop(.authentication)
        }

        // 5. Now it counts. Then: what is in it?
        let packet: InnerPacket
        switch Self.read(output, target, sealed) {
        case .packet(let found): packet = found
        case .drop(let reason):
            joiner.restore(&output)
            table.withAssociation(slot) { Self.count(&$0, sequence, nil, reason) }
            return drop(reason)
        }
        table.withAssociation(slot) { Self.count(&$0, sequence, packet.byteCount, nil) }

        // 6. Join it, or let the pending packet go before it.
        switch joiner.join(&output, packet, slot: slot) {
        case .joined: return
        case .last: return flush(output: &output, sink: &sink)
        case .separate: break
        }
        let aside = joiner.headerByteCount
        flush(output: &output, sink: &sink)
        joiner.bringBack(&output, to: target, count: aside)
        guard let frame = joiner.start(&output, packet, slot: slot, wire: admission.wire) else { return }
        sink.deliver(output.span.extracting(frame.start..<frame.end), slot: frame.slot, packets: frame.packets)
    }

    /// What a packet can be refused for without knowing its association.
    @usableFromInline
    static func refusal(_ burst: Span<UInt8>, _ start: Int, _ count: Int) -> ESPDrop? {
        if count == 1, burst[start] == 0xff { return .keepalive }
        guard count >= 4 else { return .malformed }
        guard burst.load32(start) != 0 else { return .notESP }
        // What is sealed is never shorter than a trailer and always aligned (RFC 4303, section 2.4).
        guard count >= ESPLimits.minimumPacketByteCount,
            (count &- ESPLimits.fixedByteCount) & (ESPLimits.alignment &- 1) == 0,
            count <= ESPLimits.maximumPathMTU
        else { return .malformed }
        return nil
    }

    /// What the association says of a packet before it was opened.
    @usableFromInline struct Admission {
        @usableFromInline let drop: ESPDrop?
        @usableFromInline let sequence: UInt64
        @usableFromInline let wire: UInt32

        @usableFromInline
        init(drop: ESPDrop?, sequence: UInt64, wire: UInt32) {
            self.drop = drop
            self.sequence = sequence
            self.wire = wire
        }
    }

    @usableFromInline
    static func admit(_ low: UInt32, _ level: UInt8?, _ association: inout ReceiveAssociation) -> Admission {
        guard level == association.rawLevel else {
            association.refusals &+= 1
            return Admission(drop: .levelMismatch, sequence: 0, wire: 0)
        }
        switch association.window.verdict(low: low) {
        case .fresh(let sequence): return Admission(drop: nil, sequence: sequence, wire: association.wire)
        case .replay:
            association.replays &+= 1
            return Admission(drop: .replay, sequence: 0, wire: 0)
        case .tooOld:
            association.replays &+= 1
            return Admission(drop: .tooOld, sequence: 0, wire: 0)
        }
    }

    /// An authentic packet moves the window whatever is in it, or it could be sent again.
    @usableFromInline
    static func count(_ association: inout ReceiveAssociation, _ sequence: UInt64, _ bytes: Int?, _ reason: ESPDrop?) {
        association.window.accept(sequence)
        association.packets &+= 1
        if let bytes { association.bytes &+= UInt64(truncatingIfNeeded: bytes) }
        if let reason, reason != .dummy { association.refusals &+= 1 }
    }

    @usableFromInline enum Reading {
        case packet(InnerPacket)
        case drop(ESPDrop)
    }

    @usableFromInline
    static func read(_ output: borrowing MutableSpan<UInt8>, _ start: Int, _ count: Int) -> Reading {
        do {
            return .packet(try InnerPacket(output, start: start, end: start &+ count))
        } catch {
            return .drop(error)
        }
    }

    @usableFromInline
    mutating func drop(_ reason: ESPDrop) { drops.count(reason) }
}
