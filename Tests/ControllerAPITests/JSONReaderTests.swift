import Foundation
import Testing

@testable import ControllerAPI

@Suite struct JSONReaderTests {
    @Test(arguments: [
        ("", 1, 1), ("  ", 1, 3), ("{", 1, 2), (#"{"a""#, 1, 5), (#"{"a":}"#, 1, 6), (#"{"a":1,}"#, 1, 8),
        ("[1 2]", 1, 4), ("tru", 1, 1), ("01", 1, 2), ("1.", 1, 3), ("-", 1, 2), ("1e", 1, 3), ("{a:1}", 1, 2),
        ("{}\n {}", 2, 2), ("[\n1,\n\n x]", 4, 2), (#""ab"#, 1, 1), (#""\x""#, 1, 2), (#""\ud800""#, 1, 2),
        (#""\udc00""#, 1, 2), (#""\u12g4""#, 1, 6), ("\"a\nb\"", 1, 3), (#"{"a":1,"a":2}"#, 1, 8), ("'a'", 1, 1),
        ("NaN", 1, 1), ("\u{feff}{}", 1, 1), ("// c\n{}", 1, 1),
    ])
    func refusesWithPlace(text: String, line: Int, column: Int) throws {
        let error = try #require(throws: JSONError.self) { try JSONReader.read(Array(text.utf8)) }
        #expect((error.line, error.column) == (line, column), "\(text): \(error)")
    }

    @Test func refusesWhatIsNotUTF8AndWhatIsDeep() throws {
        #expect(throws: JSONError.self) { try JSONReader.read([0x22, 0xc3, 0x28, 0x22]) }
        let deepest = ControllerLimits.jsonDepth
        func nested(_ depth: Int) -> [UInt8] {
            Array((String(repeating: "[", count: depth) + String(repeating: "]", count: depth)).utf8)
        }
        #expect(throws: Never.self) { try JSONReader.read(nested(deepest + 1)) }
        #expect(throws: JSONError.self) { try JSONReader.read(nested(deepest + 2)) }
    }

    @Test func reads() throws {
        let text = #" { "a" : [ 1.5e-3 , true , null ] , "b\n\u00e4\ud83d\ude00" : "" } "#
        let expected = JSONValue.object([
            .init(key: "a", value: .array([.number("1.5e-3"), .boolean(true), .null])),
            .init(key: "b\nä😀", value: .string("")),
        ])
        #expect(try JSONReader.read(Array(text.utf8)) == expected)
    }

    /// Whatever it takes, Foundation takes too; random damage to a document never traps.
    @Test func damagedTextsAgreeWithFoundation() {
        let seed = UInt64.random(in: .min ... .max)
        var generator = SplitMix(state: seed)
        let document = Array(#"{"name":"web1","groups":["a","b"],"one_way":true,"n":-1.5e+2,"u":"\u00e4"}"#.utf8)
        var taken = 0
        for _ in 0..<3_000 {
            var damaged = document
            for _ in 0...Int.random(in: 0...2, using: &generator) {
                let place = Int.random(in: 0..<damaged.count, using: &generator)
                switch Int.random(in: 0...2, using: &generator) {
                case 0: damaged[place] = UInt8.random(in: 0...255, using: &generator)
                case 1: damaged.remove(at: place)
                default: damaged.insert(damaged[Int.random(in: 0..<damaged.count, using: &generator)], at: place)
                }
            }
            guard (try? JSONReader.read(damaged)) != nil else { continue }
            taken += 1
            let other = try? JSONSerialization.jsonObject(with: Data(damaged), options: [.fragmentsAllowed])
            #expect(other != nil, "seed \(seed): \(String(decoding: damaged, as: UTF8.self))")
        }
        #expect(taken > 0, "seed \(seed)")
    }
}

/// Numbers that can be drawn again (Steele, Lea, Flood: SplitMix64).
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
