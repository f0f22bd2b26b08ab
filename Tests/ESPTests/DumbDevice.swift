/// What a network device does with a frame that was left to it, written for being read and not for speed: the reference
/// for sealing, and what stands behind the TAP when frames come back.
enum DumbDevice {
    /// The packets that leave: the frame's checksum completed, a super-packet cut.
    ///
    /// - Parameter innerMTU: TCP's segments are made this small.
    /// - Returns: nil where a packet is too long.
    static func packets(of frame: TestFrame, innerMTU: Int) -> [[UInt8]]? {
        var packet = trimmed(frame)
        guard frame.kind & 0x7f != 0 else {
            if frame.flags & 1 != 0 {
                let start = Int(frame.checksumStart) - 14
                let field = start + Int(frame.checksumOffset)
                let sum = ~dumbSum(Array(packet[start...]))
                packet.replaceSubrange(field..<field + 2, with: be16(sum == 0 ? 0xffff : sum))
            }
            guard frame.etherType == 0x0800 || frame.etherType == 0x86dd else {
                let whole: [UInt8] = [0x02, 0x50, 0, 0, 0, 0, 0x02, 0x50, 0, 0, 0, 9] + be16(frame.etherType) + packet
                return whole.count + 2 <= innerMTU ? [whole] : nil
            }
            return packet.count <= innerMTU ? [packet] : nil
        }
        let isTCP = frame.kind & 0x7f != 5
        let transport = Int(frame.checksumStart) - 14
        let headers = transport + (isTCP ? Int(packet[transport + 12] >> 4) * 4 : 8)
        let payload = Array(packet[headers...])
        var size = min(Int(frame.segmentByteCount), payload.count)
        if headers + size > innerMTU {
            guard isTCP, innerMTU > headers else { return nil }
            size = innerMTU - headers
        }
        return stride(from: 0, to: payload.count, by: size).enumerated().map { number, start in
            segment(
                Array(packet[..<headers]), Array(payload[start..<min(start + size, payload.count)]), number: number,
                offset: start, isLast: start + size >= payload.count, isTCP: isTCP, transport: transport)
        }
    }

    private static func segment(
        _ headers: [UInt8], _ payload: [UInt8], number: Int, offset: Int, isLast: Bool, isTCP: Bool, transport: Int
    ) -> [UInt8] {
        var headers = headers
        let isIPv6 = headers[0] >> 4 == 6
        let total = headers.count + payload.count
        if isIPv6 {
            headers.replaceSubrange(4..<6, with: be16(UInt16(total - 40)))
        } else {
            headers.replaceSubrange(2..<4, with: be16(UInt16(total)))
            headers.replaceSubrange(4..<6, with: be16(value16(headers, 4) &+ UInt16(truncatingIfNeeded: number)))
            headers.replaceSubrange(10..<12, with: [0, 0])
            headers.replaceSubrange(10..<12, with: be16(~dumbSum(Array(headers[..<transport]))))
        }
        let field: Int
        if isTCP {
            headers.replaceSubrange(
                transport + 4..<transport + 8, with: be32(value32(headers, transport + 4) &+ UInt32(offset)))
            if !isLast { headers[transport + 13] &= ~0x09 }
            if number > 0 { headers[transport + 13] &= ~0x80 }
            field = transport + 16
        } else {
            headers.replaceSubrange(transport + 4..<transport + 6, with: be16(UInt16(total - transport)))
            field = transport + 6
        }
        headers.replaceSubrange(field..<field + 2, with: [0, 0])
        let addresses = Array(isIPv6 ? headers[8..<40] : headers[12..<20])
        let upper = Array(headers[transport...]) + payload
        let sum = ~dumbSum(addresses + be32(UInt32(upper.count)) + [0, 0, 0, isTCP ? 6 : 17] + upper)
        headers.replaceSubrange(field..<field + 2, with: be16(!isTCP && sum == 0 ? 0xffff : sum))
        return headers + payload
    }

    /// The packet without what Ethernet filled it up with.
    private static func trimmed(_ frame: TestFrame) -> [UInt8] {
        switch frame.etherType {
        case 0x0800: Array(frame.packet.prefix(Int(value16(frame.packet, 2))))
        case 0x86dd: Array(frame.packet.prefix(40 + Int(value16(frame.packet, 4))))
        default: frame.packet
        }
    }
}
