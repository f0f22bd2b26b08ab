import Foundation
import NetTypes

/// What the machine gives: time and randomness.
enum Machine {
    /// The present moment in whole seconds.
    @Sendable static func now() -> Timestamp { Timestamp(Int64(Date().timeIntervalSince1970.rounded(.down))) }

    /// Unpredictable octets from the system's source.
    @Sendable static func random(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }
}
