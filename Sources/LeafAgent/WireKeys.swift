import CryptProtocol
import Foundation
import LeafProtocol
import NetTypes
import Policy

/// What one direction of a protected wire is keyed with, while it is on its way between the leaves.
///
/// The receiving leaf makes it, and it is in no log and no description.
struct WireKeys: Sendable, CustomStringConvertible {
    /// The SPI of the sender's first queue.
    let spiBase: UInt32
    /// 32 random octets.
    let secret: [UInt8]

    var description: String { "keys of SPI \(spiBase)" }

    /// Makes keys for an SPI base.
    init(spiBase: UInt32) {
        var random = SystemRandomNumberGenerator()
        self.spiBase = spiBase
        secret = (0..<CryptLimits.secretByteCount).map { _ in UInt8.random(in: 0...255, using: &random) }
    }

    /// Reads what another leaf sent; nil for what cannot be keys.
    init?(_ message: Patchbay_Leaf_V1_Keys) {
        guard message.secret.count == CryptLimits.secretByteCount, message.spiBase >= CryptLimits.minimumSPI,
            message.spiBase % 8 == 0
        else { return nil }
        spiBase = message.spiBase
        secret = Array(message.secret)
    }

    var message: Patchbay_Leaf_V1_Keys {
        .with {
            $0.spiBase = spiBase
            $0.secret = Data(secret)
        }
    }
}

/// Which keys an end of a protected wire uses.
struct WireProtection: Hashable, Sendable {
    var security: Security
    /// The SPI base of the present keys.
    var spiBase: UInt32
    /// When the present keys came into use.
    var keyedAt: ContinuousClock.Instant
    /// SPI bases of former keys that still receive, because nobody knows which are in use; see adoption.
    var formers: [UInt32] = []
}

extension Protection {
    /// What a level of a policy asks for; nil: nothing.
    init?(_ security: Security) {
        switch security {
        case .none: return nil
        case .auth: self = .auth
        case .conf: self = .conf
        }
    }
}

extension Security {
    init(_ protection: Protection) {
        switch protection {
        case .auth: self = .auth
        case .conf: self = .conf
        }
    }

    /// Reads a message; nil for a level of a later version.
    init?(_ message: Patchbay_Leaf_V1_Security) {
        switch message {
        case .none: self = .none
        case .auth: self = .auth
        case .conf: self = .conf
        case .UNRECOGNIZED: return nil
        }
    }

    var message: Patchbay_Leaf_V1_Security {
        switch self {
        case .none: .none
        case .auth: .auth
        case .conf: .conf
        }
    }
}
