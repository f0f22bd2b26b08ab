import DirectoryCore
import Foundation
import NetTypes
import StoreSQLite
import Synchronization
import Testing
import Trust

@testable import PlatformBackup

/// Backups of real data directories: made while somebody writes, restored elsewhere, and refused when anything is wrong.
@Suite struct BackupTests {
    private static let passphrase = "correct horse battery"
    /// With cheap keys: what they cost is not what is tested.
    private static let backup = PlatformBackup(program: "test", rounds: 16, random: Self.random)

    private static func random(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255) } }

    /// A directory of its own, with a controller's data directory in it.
    private final class Site: Sendable {
        let path: String
        let directory: Directory
        let store: SQLiteStore
        var data: String { path + "/data" }
        var file: String { path + "/backup" }
        var elsewhere: String { path + "/elsewhere" }

        init() throws {
            path = NSTemporaryDirectory() + "patchbay-backup-\(UUID().uuidString)"
            let now: @Sendable () -> Timestamp = { Timestamp(Int64(Date().timeIntervalSince1970)) }
            let platform = try Platform.initialise(
                dataDirectory: path + "/data", now: now(), random: BackupTests.random)
            store = try SQLiteStore(path: platform.storePath)
            directory = Directory(platform: platform, store: store, now: now, random: BackupTests.random)
        }

        deinit { try? FileManager.default.removeItem(atPath: path) }

        /// The directory of what was restored.
        func restored() throws -> Directory {
            let platform = try Platform.open(dataDirectory: elsewhere)
            let store = try SQLiteStore(path: platform.storePath)
            return Directory(
                platform: platform, store: store, now: { Timestamp(Int64(Date().timeIntervalSince1970)) },
                random: BackupTests.random)
        }

        func make() throws -> BackupManifest {
            try BackupTests.backup.make(of: data, to: file, passphrase: BackupTests.passphrase, at: 1_700_000_000)
        }

        @discardableResult func restore(_ passphrase: String = BackupTests.passphrase) throws -> BackupManifest {
            try BackupTests.backup.restore(file, to: elsewhere, passphrase: passphrase)
        }

        /// Whatever was refused, nothing is left.
        func expectNothingRestored(_ what: String) {
            #expect(!FileManager.default.fileExists(atPath: elsewhere), "\(what)")
        }
    }

    @Test func everythingComesBack() async throws {
        let site = try Site()
        for name in ["acme", "globex"] { _ = try await site.directory.createTenant(Name(parsing: name)) }
        _ = try await site.directory.createHost(Name(parsing: "h1"), controllerURL: "https://127.0.0.1:7443")
        let manifest = try site.make()
        #expect(manifest.program == "test" && manifest.madeAt == 1_700_000_000 && !manifest.migrations.isEmpty)
        let mode = try FileManager.default.attributesOfItem(atPath: site.file)[.posixPermissions] as? NSNumber
        #expect(mode?.intValue == 0o600)
        // What happens afterwards is not in it.
        _ = try await site.directory.createTenant(Name(parsing: "late"))
        #expect(try site.restore() == manifest)

        let restored = try site.restored()
        #expect(try await restored.tenants().map(\.name.text) == ["acme", "globex"])
        #expect(try await restored.hosts().map(\.name.text) == ["h1"])
        #expect(restored.platform.anchor.root == site.directory.platform.anchor.root)
        let token = try String(contentsOfFile: site.data + "/operator.token", encoding: .utf8)
        #expect(restored.platform.isOperatorToken(token.trimmingCharacters(in: .whitespacesAndNewlines)))
        // Its keys sign as before.
        _ = try await restored.createTenant(Name(parsing: "new"))
        try await restored.deleteTenant(Name(parsing: "acme"))
        for path in ["", "/keys", "/directory.sqlite", "/operator.token", "/keys/root.pem"] {
            let attributes = try FileManager.default.attributesOfItem(atPath: site.elsewhere + path)
            #expect((attributes[.posixPermissions] as? NSNumber).map { $0.intValue & 0o077 } == 0, "\(path)")
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: site.elsewhere)
        #expect(!names.contains { $0.hasPrefix(".") })
        #expect(try !FileManager.default.contentsOfDirectory(atPath: site.data).contains { $0.hasPrefix(".backup") })
    }

    private final class Switch: Sendable {
        let isOn = Atomic(true)
    }

    /// Tenants come and go all the time, with their keys; each backup is of one moment, and every key of it is there.
    @Test func underWrites() async throws {
        let site = try Site()
        let writing = Switch()
        try await withThrowingTaskGroup { group in
            group.addTask {
                var number = 0
                while writing.isOn.load(ordering: .relaxed) {
                    number += 1
                    let name = try Name(parsing: "t\(number)")
                    _ = try await site.directory.createTenant(name)
                    if number.isMultiple(of: 2) { try await site.directory.deleteTenant(name) }
                }
                #expect(number > 2)
            }
            defer { writing.isOn.store(false, ordering: .relaxed) }
            for _ in 0..<5 {
                _ = try site.make()
                try site.restore()
                let restored = try site.restored()
                for tenant in try await restored.tenants() {
                    _ = try await restored.createVNet(
                        TenantName(tenant.name, Name(parsing: "lan")), prefix: IPv4Prefix(parsing: "10.0.0.0/24"),
                        id: nil)
                }
                try FileManager.default.removeItem(atPath: site.elsewhere)
                try FileManager.default.removeItem(atPath: site.file)
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    @Test func wrongPassphrases() throws {
        let site = try Site()
        #expect(throws: BackupError.self) {
            try Self.backup.make(of: site.data, to: site.file, passphrase: "elevenchars", at: 0)
        }
        #expect(!FileManager.default.fileExists(atPath: site.file))
        _ = try site.make()
        for wrong in ["", "correct horse batterz", "correct horse battery "] {
            #expect(throws: BackupError.self) { try site.restore(wrong) }
            site.expectNothingRestored(wrong)
        }
        try site.restore()
    }

    @Test func cutShort() throws {
        let site = try Site()
        _ = try site.make()
        let whole = try Data(contentsOf: URL(filePath: site.file))
        let chunk = BackupFormat.chunkBytes + BackupFormat.tagBytes
        let header = BackupFormat.headerBytes
        #expect(whole.count > header + 2 * chunk)
        let lengths = [
            0, 1, BackupFormat.title.count, header - 1, header, header + 1, header + 15, header + 16,
            header + chunk - 1,
            header + chunk, header + chunk + 1, header + 2 * chunk, whole.count - 17, whole.count - 16, whole.count - 1,
        ]
        for length in lengths {
            try whole.prefix(length).write(to: URL(filePath: site.file))
            #expect(throws: BackupError.self, "\(length)") { try site.restore() }
            site.expectNothingRestored("\(length)")
        }
        try (whole + [0]).write(to: URL(filePath: site.file))
        #expect(throws: BackupError.self) { try site.restore() }
        // A cut between two chunks is named for what it is.
        try whole.prefix(header + chunk).write(to: URL(filePath: site.file))
        let error = #expect(throws: BackupError.self) { try site.restore() }
        #expect(error?.message.contains("cut short") == true)
    }

    @Test func changedOctets() throws {
        let site = try Site()
        _ = try site.make()
        let whole = try Data(contentsOf: URL(filePath: site.file))
        let chunk = BackupFormat.chunkBytes + BackupFormat.tagBytes
        let header = BackupFormat.headerBytes
        var places = [
            0, BackupFormat.title.count - 2, BackupFormat.title.count, header - 1, header, header + chunk - 1,
        ]
        places += [header + chunk, whole.count - 1] + (0..<20).map { _ in Int.random(in: 0..<whole.count) }
        for place in places {
            var changed = whole
            changed[place] ^= 1 << UInt8.random(in: 0..<8)
            try changed.write(to: URL(filePath: site.file))
            #expect(throws: BackupError.self, "octet \(place)") { try site.restore() }
            site.expectNothingRestored("octet \(place)")
        }
        // Two chunks that have changed places.
        var swapped = whole.prefix(header)
        swapped += whole[(header + chunk)..<(header + 2 * chunk)]
        swapped += whole[header..<(header + chunk)]
        swapped += whole[(header + 2 * chunk)...]
        try swapped.write(to: URL(filePath: site.file))
        #expect(throws: BackupError.self) { try site.restore() }
    }

    @Test func otherFilesAndVersions() throws {
        let site = try Site()
        for (text, word) in [
            ("patchbay-backup 2\n" + String(repeating: "x", count: 200), "version '2'"), ("", "no backup"),
            ("SQLite format 3\0", "no backup"), ("patchbay-backup 1\n", "cut short"),
        ] {
            try Data(text.utf8).write(to: URL(filePath: site.file))
            let error = #expect(throws: BackupError.self) { try site.restore() }
            #expect(error?.message.contains(word) == true, "\(error.map(String.init(describing:)) ?? "")")
            site.expectNothingRestored(word)
        }
        try FileManager.default.removeItem(atPath: site.file)
        #expect(throws: BackupError.self) { try site.restore() }
    }

    @Test func onlyIntoEmptyDirectories() throws {
        let site = try Site()
        _ = try site.make()
        let manager = FileManager.default
        try manager.createDirectory(atPath: site.elsewhere, withIntermediateDirectories: true)
        try Data("mine".utf8).write(to: URL(filePath: site.elsewhere + "/.note"))
        let error = #expect(throws: BackupError.self) { try site.restore() }
        #expect(error?.message.contains(".note") == true)
        #expect(try manager.contentsOfDirectory(atPath: site.elsewhere) == [".note"])
        try manager.removeItem(atPath: site.elsewhere + "/.note")
        // A refused backup leaves a directory that was there as it was.
        #expect(throws: BackupError.self) { try site.restore("another passphrase") }
        #expect(try manager.contentsOfDirectory(atPath: site.elsewhere) == [])
        try site.restore()
        #expect(throws: BackupError.self) { try site.restore() }
        #expect(throws: BackupError.self) {
            try Self.backup.restore(site.file, to: site.data, passphrase: Self.passphrase)
        }
        // Nor over another backup, nor of what is no data directory.
        #expect(throws: BackupError.self) { try site.make() }
        #expect(throws: BackupError.self) {
            try Self.backup.make(of: site.path, to: site.path + "/other", passphrase: Self.passphrase, at: 0)
        }
    }

    @Test func aPlatformThatLacksSomethingIsNotBackedUp() async throws {
        let site = try Site()
        _ = try await site.directory.createTenant(Name(parsing: "acme"))
        let keys = try FileManager.default.contentsOfDirectory(atPath: site.data + "/keys")
        let tenants = keys.filter { $0.hasPrefix("tenant") || $0.contains("acme") }
        let victim = try #require(tenants.first, "\(keys)")
        try FileManager.default.removeItem(atPath: "\(site.data)/keys/\(victim)")
        let error = #expect(throws: BackupError.self) { try site.make() }
        #expect(error?.message.contains("missing") == true)
        #expect(!FileManager.default.fileExists(atPath: site.file + ".partial"))
        try FileManager.default.createSymbolicLink(
            atPath: site.data + "/keys/extra.pem", withDestinationPath: "/etc/passwd")
        #expect(throws: BackupError.self) { try site.make() }
    }

    /// A key that waits for its place (see `FileKeyStore`) is a key.
    @Test func aKeyThatWaits() throws {
        let site = try Site()
        try FileManager.default.moveItem(
            atPath: site.data + "/keys/controller.pem", toPath: site.data + "/keys/controller.pem.next")
        _ = try site.make()
        try site.restore()
        _ = try site.restored()
    }

    @Test func pathsThatLeaveTheDirectory() {
        for path in ["keys/root.pem", "a", "a/b/c/d", "root.pem.next"] { #expect(BackupPaths.isFine(path), "\(path)") }
        let bad = [
            "", "/etc/passwd", "../a", "a/../b", "a/..", ".", "a/.b", "a//b", "a/", "a b", "a\nb", "a\0b", "a\\b", "é",
            "a/b/c/d/e", String(repeating: "a", count: 401),
        ]
        for path in bad { #expect(!BackupPaths.isFine(path), "\(path)") }
    }

    /// A manifest that was made by somebody who has the passphrase, and wants more than he may.
    @Test func hostileManifests() throws {
        let site = try Site()
        let file = BackupManifest.File(path: "directory.sqlite", size: 0, sha256: "")
        let root = BackupManifest.File(path: "root.pem", size: 0, sha256: "")
        func manifest(_ files: [BackupManifest.File]) -> BackupManifest {
            BackupManifest(program: "x", madeAt: 0, migrations: [], files: files)
        }
        var outside = root
        outside.path = "../outside"
        var negative = root
        negative.size = -1
        var huge = root
        huge.size = .max
        let cases = [
            manifest([]), manifest([file]), manifest([file, root, outside]), manifest([file, negative]),
            manifest([file, huge]), manifest([file, root, root]), manifest([file, root]),
        ]
        for manifest in cases {
            try? FileManager.default.removeItem(atPath: site.file)
            let head = try JSONEncoder().encode(manifest)
            let writer = try BackupWriter(
                path: site.file, passphrase: Self.passphrase, rounds: 16, random: Self.random)
            try writer.write(Data([0, 0, UInt8(head.count >> 8), UInt8(head.count & 255)]) + head)
            try writer.finish()
            #expect(throws: BackupError.self) { try site.restore() }
            site.expectNothingRestored("\(manifest.files)")
            #expect(!FileManager.default.fileExists(atPath: site.path + "/outside"))
        }
    }
}
