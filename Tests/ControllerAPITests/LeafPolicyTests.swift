import DirectoryCore
import Foundation
import GRPCCore
import LeafProtocol
import NetTypes
import PolicyLanguage
import Testing
import Trust

@testable import ControllerAPI

/// What leaves are told of documents, guardrails, labels and locks, over real sockets with mutual TLS.
@Suite(.timeLimit(.minutes(2))) struct LeafPolicyTests {
    private static let rails = "version: 1\nplatform: true\nrules:\n  - {name: up, levels: upward}\n"

    @Test func guardrailsComeBeforePolicies() async throws {
        try await DirectoryServiceTests.scene { scene in
            let directory = scene.directory
            _ = try await directory.applyGuardrails(Array(Self.rails.utf8))
            _ = try await directory.setLabels([PolicyLabel(parsing: "tier=web")], of: scene.web1.name)
            _ = try await directory.setLevel(200, of: scene.web1.name)
            try await scene.live.call(as: scene.h1) { client in
                try await TestLeaf.attach(client) { leaf in
                    let anchor = try TrustAnchor(root: scene.h1.root)
                    // 1. In this order, though nothing was asked for.
                    while !leaf.rest.contains(where: { if case .ports = $0.message { true } else { false } }) {
                        try await Task.sleep(for: .milliseconds(2))
                    }
                    let order = leaf.rest.compactMap { message -> String? in
                        switch message.message {
                        case .guardrails: "guardrails"
                        case .policy: "policy"
                        case .ports: "ports"
                        default: nil
                        }
                    }
                    #expect(order == ["guardrails", "policy", "ports"])
                    let ports = try await leaf.ports()
                    #expect(ports.map(\.labels) == [["tier=web"]] && ports[0].level == 200)
                    let first = try await leaf.guardrails()
                    let verdict = await anchor.verify(guardrails: first, at: scene.now, revocations: .none)
                    #expect((try? verdict.get()) != nil)
                    #expect(try Guardrails(canonicalBytes: first.body).document.rules.count == 1)
                    // 2. A change is pushed, as is one of labels.
                    _ = try await directory.applyGuardrails(Array("version: 1\nplatform: true\n".utf8))
                    #expect(try Guardrails(canonicalBytes: await leaf.guardrails().body).revision == 2)
                    _ = try await directory.changeLabels(of: scene.web1.name, set: [], remove: ["tier"])
                    #expect(try await leaf.ports().map(\.labels) == [[]])
                }
            }
        }
    }

    @Test func locksTravelWithThePolicy() async throws {
        try await DirectoryServiceTests.scene { scene in
            try await scene.live.call(as: scene.h1) { client in
                try await TestLeaf.attach(client) { leaf in
                    _ = try await leaf.policy()
                    let (acme, key) = (try Name(parsing: "acme"), SigningKey())
                    var policy = try await scene.directory.policy(of: acme).policy
                    policy.entries.revision += 1
                    let body = policy.canonicalBytes
                    _ = try await scene.directory.lockPolicy(
                        of: acme, key: key.publicKeyInfo, body: body, signature: try key.sign(body))
                    let told = try await leaf.policy()
                    let anchor = try TrustAnchor(root: scene.h1.root)
                    let verified = try await anchor.verify(
                        policy: told, lock: nil, at: scene.now, revocations: .none
                    ).get()
                    #expect(verified.lock?.keyHash == key.keyHash && verified.covers(tenant: acme, revision: 2))
                }
            }
        }
    }

    @Test func aLargePolicyFitsIntoAMessage() async throws {
        try await DirectoryServiceTests.scene { scene in
            let acme = try Name(parsing: "acme")
            _ = try await scene.directory.applyDocument(Array(LargeDocument.text.utf8), of: acme)
            let body = try await scene.directory.policy(of: acme).signed.body
            #expect(body.count > 4 << 20, "it has \(body.count) bytes, and would pass without our limit")
            try await scene.live.call(as: scene.h1) { client in
                try await TestLeaf.attach(client) { leaf in
                    let told = try await leaf.policy(within: .seconds(60))
                    #expect(told.body == body)
                }
            }
        }
    }
}

extension TestLeaf {
    /// Waits for guardrails.
    func guardrails() async throws -> SignedPolicy {
        try await expect("guardrails") { message in
            guard case .guardrails(let told) = message.message else { return nil }
            return SignedPolicy(told)
        }
    }
}

extension SignedPolicy {
    /// Takes a message apart as a leaf does.
    init(_ message: Patchbay_Leaf_V1_PolicyDocument) {
        self.init(
            body: Array(message.body), signature: Array(message.signature), certificate: Array(message.certificate),
            issuer: Array(message.issuer),
            locks: message.locks.map {
                SignedLock(body: Array($0.body), signature: Array($0.signature), key: Array($0.key))
            })
    }
}
