import AEAD
import Foundation
import Testing

/// A published question and its answer, from a file in `Resources`.
struct Vector: Sendable {
    let source: String
    let isValid: Bool
    let key: [UInt8]
    let nonce: [UInt8]
    let additional: [UInt8]
    let text: [UInt8]
    /// The bytes sealed, and the tag.
    let sealed: [UInt8]

    /// Reads all of a file.
    static func load(_ name: String) throws -> [Vector] {
        let url = try #require(
            Bundle.module.url(forResource: name, withExtension: "txt", subdirectory: "Resources"))
        return try String(contentsOf: url, encoding: .utf8).split(separator: "\n").filter { !$0.hasPrefix("#") }
            .map { line in
                let fields = line.split(separator: " ").map(String.init)
                try #require(fields.count == 7, "\(line)")
                return Vector(
                    source: fields[0], isValid: fields[1] == "valid", key: try bytes(hex: fields[2]),
                    nonce: try bytes(hex: fields[3]), additional: try bytes(hex: fields[4]),
                    text: try bytes(hex: fields[5]), sealed: try bytes(hex: fields[6]))
            }
    }
}

/// Reads hexadecimal digits; `-` is nothing.
func bytes(hex: String) throws -> [UInt8] {
    if hex == "-" { return [] }
    let digits = Array(hex.utf8)
    try #require(digits.count.isMultiple(of: 2))
    return try stride(from: 0, to: digits.count, by: 2).map { index in
        try #require(UInt8(String(decoding: digits[index..<index + 2], as: UTF8.self), radix: 16))
    }
}

/// A generator whose values follow from its seed (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return word ^ (word >> 31)
    }

    mutating func bytes(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 8)
        while bytes.count < count {
            let word = next()
            for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: word >> shift)) }
        }
        bytes.removeLast(bytes.count - count)
        return bytes
    }
}

extension PacketCipher where Self: ~Copyable {
    /// Seals into a new array; for tests only.
    mutating func sealed(_ slot: Int, nonce: [UInt8], additional: [UInt8], text: [UInt8]) -> [UInt8]? {
        var output = [UInt8](repeating: 0, count: text.count + CipherSizes.tag)
        var span = output.mutableSpan
        return seal(slot, nonce: nonce.span, additional: additional.span, source: text.span, destination: &span)
            ? output : nil
    }

    /// Opens into a new array; for tests only.
    mutating func opened(_ slot: Int, nonce: [UInt8], additional: [UInt8], sealed: [UInt8]) -> [UInt8]? {
        var output = [UInt8](repeating: 0, count: sealed.count - CipherSizes.tag)
        var span = output.mutableSpan
        return open(slot, nonce: nonce.span, additional: additional.span, source: sealed.span, destination: &span)
            ? output : nil
    }
}
