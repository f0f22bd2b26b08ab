import Foundation
import Testing

@testable import Trust

@Suite("Keys and their store")
struct KeyTests {
    @Test("1: PEM is read again; what is no P-256 key is refused")
    func pem() throws {
        let key = SigningKey()
        let again = try SigningKey(pem: key.pem)
        #expect(again.publicKeyInfo == key.publicKeyInfo)
        #expect(key.publicKeyInfo.count == 91)
        for bad in [
            "", "x", P384Key.make().pemRepresentation, String(key.pem.dropLast(40)), key.pem + key.pem,
            String(repeating: "A", count: 1 << 20),
        ] {
            #expect(throws: KeyError.notAPrivateKey) { try SigningKey(pem: bad) }
        }
    }

    @Test("2: signatures are of the key and the bytes")
    func signatures() throws {
        let key = SigningKey()
        let publicKey = try PublicKey(info: key.publicKeyInfo)
        let other = try PublicKey(info: SigningKey().publicKeyInfo)
        let signature = try key.sign([1, 2, 3])
        #expect(publicKey.verifies(signature, over: [1, 2, 3]))
        #expect(!publicKey.verifies(signature, over: [1, 2]))
        #expect(!other.verifies(signature, over: [1, 2, 3]))
        #expect(!publicKey.verifies([], over: [1, 2, 3]))
        #expect(publicKey.hash == key.keyHash)
    }

    @Test("3: no description or dump shows the key")
    func secrecy() {
        let key = SigningKey()
        var dumped = ""
        dump(key, to: &dumped)
        #expect("\(key)" == "SigningKey(P-256)")
        #expect(String(reflecting: key) == "SigningKey(P-256)")
        #expect(dumped == "- SigningKey(P-256)\n")
        #expect("\([key])" == "[SigningKey(P-256)]")
    }

    // MARK: Files

    private func withDirectory(_ body: (String) throws -> Void) throws {
        let path = NSTemporaryDirectory() + "patchbay-keys-\(UInt64.random(in: 0 ... .max))"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(path)
    }

    private func mode(_ path: String) throws -> Int {
        let value = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? NSNumber
        return try #require(value).intValue
    }

    private func setMode(_ mode: Int, _ path: String) throws {
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    }

    @Test("4: keys are stored, replaced, listed and deleted; modes are 0700 and 0600; no draft stays")
    func store() throws {
        try withDirectory { path in
            let store = try FileKeyStore(directory: path)
            #expect(try mode(path) == 0o700)
            #expect(try store.names() == [])
            #expect(try store.load("root") == nil)
            let (one, two) = (SigningKey(), SigningKey())
            try store.store(one, as: "root")
            #expect(try mode(path + "/root.pem") == 0o600)
            #expect(try store.load("root")?.publicKeyInfo == one.publicKeyInfo)
            try store.store(two, as: "root")
            #expect(try mode(path + "/root.pem") == 0o600)
            #expect(try store.load("root")?.publicKeyInfo == two.publicKeyInfo)
            try store.store(one, as: "tenant-acme")
            try store.store(one, as: "endpoint.fd12-1")
            #expect(try store.names() == ["endpoint.fd12-1", "root", "tenant-acme"])
            #expect(try FileManager.default.contentsOfDirectory(atPath: path).count == 3)
            try store.delete("root")
            try store.delete("root")
            #expect(try store.load("root") == nil)
            #expect(try FileKeyStore(directory: path).loadOrMake("tenant-acme").keyHash == one.keyHash)
            let made = try store.loadOrMake("new")
            #expect(try store.load("new")?.keyHash == made.keyHash)
        }
    }

