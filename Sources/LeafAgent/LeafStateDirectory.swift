import Foundation
import LeafProtocol
import LinuxKit
import NetTypes
import Trust

/// What a leaf keeps on disk, so that a restart needs nobody's help: who it is, the ports that it runs, the policies
/// that are in force, and how far its labels have been given out.
///
/// Files are mode 0600 in directories of mode 0700, and replaced whole. Private keys are in ``keys``.
final class LeafStateDirectory: Sendable {
    /// The directory's path.
    let path: String
    /// The private keys of the leaf and its endpoints.
    let keys: FileKeyStore

    /// The name of the leaf's own key in ``keys``.
    static let leafKeyName = "leaf"

    /// Opens the directory; makes it when it is not there.
    ///
    /// - Throws: ``LeafError`` when it cannot be made or others may read it.
    init(path: String) throws {
        self.path = path
        do {
            for directory in [path, path + "/endpoints", path + "/policies"] {
                try FileManager.default.createDirectory(
                    atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            }
            keys = try FileKeyStore(directory: path + "/keys")
        } catch {
            throw LeafError(
                "The state directory \(path) cannot be used: \(error)",
                remedy: "Give a directory of which you are the owner with --state.")
        }
    }

    /// Who this leaf is; written once by the enrolment, and the certificate again at each renewal.
    struct Membership: Codable {
        var leaf: String
        var host: String
        var root: Data
        var certificate: Data
        var controllers: [String]
        /// The DNS name in the controllers' certificates.
        var controllerName: String
    }

    /// The leaf's membership; nil before the enrolment.
    func membership() throws -> Membership? { try read(Membership.self, "leaf.json") }

    /// Keeps the membership.
    func save(_ membership: Membership) throws { try write(membership, "leaf.json") }

    /// A port as it was told and certified: enough to go on without a controller.
    struct SavedPort: Codable {
        /// The serialized `DesiredPort` message.
        var desired: Data
        var certificate: Data
        var issuer: Data
        var record: Data
    }

    /// The ports that were open when the leaf last ran, by identity.
    func savedPorts() throws -> [Identity: SavedPort] {
        var saved: [Identity: SavedPort] = [:]
        for file in try FileManager.default.contentsOfDirectory(atPath: path + "/endpoints")
        where file.hasSuffix(".json") {
            let id = try VNetID(parsing: file.dropLast(5))
            guard let identity = Identity(IPv6Address(id.value)),
                let port = try read(SavedPort.self, "endpoints/\(file)")
            else { continue }
            saved[identity] = port
        }
        return saved
    }

    /// Keeps a port; nil forgets it.
    func save(_ port: SavedPort?, of identity: Identity) throws {
        let file = "endpoints/\(LeafID(identity.address.value)).json"
        if let port {
            try write(port, file)
        } else {
            try? FileManager.default.removeItem(atPath: path + "/" + file)
        }
    }

    /// The serialized policy documents that were in force, one a tenant.
    func savedPolicies() throws -> [Data] {
        try FileManager.default.contentsOfDirectory(atPath: path + "/policies").sorted().compactMap {
            FileManager.default.contents(atPath: path + "/policies/" + $0)
        }
    }

    /// The canonical bytes of a tenant's policy that was in force.
    func savedPolicyBody(of tenant: Name) throws -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: "\(path)/policies/\(tenant)") else {
            throw LeafError(
                "\(path)/policies/\(tenant) cannot be read",
                remedy: "Restart the leaf; the controller then tells it again.")
        }
        return Array(try Patchbay_Leaf_V1_PolicyDocument(serializedBytes: data).body)
    }

    /// Keeps the policy document of a tenant.
    func save(policy: Data, of tenant: Name) throws {
        try replace("policies/\(tenant)", with: policy)
    }

    /// The serialized guardrails that were in force; nil where there were none.
    func savedGuardrails() throws -> Data? { FileManager.default.contents(atPath: path + "/guardrails") }

    /// Keeps the platform's guardrails.
    func save(guardrails: Data) throws { try replace("guardrails", with: guardrails) }

    /// The serialized statement about who is suspended; nil where there never was one.
    func savedSuspensions() throws -> Data? { FileManager.default.contents(atPath: path + "/suspensions") }

    /// Keeps the statement about who is suspended.
    func save(suspensions: Data) throws { try replace("suspensions", with: suspensions) }

    /// How far labels are reserved, for ``Plugging/LabelAllocator``; 0 on a new leaf.
    func labelMark() -> UInt64 {
        FileManager.default.contents(atPath: path + "/labels")
            .flatMap { UInt64(String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)) }
            ?? 0
    }

    /// Reserves labels up to a mark, before any of them is used.
    func save(labelMark: UInt64) throws { try replace("labels", with: Data("\(labelMark)\n".utf8)) }

    private func read<T: Decodable>(_ type: T.Type, _ file: String) throws -> T? {
        guard let data = FileManager.default.contents(atPath: path + "/" + file) else { return nil }
        do {
            return try JSONDecoder().decode(type, from: data)
        } catch {
            throw LeafError(
                "\(path)/\(file) cannot be read: \(error)", remedy: "Remove the file; the leaf then asks anew.")
        }
    }

    private func write(_ value: some Encodable, _ file: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        try replace(file, with: try encoder.encode(value))
    }

    private func replace(_ file: String, with data: Data) throws {
        do {
            try AtomicFile.replace(path + "/" + file, with: Array(data))
        } catch {
            throw LeafError(
                "\(path)/\(file) cannot be written: \(error)", remedy: "See whether the disk is full or read-only.")
        }
    }
}
