import NetTypes
import PacketFormats
import Testing

/// Changes frames of the corpus at random and lets every reader look at them.
///
/// Nobody traps, and what is read can be written: reading that again gives the same value.
@Suite("Fuzzing of the readers")
struct FuzzTests {
    static let seed: UInt64 = 0x5eed_f022
    /// Frames of one worker; four workers look at 200,000.
    static let rounds = 50_000

    @Test("1: mutated frames", arguments: [seed, seed + 10, seed + 20, seed + 30])
    func mutated(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var read = 0
        for round in 0..<Self.rounds {
            let frame = Self.mutate(using: &random)
            if let problem = Self.check(frame, read: &read) {
                Issue.record("seed \(seed), round \(round): \(problem); frame \(frame)")
                return
            }
        }
        // A fuzzer whose frames are all refused at the door tests nothing.
        #expect(read > Self.rounds / 2, "only \(read) headers were read; seed \(seed)")
    }

    /// A frame of the corpus after one to four changes, half of the time with its IPv4 checksum put right.
    static func mutate(using random: inout SeededGenerator) -> [UInt8] {
        var frame = corpus[Int(random.next() % UInt64(corpus.count))].bytes
        for _ in 0...(random.next() % 4) {
            guard !frame.isEmpty else { break }
            let at = Int(random.next() % UInt64(frame.count))
            switch random.next() % 8 {
            case 0: frame[at] ^= 1 << UInt8(random.next() % 8)
            case 1: frame[at] = UInt8(truncatingIfNeeded: random.next())
            case 2: frame[at] = [0, 1, 0x7f, 0x80, 0xff][Int(random.next() % 5)]
            case 3: frame.removeLast(Int(random.next() % UInt64(min(frame.count, 24))))
            case 4: frame.append(contentsOf: repeatElement(UInt8(truncatingIfNeeded: random.next()), count: at))
            case 5: frame.remove(at: at)
            case 6: frame.insert(UInt8(truncatingIfNeeded: random.next()), at: at)
            // Another next header or protocol, where the fixed headers have theirs.
            default:
                let place = frame[safe: 12] == 0x08 ? 23 : 20
                if place < frame.count { frame[place] = nextHeaders[Int(random.next() % UInt64(nextHeaders.count))] }
            }
        }
        if random.next() % 2 == 0, frame.count >= 34, frame[12] == 0x08 { frame = frame.withIPv4Checksum() }
        return frame
    }

    static let nextHeaders: [UInt8] = [0, 1, 6, 17, 43, 44, 47, 50, 51, 58, 59, 60, 132, 135, 139, 140, 255]

    /// Lets every reader look at a frame; gives what is wrong, if anything is.
    static func check(_ frame: [UInt8], read: inout Int) -> String? {
        let packet = try? FirstPacket(parsing: frame)
        let completed = completingChecksum(frame)
        if completed.count != frame.count { return "completing a checksum changed the length" }
        if let answer = TooBig(refusing: frame, mtu: 1_400)?.frame, TooBig(refusing: answer, mtu: 1_400) != nil {
            return "an error is answered"
        }
        guard let ethernet = try? EthernetHeader(parsing: frame.span) else { return packet == nil ? nil : "no header" }
        read += 1
        let payload = frame.from(14)
        if !same(ethernet, 14, { try EthernetHeader(parsing: $0) }, { $1.emit(into: &$0) }) { return "Ethernet" }
        switch ethernet.etherType {
        case .arp:
            guard let arp = try? ARPPacket(parsing: payload.span) else { break }
            if !same(arp, arp.byteCount, { try ARPPacket(parsing: $0) }, { $1.emit(into: &$0) }) { return "ARP" }
        case .ipv4:
            guard let header = try? IPv4Header(parsing: payload.span) else { break }
            let rest = Int(header.totalLength) - header.byteCount
            if !same(header, header.byteCount, padding: rest, { try IPv4Header(parsing: $0) }, { $1.emit(into: &$0) }) {
                return "IPv4"
            }
            guard let upper = try? UpperLayer(of: header, in: payload.span) else { return "IPv4 without upper layer" }
            return checkUpper(upper, payload, nil)
        case .ipv6:
            guard let header = try? IPv6Header(parsing: payload.span) else { break }
            let rest = Int(header.payloadLength)
            if !same(header, 40, padding: rest, { try IPv6Header(parsing: $0) }, { $1.emit(into: &$0) }) {
                return "IPv6"
            }
            guard let upper = try? UpperLayer(of: header, in: payload.span) else { break }
            return checkUpper(upper, payload, header)
        default: break
        }
        return nil
    }

