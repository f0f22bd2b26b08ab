import DirectoryCore
import Foundation
import NetTypes
import Testing
import Trust

@Suite("Platforms and their files")
struct PlatformTests {
    private func folder() -> String { NSTemporaryDirectory() + "patchbay-platform-\(UInt64.random(in: 0 ... .max))" }

    private func octets(_ value: UInt8) -> @Sendable (Int) -> [UInt8] { { [UInt8](repeating: value, count: $0) } }

    private func mode(_ path: String) throws -> Int {
        try #require(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? NSNumber).intValue
    }

    @Test("What is made is private, complete, and opens again")
    func initialise() throws {
        let folder = folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let made = try Platform.initialise(dataDirectory: folder, now: Fixture.start, random: octets(0xab))
        #expect(made.name.globalID == "ababababab")
        #expect(try mode(folder) == 0o700 && mode(folder + "/keys") == 0o700)
        for file in ["/operator.token", "/keys/root.pem", "/keys/controller.pem"] {
            #expect(try mode(folder + file) == 0o600, "\(file)")
        }
        let token = try String(contentsOfFile: made.operatorTokenPath, encoding: .utf8)
        #expect(token.utf8.count == 44 && token.hasSuffix("\n"))
        let opened = try Platform.open(dataDirectory: folder)
        #expect(opened.anchor.root == made.anchor.root && opened.name == made.name)
        #expect(opened.isOperatorToken(String(token.dropLast())))
        for wrong in ["", token, String(token.dropLast(2)), "A" + token.dropFirst().dropLast(), "a"] {
            #expect(!opened.isOperatorToken(wrong))
        }
        #expect(try String(contentsOfFile: made.rootCertificatePath, encoding: .utf8) == made.rootPEM)
    }

    @Test("A controller's certificate verifies")
    func controller() async throws {
        let folder = folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let platform = try Platform.initialise(dataDirectory: folder, now: Fixture.start, random: octets(1))
        let address = try IPAddress(parsing: "192.0.2.1")
        let certificate = try platform.issueController(addresses: [address], at: Fixture.start)
        let verified = await platform.anchor.verify(controller: certificate, at: Fixture.start, revocations: .none)
        #expect(try verified.get().keyHash == platform.controllerKey.keyHash)
    }

    @Test("A directory with anything in it is refused and not touched")
    func present() throws {
        let folder = folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let first = try Platform.initialise(dataDirectory: folder, now: Fixture.start, random: octets(1))
        do {
            _ = try Platform.initialise(dataDirectory: folder, now: Fixture.start, random: octets(2))
            Issue.record("made twice")
        } catch {
            #expect(error.code == .conflict && error.message.contains("holds a platform already"))
        }
        #expect(try Platform.open(dataDirectory: folder).anchor.root == first.anchor.root)
        let other = self.folder()
        defer { try? FileManager.default.removeItem(atPath: other) }
        try FileManager.default.createDirectory(atPath: other, withIntermediateDirectories: true)
        #expect(FileManager.default.createFile(atPath: other + "/letter", contents: Data([1])))
        do {
            _ = try Platform.initialise(dataDirectory: other, now: Fixture.start, random: octets(2))
            Issue.record("made among other files")
        } catch { #expect(error.code == .conflict && error.message.contains("not empty")) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: other) == ["letter"])
    }

    @Test("An empty directory is taken and made private")
    func empty() throws {
        let folder = folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
        let prefix = try IPv6Prefix(parsing: "2001:db8:1::/48")
        do {
            _ = try Platform.initialise(dataDirectory: folder, prefix: prefix, now: Fixture.start, random: octets(1))
            Issue.record("a prefix outside fd00::/8 was taken")
        } catch { #expect(error.code == .invalid && error.pointer == "/prefix") }
        _ = try Platform.initialise(dataDirectory: folder, now: Fixture.start, random: octets(1))
        #expect(try mode(folder) == 0o700)
    }

    @Test("A failure half way leaves nothing", arguments: [true, false])
    func failure(exists: Bool) throws {
        let top = folder()
        defer { try? FileManager.default.removeItem(atPath: top) }
        // The directory's path just fits into PATH_MAX (4,096); that of a key in it does not.
        var deep = top
        while deep.utf8.count < 4_080 { deep += "/" + String(repeating: "d", count: min(200, 4_080 - deep.utf8.count)) }
        if exists { try FileManager.default.createDirectory(atPath: deep, withIntermediateDirectories: true) }
        #expect(throws: DirectoryError.self) {
            try Platform.initialise(dataDirectory: deep, now: Fixture.start, random: octets(1))
        }
        if exists {
            #expect(try FileManager.default.contentsOfDirectory(atPath: deep).isEmpty)
        } else {
            #expect(!FileManager.default.fileExists(atPath: deep))
        }
    }

    @Test(
        "Files that others may read are refused, as is what is missing",
        arguments: [
            "", "/operator.token", "/keys", "/keys/root.pem",
        ])
    func exposed(_ file: String) throws {
        let folder = folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        _ = try Platform.initialise(dataDirectory: folder, now: Fixture.start, random: octets(1))
        let path = folder + file
        let before = try mode(path)
        try FileManager.default.setAttributes([.posixPermissions: before | 0o040], ofItemAtPath: path)
        #expect(throws: DirectoryError.self) { try Platform.open(dataDirectory: folder) }
        try FileManager.default.setAttributes([.posixPermissions: before], ofItemAtPath: path)
        _ = try Platform.open(dataDirectory: folder)
        guard !file.isEmpty else { return }
        try FileManager.default.removeItem(atPath: path)
        #expect(throws: DirectoryError.self) { try Platform.open(dataDirectory: folder) }
    }

    @Test("Opening what is no platform says how to make one")
    func missing() {
        do {
            _ = try Platform.open(dataDirectory: folder())
            Issue.record("opened")
        } catch {
            #expect(error.code == .notFound && error.remedy?.contains("patchbay-controller init") == true)
        }
    }
}
