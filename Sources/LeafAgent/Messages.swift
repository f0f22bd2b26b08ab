import Foundation
import LeafProtocol
import NetTypes
import Plugging
import Trust

// Between the messages of the protocol and the values of the engines.

extension EndpointFacts {
    init(_ message: Patchbay_Leaf_V1_EndpointFacts) {
        self.init(
            certificate: Array(message.certificate), issuer: Array(message.issuer), record: Array(message.record))
    }

    /// Whose facts these claim to be, before anything is verified: enough to ask the directory, and for nothing else.
    var claimedIdentity: Identity? { try? LocationRecord(parsingUnverified: record).identity }
}

extension Patchbay_Leaf_V1_EndpointFacts {
    init(_ facts: EndpointFacts) {
        self.init()
        certificate = Data(facts.certificate)
        issuer = Data(facts.issuer)
        record = Data(facts.record)
    }
}

extension SignedPolicy {
    init(_ message: Patchbay_Leaf_V1_PolicyDocument) {
        self.init(
            body: Array(message.body), signature: Array(message.signature), certificate: Array(message.certificate),
            issuer: Array(message.issuer),
            locks: message.locks.map {
                SignedLock(body: Array($0.body), signature: Array($0.signature), key: Array($0.key))
            })
    }
}

extension Patchbay_Leaf_V1_PlugResponse {
    static func refusal(_ reason: UnplugReason) -> Self { refusal(code: reason.code, detail: "\(reason)") }

    static func refusal(code: String, detail: String) -> Self {
        var response = Self()
        response.plugged = false
        response.reason = code
        response.detail = detail
        return response
    }
}

extension DesiredPort {
    /// The port as a message, for keeping it on disk.
    var message: Patchbay_Leaf_V1_DesiredPort {
        var message = Patchbay_Leaf_V1_DesiredPort()
        message.identity = Data(identity.octets)
        message.tenant = name.tenant.text
        message.name = name.name.text
        message.vnet = Data(vnet.octets)
        message.ipv4 = Data(ipv4.octets)
        message.ipv4PrefixLength = UInt32(ipv4PrefixLength)
        message.groups = groups.map(\.text)
        message.labels = labels.map(\.description)
        message.level = UInt32(level)
        message.networks = networks.map(\.description)
        message.kind = kind.rawValue
        message.attachment = attachment
        message.epoch = epoch
        return message
    }
}
