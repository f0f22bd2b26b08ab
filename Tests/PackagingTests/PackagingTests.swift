import Foundation
import Lab
import Testing

/// What the packages are made of: units, man pages and default options that fit the programs. The packages themselves are
/// made by `make deb`.
@Suite struct PackagingTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path(percentEncoded: false)

    /// Where the programs are that were built with the tests.
    private static var programs: String {
        if let named = ProcessInfo.processInfo.environment["PATCHBAY_BIN"] { return named }
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? "."
        let beside = (own as NSString).deletingLastPathComponent
        return FileManager.default.isExecutableFile(atPath: beside + "/patchbay") ? beside : root + "/.build/debug"
    }

    private static func file(_ path: String) throws -> String {
        try String(contentsOfFile: "\(root)/\(path)", encoding: .utf8)
    }

    private static func run(_ words: [String]) async throws -> CommandResult { try await Command.run(words) }

    /// A unit as it is installed, but with programs that are there.
    private static func unit(_ program: String, in directory: String) throws -> String {
        let rules = try file("debian/rules")
        let list = try #require(rules.firstMatch(of: /CAPABILITIES = (.*)/))
        let text = try file("debian/\(program).service")
            .replacingOccurrences(of: "/usr/sbin/", with: programs + "/")
            .replacingOccurrences(of: "@CAPABILITIES@", with: String(list.output.1))
        let path = "\(directory)/\(program).service"
        try Data(text.utf8).write(to: URL(filePath: path))
        return path
    }

    private static func withDirectory(_ body: (String) async throws -> Void) async throws {
        let path = NSTemporaryDirectory() + "patchbay-packaging-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: path) }
        try await body(path)
    }

    @Test func unitsAreWellFormedAndHardened() async throws {
        try await Self.withDirectory { directory in
            // Tenths of the score of systemd-analyze, of which 10 is the worst.
            for (program, exposure) in [("patchbay-controller", 15), ("patchbay-leaf", 55)] {
                let path = try Self.unit(program, in: directory)
                let verified = try await Self.run(["systemd-analyze", "verify", "--man=no", path])
                #expect(verified.code == 0, "\(verified)")
                #expect(!verified.error.contains(".service:"), "\(verified.error)")
                let security = try await Self.run([
                    "systemd-analyze", "security", "--offline=true", "--threshold=\(exposure)", path,
                ])
                #expect(security.code == 0, "\(security.lastLines)")
            }
        }
    }

    @Test func manPagesOfAllPrograms() async throws {
        try await Self.withDirectory { directory in
            let pages = [("patchbay", 1), ("patchbay-controller", 8), ("patchbay-leaf", 8), ("patchbay-crypt", 8)]
            for (program, section) in pages {
                let page = try await Self.run([
                    "\(Self.root)/scripts/manual.py", "\(Self.programs)/\(program)", "\(section)",
                ])
                #expect(page.code == 0, "\(page)")
                let path = "\(directory)/\(program).\(section)"
                try Data(page.output.utf8).write(to: URL(filePath: path))
                let checked = try await Self.run(["mandoc", "-T", "lint", "-W", "warning", path])
                #expect(checked.code == 0, "\(checked.output)")
                #expect(page.output.contains(".SH COMMANDS\n.SS "), "\(program)")
            }
        }
    }

    /// Every option that a default file, a unit or `host join` writes is one of the program's.
    @Test func defaultOptionsAreKnown() async throws {
        let controller = try Self.file("debian/controller.conf") + Self.file("debian/patchbay-controller.service")
        let leaf =
            try Self.file("debian/leaf.conf") + Self.file("debian/patchbay-leaf.service")
            + Self.file("Sources/patchbay/Commands/HostJoinCommand.swift").split(separator: "\n")
            .filter { $0.contains("OPTIONS=") }.joined(separator: "\n")
        for (program, text) in [("patchbay-controller", controller), ("patchbay-leaf", leaf)] {
            let help = try await Self.run(["\(Self.programs)/\(program)", "run", "--help"])
            let lines = text.split(separator: "\n").filter { !$0.hasPrefix("#") }
            let options = lines.filter { $0.contains("OPTIONS=\"") || $0.contains("ExecStart=") }
                .flatMap { $0.matches(of: /--[a-z-]+/).map { String($0.output) } }
            #expect(options.count > 3, "\(program)")
            for option in options { #expect(help.output.contains(option + " "), "\(program) has no \(option)") }
        }
    }

    /// Units of `Type=notify` start when the controller says so, and it says so when both of its ports answer.
    @Test(.timeLimit(.minutes(1))) func theControllerSaysWhenItIsReady() async throws {
        try await Self.withDirectory { directory in
            let made = try await Self.run([
                "\(Self.programs)/patchbay-controller", "init", "--data", "\(directory)/data",
            ])
            #expect(made.code == 0, "\(made)")
            let script = """
                cd "$1" && socat -u UNIX-RECV:notify OPEN:told,creat,append & heard=$!
                until [ -S "$1/notify" ]; do sleep 0.05; done
                NOTIFY_SOCKET="$1/notify" "$2/patchbay-controller" run --data "$1/data" --listen 127.0.0.1:17643 \
                    --leaf-listen 127.0.0.1:17644 2>"$1/log" & runs=$!
                for _ in $(seq 200); do [ -s "$1/told" ] && break; sleep 0.05; done
                cat "$1/told"
                for port in 17643 17644; do (: </dev/tcp/127.0.0.1/$port) && echo " $port"; done
                kill $runs $heard; wait $runs
                """
            let result = try await Self.run(["bash", "-c", script, "-", directory, Self.programs])
            #expect(result.output == "READY=1 17643\n 17644\n", "\(result)")
        }
    }

    /// What a package installs is there to be installed.
    @Test func namedFilesExist() throws {
        let docs = try Self.file("debian/patchbay-common.docs").split(separator: "\n").map(String.init)
        let all = try FileManager.default.contentsOfDirectory(atPath: Self.root + "/docs").filter {
            $0.hasSuffix(".md")
        }
        #expect(docs.contains("docs/*.md") && all.contains("installation.md"), "the units point to installation.md")
        for path in docs.filter({ !$0.contains("*") }) + [
            "share/grafana/patchbay.json", "share/prometheus/patchbay-alerts.yaml",
        ] {
            #expect(FileManager.default.fileExists(atPath: "\(Self.root)/\(path)"), "\(path)")
        }
        let version = try #require(try Self.file("debian/changelog").firstMatch(of: /patchbay \(([0-9.]+)-/))
        #expect(try Self.file("CHANGELOG.md").contains("## \(version.output.1)"))
    }
}
