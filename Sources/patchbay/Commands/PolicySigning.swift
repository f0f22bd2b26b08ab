import APIClient
import APITypes
import ArgumentParser
import Foundation
import NetTypes
import Policy
import PolicyLanguage
import PolicyYAML
import Trust

extension PolicyCommand {
    struct Lock: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take the signing of a policy over: from then on only your key signs it.",
            discussion: """
                The key stays with you; the controller only learns its public part. From then on the controller and \
                the leaves take nothing that the key has not signed, so that even a stolen controller opens no wire. \
                Make a key with: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out policy.pem

                Without the key a locked policy can never be changed again: keep a copy.

                  patchbay policy lock acme --key policy.pem
                """)
        @Argument(help: "The tenant's name.", transform: Typed.name) var tenant: Name
        @Option(help: "The file with the private key, PEM, P-256.", completion: .file()) var key: String
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            let key = try PrivateKeyFile.read(self.key)
            try await options.show({ client in
                let policy = try await PresentPolicy.next(client, tenant)
                let body = policy.canonicalBytes
                let signed = SignedDocument(
                    body: base64(body), signature: base64(try key.sign(body)), key: base64(key.publicKeyInfo))
                return try await client.lock(signed, of: tenant.text)
            }) { Screen.line("\(tenant): locked since revision \($0.revision). Keep a copy of the key.") }
        }
    }

    struct Unlock: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give the signing of a policy back to the controller.")
        @Argument(help: "The tenant's name.", transform: Typed.name) var tenant: Name
        @Option(help: "The file with the private key that it is locked by.", completion: .file()) var key: String
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            let key = try PrivateKeyFile.read(self.key)
            try await options.show({ client in
                let revision = try await PresentPolicy.next(client, tenant).revision
                let signed = try SignedFile.statement(tenant, nil, revision, by: key)
                return try await client.unlock(
                    UnlockPolicy(lockBody: base64(signed.body), lockSignature: base64(signed.signature)),
                    of: tenant.text)
            }) { Screen.line("\(tenant): the controller signs again, since revision \($0.revision).") }
        }
    }

    struct Sign: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Sign a policy document with your own key.",
            discussion: """
                Writes the signed policy to standard output, for 'patchbay policy apply --signed'. It is signed as the \
                revision after the present one, with the entries that there are; when the policy changes meanwhile it \
                has to be signed anew. With --present, the policy of the controller is taken from a file that \
                'patchbay policy show TENANT --canonical' wrote, so that the key can be on a machine without a network.

                  patchbay policy sign shop.yaml --key policy.pem > shop.signed
                  patchbay policy apply --signed shop.signed
                """)
        @Argument(help: "The file with the document; '-' is standard input.") var file: String
        @Option(help: "The file with the private key that the policy is locked by.", completion: .file())
        var key: String
        @Option(help: "The file with a private key that is to take its place.", completion: .file())
        var newKey: String?
        @Option(help: "The file with the present policy, in its canonical form.", completion: .file())
        var present: String?
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            let file = try DocumentFile(file)
            let tenant = try Name(parsing: file.tenant())
            let key = try PrivateKeyFile.read(self.key)
            let next = try newKey.map { try PrivateKeyFile.read($0) }
            let policy: PolicyLanguage.TenantPolicy
            if let present {
                policy = try PresentPolicy.next(DocumentFile(present, limit: TrustLimits.policyBytes).text, tenant)
            } else {
                policy = try await options.withClient { try await PresentPolicy.next($0, tenant) }
            }
            try JSONOutput.write(SignedFile(file, policy, key: key, next: next))
        }
    }
}

/// The policy that is in force, under the number after its own.
enum PresentPolicy {
    static func next(_ client: APIClient, _ tenant: Name) async throws -> PolicyLanguage.TenantPolicy {
        try next(try await client.canonical(of: .tenant(tenant.text)), tenant)
    }

    static func next(_ bytes: [UInt8], _ tenant: Name) throws -> PolicyLanguage.TenantPolicy {
        guard var policy = try? PolicyLanguage.TenantPolicy(canonicalBytes: bytes), policy.tenant == tenant else {
            throw ValidationError("this is not the canonical form of a policy of '\(tenant)'")
        }
        policy.entries.revision += 1
        return policy
    }
}

/// A signed policy as a file.
struct SignedFile: Codable {
    /// The tenant's name.
    let tenant: String
    /// What is sent to the controller.
    let document: SignedDocument

    init(reading name: String) throws {
        let data =
            name == "-"
            ? FileHandle.standardInput.readDataToEndOfFile() : try Data(contentsOf: URL(fileURLWithPath: name))
        do { self = try JSONDecoder().decode(Self.self, from: data) } catch {
            throw DocumentFailure(lines: [
                "\(name): error: this is no signed policy (write one with 'patchbay policy sign')"
            ])
        }
    }

    /// Signs a document.
    ///
    /// - Parameter next: a key that takes the place of the first.
    init(_ file: DocumentFile, _ policy: PolicyLanguage.TenantPolicy, key: SigningKey, next: SigningKey?) throws {
        var policy = policy
        do throws(DocumentRefusal) { try policy.replace(PolicyYAML.read(file.text).document) } catch {
            throw DocumentFailure(lines: error.findings.map { PolicyFinding($0).line(ofFile: file.shown) })
        }
        let body = policy.canonicalBytes
        tenant = policy.tenant.text
        var document = SignedDocument(
            body: base64(body), signature: base64(try (next ?? key).sign(body)),
            text: String(decoding: file.text, as: UTF8.self))
        if let next {
            let statement = try Self.statement(policy.tenant, next, policy.revision, by: key)
            document.key = base64(next.publicKeyInfo)
            document.lockBody = base64(statement.body)
            document.lockSignature = base64(statement.signature)
        }
        self.document = document
    }

    /// A statement about who signs from a revision on.
    static func statement(
        _ tenant: Name, _ key: SigningKey?, _ revision: UInt64, by signer: SigningKey
    ) throws -> SignedLock {
        guard let lock = PolicyLock(tenant: tenant, keyHash: key?.keyHash, revision: revision) else {
            throw KeyError.notAPublicKey
        }
        return try SignedLock(signing: lock, key: key?.publicKeyInfo ?? [], with: signer)
    }
}

/// A private key in a file of its owner's.
enum PrivateKeyFile {
    static func read(_ path: String) throws -> SigningKey {
        let text: String
        do { text = try String(contentsOfFile: path, encoding: .utf8) } catch {
            throw ValidationError("the key \(path) cannot be read: \(error.localizedDescription)")
        }
        do { return try SigningKey(pem: text) } catch { throw ValidationError("\(path): \(error)") }
    }
}

private func base64(_ octets: [UInt8]) -> String { Data(octets).base64EncodedString() }
