import DirectoryCore
import Foundation
import LeafProtocol
import NetTypes
import Trust

// How values of the directory become messages, and back.

extension Patchbay_Leaf_V1_EndpointFacts {
    init(_ facts: EndpointFacts) {
        self.init()
        certificate = Data(facts.certificate)
        issuer = Data(facts.issuer)
        record = Data(facts.record)
    }
}

extension EndpointFacts {
    init(_ message: Patchbay_Leaf_V1_EndpointFacts) {
        self.init(
            certificate: Array(message.certificate), issuer: Array(message.issuer), record: Array(message.record))
    }
}

extension Patchbay_Leaf_V1_PolicyDocument {
    init(_ signed: SignedPolicy) {
        self.init()
        body = Data(signed.body)
        signature = Data(signed.signature)
        certificate = Data(signed.certificate)
        issuer = Data(signed.issuer)
        locks = signed.locks.map { lock in
            .with {
                $0.body = Data(lock.body)
                $0.signature = Data(lock.signature)
                $0.key = Data(lock.key)
            }
        }
    }
}

extension Patchbay_Leaf_V1_LookupResponse {
    init(_ found: FoundEndpoint) {
        self.init()
        self.found = true
        identity = Data(found.identity.octets)
        if let address = found.ipv4 { ipv4 = Data(address.octets) }
        if let facts = found.facts { self.facts = .init(facts) }
        isOutside = found.isOutside
    }
}

extension Patchbay_Leaf_V1_DesiredPort {
    init(_ port: DesiredPort) {
        self.init()
        identity = Data(port.endpoint.identity.octets)
        tenant = port.endpoint.name.tenant.text
        name = port.endpoint.name.name.text
        vnet = Data(port.endpoint.vnet.octets)
        ipv4 = Data(port.endpoint.ipv4.octets)
        ipv4PrefixLength = UInt32(port.prefix.length)
        groups = port.endpoint.groups.map(\.text)
        labels = port.endpoint.labels.map(\.description)
        level = UInt32(port.endpoint.level)
        networks = port.endpoint.networks.map(\.description)
        kind = port.endpoint.kind.rawValue
        attachment = port.endpoint.attachment
        epoch = port.epoch
    }
}

extension Patchbay_Leaf_V1_Revoked {
    init(_ revocation: Revocation) {
        self.init()
        switch revocation.subject {
        case .identity(let revoked): identity = Data(revoked.octets)
        case .serial(let revoked): serial = Data(revoked)
        case .key(let revoked): key = Data(revoked)
        }
    }
}
