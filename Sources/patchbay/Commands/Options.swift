import APIClient
import APITypes
import Accounts
import ArgumentParser
import Foundation
import Lab
import NetTypes

/// Which controller, and how the answer is written.
struct ControllerOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The controller's URL.", valueName: "url"))
    var controller: String?
    @Option(help: ArgumentHelp("The file with the operator's token.", valueName: "file"), completion: .file())
    var tokenFile: String?
    @Option(
        help: ArgumentHelp("The certificate of a user, in place of a token.", valueName: "file"), completion: .file())
    var certificate: String?
    @Option(
        help: ArgumentHelp("The key of that certificate; the same file with .key when left out.", valueName: "file"),
        completion: .file())
    var certificateKey: String?
    @Option(help: ArgumentHelp("The platform's root certificate, PEM.", valueName: "file"), completion: .file())
    var rootCertificate: String?
    @Option(
        name: .customLong("as"),
        help: ArgumentHelp(
            "Sign in with a password for this one command: NAME@TENANT, or NAME.", valueName: "account"),
        transform: UserCommand.account)
    var account: AccountName?
    @Option(
        help: ArgumentHelp("Read that password from a file; - for standard input.", valueName: "file"),
        completion: .file()) var passwordFile: String?
    @Option(help: "The code of the second factor; asked for when left out.") var code: String?
    @Flag(help: "Write JSON, for programs.")
    var json = false

    func validate() throws {
        guard certificate == nil || tokenFile == nil else {
            throw ValidationError("--certificate and --token-file exclude each other")
        }
        guard certificateKey == nil || certificate != nil else {
            throw ValidationError("--certificate-key is that of --certificate")
        }
        guard account == nil || certificate == nil && tokenFile == nil else {
            throw ValidationError("--as goes without --certificate and --token-file")
        }
    }

    /// Who signs in by `--as`, for what only he can do.
    func signsIn() throws -> AccountName {
        guard let account else { throw ValidationError("Give --as NAME@TENANT: it is for who signs in.") }
        return account
    }

    /// Runs with a client, which is closed afterwards.
    ///
    /// - Parameters:
    ///   - other: who signs in, where it is not who `--as` says.
    ///   - password: his password, where it is known already.
    ///   - needsCredentials: false where nobody has to ask.
    func withClient<Result: Sendable>(
        as other: AccountName? = nil, password: String? = nil, needsCredentials: Bool = true,
        _ body: (APIClient) async throws -> Result
    ) async throws -> Result {
        let account = other ?? account
        let client = try APIClient(
            ControllerLocation.find(
                controller: controller, tokenFile: tokenFile, rootCertificateFile: rootCertificate,
                certificateFile: certificate, keyFile: certificateKey,
                needsCredentials: needsCredentials && account == nil,
                environment: ProcessInfo.processInfo.environment))
        do {
            guard let account else {
                let result = try await body(client)
                await client.shutdown()
                return result
            }
            let result = try await inSession(of: account, password, client, body)
            await client.shutdown()
            return result
        } catch {
            await client.shutdown()
            throw error
        }
    }

    /// Runs in a session that ends with it.
    private func inSession<Result: Sendable>(
        of account: AccountName, _ password: String?, _ client: APIClient, _ body: (APIClient) async throws -> Result
    ) async throws -> Result {
        let session = try await client.signedIn(
            account.description, password: password ?? Secret.password(passwordFile)
        ) { try code ?? Secret.ask("Code of the second factor") }
        do {
            let result = try await body(session)
            try? await session.signOut()
            return result
        } catch {
            try? await session.signOut()
            throw error
        }
    }

    /// Asks the controller and writes the answer, as JSON or for people.
    func show<Answer: Encodable & Sendable>(
        _ ask: (APIClient) async throws -> Answer, _ forPeople: (Answer) -> Void
    ) async throws {
        let answer = try await withClient(ask)
        if json { try JSONOutput.write(answer) } else { forPeople(answer) }
    }

    /// Asks the controller for a list and writes it, as JSON or as a table.
    func showList<Item: Codable & Sendable>(
        _ ask: (APIClient) async throws -> [Item], none: String, _ table: ([Item]) -> Table
    ) async throws {
        try await show({ ItemList(items: try await ask($0)) }) { list in
            if list.items.isEmpty {
                Screen.line(none)
            } else {
                table(list.items).lines(.output).forEach { Screen.line($0) }
            }
        }
    }

    /// Writes what was deleted.
    func deleted(_ name: String) throws {
        if json { try JSONOutput.write(["deleted": name]) } else { Screen.line("Deleted \(name).") }
    }
}

/// How many items of a list.
struct ListOptions: ParsableArguments {
    @Option(help: "How many at most; all when left out.") var limit: Int?

    func validate() throws {
        guard limit.map({ $0 > 0 }) ?? true else { throw ValidationError("--limit is 1 or more") }
    }
}

/// JSON for programs: keys in snake_case as in the API, sorted.
enum JSONOutput {
    static func write(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        Screen.line(String(decoding: try encoder.encode(value), as: UTF8.self))
    }
}

/// An endpoint or a group of a tenant, as it is typed: `acme/web1`, `acme/group:web`.
struct PairEnd: Sendable, CustomStringConvertible {
    let tenant: Name
    /// The name as policies have it: `web1`, `group:web`.
    let selector: String
    let isGroup: Bool

    init(parsing text: String) throws {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2 else {
            throw TextError(text, "of the form TENANT/NAME, such as acme/web1, or TENANT/group:NAME")
        }
        tenant = try Name(parsing: parts[0])
        isGroup = parts[1].hasPrefix("group:")
        let name = try Name(parsing: isGroup ? parts[1].dropFirst("group:".count) : parts[1])
        selector = isGroup ? "group:\(name)" : name.text
    }

    var description: String { "\(tenant)/\(selector)" }

    /// The tenant of a pair, which must be the same for both.
    static func tenant(_ from: PairEnd, _ to: PairEnd) throws -> String {
        guard from.tenant == to.tenant else {
            throw ValidationError(
                "\(from) and \(to) belong to different tenants; a wire joins endpoints of one tenant")
        }
        return from.tenant.text
    }
}

/// Reads what is typed, with the reason when it is not what it should be.
enum Typed {
    static func name(_ text: String) throws -> Name { try Name(parsing: text) }
    static func tenantName(_ text: String) throws -> TenantName { try TenantName(parsing: text) }
    static func label(_ text: String) throws -> PolicyLabel { try PolicyLabel(parsing: text) }
    static func ipv4Prefix(_ text: String) throws -> IPv4Prefix { try IPv4Prefix(parsing: text) }
    static func prefix(_ text: String) throws -> IPPrefix { try IPPrefix(parsing: text) }
    static func ipv4Address(_ text: String) throws -> IPv4Address { try IPv4Address(parsing: text) }
    static func vnetID(_ text: String) throws -> VNetID { try VNetID(parsing: text) }
    static func pairEnd(_ text: String) throws -> PairEnd { try PairEnd(parsing: text) }
}