    @Test("5: files and directories that others may use are refused, as are links and other things")
    func exposure() throws {
        try withDirectory { path in
            let store = try FileKeyStore(directory: path)
            try store.store(SigningKey(), as: "a")
            let file = path + "/a.pem"
            for bits in [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o644, 0o666, 0o777] {
                try setMode(bits, file)
                #expect(throws: KeyStoreError.exposed(path: file, mode: bits)) { try store.load("a") }
                #expect(throws: KeyStoreError.exposed(path: file, mode: bits)) {
                    try store.store(SigningKey(), as: "a")
                }
            }
            for bits in [0o600, 0o400] {
                try setMode(bits, file)
                #expect(throws: Never.self) { try store.load("a") }
            }
            for bits in [0o750, 0o705, 0o755, 0o777, 0o710] {
                try setMode(bits, path)
                #expect(throws: KeyStoreError.exposed(path: path, mode: bits)) { try store.load("a") }
                #expect(throws: KeyStoreError.self) { try store.store(SigningKey(), as: "b") }
                #expect(throws: KeyStoreError.self) { try store.names() }
                #expect(throws: KeyStoreError.self) { try store.delete("a") }
                #expect(throws: KeyStoreError.self) { try FileKeyStore(directory: path) }
            }
            try setMode(0o700, path)
            try FileManager.default.createSymbolicLink(atPath: path + "/link.pem", withDestinationPath: file)
            #expect(throws: KeyStoreError.notPlain(path: path + "/link.pem")) { try store.load("link") }
            #expect(throws: KeyStoreError.notPlain(path: path + "/link.pem")) {
                try store.store(SigningKey(), as: "link")
            }
            try FileManager.default.createDirectory(atPath: path + "/dir.pem", withIntermediateDirectories: false)
            #expect(throws: KeyStoreError.notPlain(path: path + "/dir.pem")) { try store.load("dir") }
            #expect(throws: KeyStoreError.self) { try FileKeyStore(directory: file) }
        }
    }

    @Test("6: whatever a crash leaves, one whole key is found, and never an older one afterwards")
    func crashes() throws {
        let (old, new, third) = (SigningKey(), SigningKey(), SigningKey())
        // What is on the disk after each step of replacing a key: key, next, draft; and which key that is.
        let table: [(key: SigningKey?, next: SigningKey?, draft: String?, found: SigningKey?)] = [
            (nil, nil, "", nil), (nil, nil, new.pem, nil), (old, nil, "", old),
            (old, nil, String(new.pem.prefix(9)), old),
            (old, nil, new.pem, old), (old, new, nil, old), (nil, new, nil, new), (new, nil, nil, new),
        ]
        for (number, row) in table.enumerated() {
            for act in 0..<3 {
                try withDirectory { path in
                    let store = try FileKeyStore(directory: path)
                    func put(_ text: String?, _ file: String) throws {
                        guard let text else { return }
                        try Data(text.utf8).write(to: URL(fileURLWithPath: path + file))
                        try setMode(0o600, path + file)
                    }
                    try put(row.key?.pem, "/a.pem")
                    try put(row.next?.pem, "/a.pem.next")
                    try put(row.draft, "/.a.new")
                    #expect(try store.load("a")?.keyHash == row.found?.keyHash, "row \(number)")
                    #expect(try store.names() == (row.found == nil ? [] : ["a"]), "row \(number)")
                    switch act {
                    case 0: try store.delete("a")
                    case 1: try store.store(third, as: "a")
                    default: return
                    }
                    #expect(try store.load("a")?.keyHash == (act == 0 ? nil : third.keyHash), "row \(number)")
                    let left = try FileManager.default.contentsOfDirectory(atPath: path)
                    #expect(left == (act == 0 ? [] : ["a.pem"]), "row \(number)")
                }
            }
        }
    }

    @Test("7: damaged files are named and not taken")
    func damage() throws {
        try withDirectory { path in
            let store = try FileKeyStore(directory: path)
            for content in [Data(), Data("x".utf8), Data([0xff, 0xfe]), Data(count: 1 << 20)] {
                let file = path + "/a.pem"
                try content.write(to: URL(fileURLWithPath: file))
                try setMode(0o600, file)
                #expect(throws: KeyStoreError.damaged(path: file)) { try store.load("a") }
            }
        }
    }

    @Test("8: odd names are refused by every call")
    func names() throws {
        try withDirectory { path in
            let store = try FileKeyStore(directory: path)
            let odd = [
                "", ".", "..", "../a", "a/b", "/a", ".hidden", "-a", "A", "a b", "a\0", "a\n", "ä", "~a", "a*",
                String(repeating: "a", count: 129),
            ]
            for name in odd {
                #expect(throws: KeyStoreError.self, "\(name)") { try store.load(name) }
                #expect(throws: KeyStoreError.self, "\(name)") { try store.store(SigningKey(), as: name) }
                #expect(throws: KeyStoreError.self, "\(name)") { try store.delete(name) }
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: path) == [])
            #expect(throws: Never.self) { try store.store(SigningKey(), as: String(repeating: "a", count: 128)) }
        }
    }
}

@Suite("ECDSA of Project Wycheproof")
struct WycheproofTests {
    @Test("1: every vector, and DER in one form only")
    func vectors() throws {
        let url = try #require(
            Bundle.module.url(forResource: "ecdsa-p256-sha256", withExtension: "txt", subdirectory: "Resources"))
        var key: PublicKey?
        var valid = 0
        var invalid = 0
        for line in try String(contentsOf: url, encoding: .utf8).split(separator: "\n") where !line.hasPrefix("#") {
            let fields = line.split(separator: " ")
            if fields[0] == "key" {
                key = try PublicKey(info: Self.bytes(fields[1]))
                continue
            }
            let verdict = try #require(key).verifies(Self.bytes(fields[3]), over: Self.bytes(fields[2]))
            #expect(verdict == (fields[1] == "valid"), "case \(fields[0])")
            if fields[1] == "valid" { valid += 1 } else { invalid += 1 }
        }
        #expect(valid == 174)
        #expect(invalid == 310)
    }

    private static func bytes(_ hex: Substring) throws -> [UInt8] {
        guard hex != "-" else { return [] }
        let digits = hex.compactMap(\.hexDigitValue)
        return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }
}