    static func checkUpper(_ upper: UpperLayer, _ packet: [UInt8], _ header: IPv6Header?) -> String? {
        if upper.offset + upper.byteCount > packet.count { return "upper layer beyond the packet" }
        if upper.ports != nil, upper.isLaterFragment || ![.tcp, .udp].contains(upper.protocolNumber) { return "ports" }
        let message = Array(packet[upper.offset..<upper.offset + upper.byteCount])
        if let udp = try? UDPHeader(parsing: message.span) {
            if !same(udp, 8, padding: Int(udp.length) - 8, { try UDPHeader(parsing: $0) }, { $1.emit(into: &$0) }) {
                return "UDP"
            }
            if let vxlan = try? VXLANFrame(parsing: message.from(8).span),
                (try? VXLANFrame(parsing: vxlan.bytes.span)) != vxlan
            {
                return "VXLAN"
            }
        }
        guard let header else { return nil }
        if !sameMessage(NeighborSolicitation.self, message, header) { return "neighbor solicitation" }
        if !sameMessage(NeighborAdvertisement.self, message, header) { return "neighbor advertisement" }
        if !sameMessage(RouterSolicitation.self, message, header) { return "router solicitation" }
        if !sameMessage(RouterAdvertisement.self, message, header) { return "router advertisement" }
        if !sameMessage(PacketTooBig.self, message, header) { return "packet too big" }
        return nil
    }

    /// Whether a value that was written and read again is the same.
    static func same<Value: Equatable>(
        _ value: Value, _ byteCount: Int, padding: Int = 0, _ parse: (Span<UInt8>) throws -> Value,
        _ emit: (inout OutputSpan<UInt8>, Value) -> Void
    ) -> Bool {
        let bytes = written(byteCount) { emit(&$0, value) } + [UInt8](repeating: 0, count: padding)
        return bytes.count == byteCount + padding && (try? parse(bytes.span)) == value
    }

    /// Whether a message, if it is one of its kind, is the same after it was written and read again.
    static func sameMessage<Message: ICMPv6Message>(
        _ kind: Message.Type, _ bytes: [UInt8], _ header: IPv6Header
    ) -> Bool {
        guard let message = try? Message(parsing: bytes.span, in: header) else { return true }
        let again = message.bytes(source: header.source, destination: header.destination)
        return again.count == message.byteCount && (try? Message(parsing: again.span, in: header)) == message
    }

    @Test("2: discovery messages with random bodies and a right checksum")
    func discovery() {
        var random = SeededGenerator(seed: Self.seed + 1)
        let header = IPv6Header(
            source: IPv6Address(0xfe80 << 112 | 1), destination: FirstPacketTests.b6, nextHeader: .icmpv6,
            payloadByteCount: 0, hopLimit: 255)
        var read = 0
        for round in 0..<20_000 {
            let type = [133, 134, 135, 136, 2][Int(random.next() % 5)] as UInt8
            let units = Int(random.next() % 4)
            var message: [UInt8] = [type, 0, 0, 0]
            let fixed = [133: 4, 134: 12, 135: 20, 136: 20, 2: 4][Int(type)] ?? 0
            message += (0..<fixed).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            if type >= 135 { message[8] = 0xfd }
            for _ in 0..<units {
                let option = [1, 2, 3, 5, 14, 25][Int(random.next() % 6)] as UInt8
                let length = random.next() % 8 == 0 ? Int(random.next() % 6) : (option == 3 ? 4 : 1)
                message += [option, UInt8(length)]
                message += (0..<max(6, length * 8 - 2)).map { _ in UInt8(truncatingIfNeeded: random.next() % 129) }
            }
            let sum = ~dumbSum(
                pseudoHeader(header.source.octets, header.destination.octets, 58, message.count) + message)
            message[2] = UInt8(sum >> 8)
            message[3] = UInt8(sum & 255)
            read += (try? RouterAdvertisement(parsing: message.span, in: header)) == nil ? 0 : 1
            read += (try? NeighborSolicitation(parsing: message.span, in: header)) == nil ? 0 : 1
            let good =
                Self.sameMessage(NeighborSolicitation.self, message, header)
                && Self.sameMessage(NeighborAdvertisement.self, message, header)
                && Self.sameMessage(RouterSolicitation.self, message, header)
                && Self.sameMessage(RouterAdvertisement.self, message, header)
                && Self.sameMessage(PacketTooBig.self, message, header)
            #expect(good, "seed \(Self.seed + 1), round \(round), message \(message)")
        }
        #expect(read > 2_000, "only \(read) messages were read")
    }
}

extension [UInt8] {
    subscript(safe index: Int) -> UInt8? { indices.contains(index) ? self[index] : nil }
}
