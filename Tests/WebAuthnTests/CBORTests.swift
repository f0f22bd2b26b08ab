import SoftAuthenticator
import Testing
import WebAuthn

/// The strict reader. Examples are of RFC 8949, appendix A.
@Suite struct CBORTests {
    @Test(arguments: [
        ("00", CBOR.integer(0)), ("17", .integer(23)), ("1818", .integer(24)), ("1903e8", .integer(1_000)),
        ("1a000f4240", .integer(1_000_000)), ("1b000000e8d4a51000", .integer(1_000_000_000_000)),
        ("20", .integer(-1)), ("3903e7", .integer(-1_000)), ("1b7fffffffffffffff", .integer(.max)),
        ("3b7fffffffffffffff", .integer(.min)), ("f4", .boolean(false)), ("f5", .boolean(true)), ("f6", .null),
        ("40", .bytes([])), ("4401020304", .bytes([1, 2, 3, 4])), ("60", .text("")), ("6449455446", .text("IETF")),
        ("62c3bc", .text("ü")), ("80", .array([])), ("83010203", .array([.integer(1), .integer(2), .integer(3)])),
        ("a0", .map([])),
        (
            "a26161016162820203",
            .map([
                .init(.text("a"), .integer(1)), .init(.text("b"), .array([.integer(2), .integer(3)])),
            ])
        ),
        (
            "a3010220036040",
            .map([
                .init(.integer(1), .integer(2)), .init(.integer(-1), .integer(3)), .init(.text(""), .bytes([])),
            ])
        ),
    ]) func read(_ hex: String, _ value: CBOR) throws {
        #expect(try CBORReader.read(try octets(hex)) == value)
    }

    @Test(arguments: [
        ("", "the bytes end"), ("18", "the bytes end"), ("1817", "shorter form"), ("1900ff", "shorter form"),
        ("1a0000ffff", "shorter form"), ("1b00000000ffffffff", "shorter form"), ("1b8000000000000000", "too large"),
        ("3b8000000000000000", "too large"), ("1c", "no such length"), ("5f4101ff", "indefinite"),
        ("7f6161ff", "indefinite"), ("9f01ff", "indefinite"), ("bf6161 01ff", "indefinite"), ("ff", "indefinite"),
        ("c0", "tags"), ("c11a514b67b0", "tags"), ("d81842 0102", "tags"), ("f7", "neither"), ("f90000", "neither"),
        ("fb3ff199999999999a", "neither"), ("f820", "neither"), ("0000", "behind the value"), ("4401", "bytes end"),
        ("5bffffffffffffffff00", "bytes end"), ("9bffffffffffffffff00", "bytes end"),
        ("bb00000001000000 0000", "bytes end"),
        ("61ff", "UTF-8"), ("62c328", "UTF-8"), ("a20101 0102", "second time"), ("a26161 01 6161 02", "second time"),
        ("a2020101 01", "out of order"), ("a2616201616101", "out of order"), ("a2626161 01 6162 01", "out of order"),
        ("a220010101", "out of order"), ("a2616101 0101", "out of order"), ("a1800 1", "a key"), ("a1f501", "a key"),
        ("8181818180", "deeper"), ("a101a101a101a101a0", "deeper"), ("8201", "bytes end"), ("a101", "bytes end"),
    ]) func refuse(_ hex: String, _ reason: String) throws {
        let bytes = try octets(hex.filter { $0 != " " })
        let error = #expect(throws: CBORError.self) { try CBORReader.read(bytes) }
        #expect(error?.reason.contains(reason) == true, "\(hex): \(String(describing: error))")
    }

    @Test func lengthIsBounded() throws {
        let fits = CBORWriter.bytes([UInt8](repeating: 7, count: CBORReader.longest - 3))
        #expect(fits.count == CBORReader.longest)
        #expect(try CBORReader.read(fits) == .bytes([UInt8](repeating: 7, count: CBORReader.longest - 3)))
        #expect(throws: CBORError.self) { try CBORReader.read(fits + [0]) }
    }

    /// A hundred thousand inputs, random ones and real ones with some octets changed: none crashes, and what is read is
    /// what a writer makes of it again.
    @Test(.timeLimit(.minutes(1))) func nothingCrashesIt() throws {
        var random = Generator(state: 20_261_122)
        let real = try SoftAuthenticator(.es256).create([1, 2, 3]).attestationObject
        let clock = ContinuousClock()
        var read = 0
        let took = try clock.measure {
            for round in 0..<100_000 {
                var bytes: [UInt8]
                if round.isMultiple(of: 2) {
                    bytes = (0..<Int.random(in: 0...48, using: &random)).map { _ in .random(in: 0...255, using: &random)
                    }
                } else {
                    bytes = real
                    for _ in 0...Int.random(in: 0...3, using: &random) {
                        let place = Int.random(in: 0..<bytes.count, using: &random)
                        switch Int.random(in: 0..<3, using: &random) {
                        case 0: bytes[place] = .random(in: 0...255, using: &random)
                        case 1: bytes.remove(at: place)
                        default: bytes.insert(.random(in: 0...255, using: &random), at: place)
                        }
                    }
                }
                guard let value = try? CBORReader.read(bytes) else { continue }
                read += 1
                // One text for one value: what was taken is written the same.
                try #require(Self.write(value) == bytes)
            }
        }
        #expect(read > 1_000)
        #expect(took < .seconds(5), "\(took)")
    }

    private static func write(_ value: CBOR) -> [UInt8] {
        switch value {
        case .integer(let number): CBORWriter.number(number)
        case .bytes(let bytes): CBORWriter.bytes(bytes)
        case .text(let text): CBORWriter.text(text)
        case .array(let items): CBORWriter.array(items.map(write))
        case .map(let members): CBORWriter.map(members.map { (write($0.key), write($0.value)) })
        case .boolean(let value): [value ? 0xf5 : 0xf4]
        case .null: [0xf6]
        }
    }
}

/// Random numbers that are the same each time (SplitMix64).
struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

/// Reads hexadecimal digits.
func octets(_ hex: String) throws -> [UInt8] {
    let digits = Array(hex)
    try #require(digits.count.isMultiple(of: 2), "\(hex)")
    return try stride(from: 0, to: digits.count, by: 2).map { place in
        try #require(UInt8(String(digits[place...place + 1]), radix: 16), "\(hex)")
    }
}
