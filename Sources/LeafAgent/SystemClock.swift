import Foundation
import NetTypes

/// The clock of the machine, for the edge only: engines are given the time.
enum SystemClock {
    /// This moment.
    static func now() -> Timestamp { Timestamp(Int64(Date().timeIntervalSince1970)) }
}
