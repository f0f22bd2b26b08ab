import NetTypes
import PacketFormats

/// A small generator of random numbers with a seed, SplitMix64, for tests that can be repeated.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

/// The deliberately dumb checksum: adds one word at a time and carries at once.
func dumbSum(_ bytes: [UInt8]) -> UInt16 {
    let padded = bytes.count % 2 == 0 ? bytes : bytes + [0]
    var sum = 0
    for index in stride(from: 0, to: padded.count, by: 2) {
        sum += Int(padded[index]) * 256 + Int(padded[index + 1])
        if sum > 0xffff { sum = sum - 0x10000 + 1 }
    }
    return UInt16(sum)
}

/// The pseudo-headers of RFC 768 and RFC 8200, as bytes.
func pseudoHeader(_ source: [UInt8], _ destination: [UInt8], _ protocolNumber: UInt8, _ length: Int) -> [UInt8] {
    let count = [UInt8(length >> 24 & 255), UInt8(length >> 16 & 255), UInt8(length >> 8 & 255), UInt8(length & 255)]
    return source.count == 4
        ? source + destination + [0, protocolNumber] + count[2...]
        : source + destination + count + [0, 0, 0, protocolNumber]
}

extension [UInt8] {
    /// The bytes from an offset on.
    func from(_ offset: Int) -> [UInt8] { Array(dropFirst(offset)) }

    /// The bytes with one of them replaced.
    func with(_ offset: Int, _ value: UInt8) -> [UInt8] {
        var copy = self
        copy[offset] = value
        return copy
    }

    /// The frame with a right checksum in its IPv4 header of 20 bytes.
    func withIPv4Checksum() -> [UInt8] {
        var copy = self
        copy[24] = 0
        copy[25] = 0
        let sum = ~dumbSum(Array(copy[14..<34]))
        copy[24] = UInt8(sum >> 8)
        copy[25] = UInt8(sum & 255)
        return copy
    }
}

/// Writes a header into bytes of its own.
func written(_ byteCount: Int, _ emit: (inout OutputSpan<UInt8>) -> Void) -> [UInt8] {
    [UInt8](capacity: byteCount) { output in emit(&output) }
}
