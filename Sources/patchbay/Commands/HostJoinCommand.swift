import ArgumentParser
import Foundation
import Lab
import Trust

extension HostCommand {
    /// Makes this machine a host: enrols its leaf, writes the leaf's configuration and has systemd run it.
    struct Join: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make this machine a host of a platform, with a token of 'patchbay host create'.",
            discussion: """
                Run it as root on the host itself, once:

                  patchbay host join -              and paste the token

                It enrols the leaf, writes its options to /etc/patchbay/leaf.conf, and has systemd run it, now and at \
                every start. Where systemd does not run, it says what to run instead.
                """)

        @Argument(help: "The token, or '-' to read it from standard input, where no process list shows it.")
        var token: String

        @Option(help: "The device that leads to the other hosts (default: the one that leads to the controller).")
        var underlay: String?

        @Option(help: "The underlay address at which the leaf receives (default: the device's first).")
        var locator: String?

        @Option(help: "The directory of the leaf's own files.")
        var state = "/var/lib/patchbay/leaf"

        @Option(help: "The file with the options with which systemd starts the leaf.")
        var configuration = "/etc/patchbay/leaf.conf"

        @Option(help: "The leaf's program (default: patchbay-leaf beside this program, or in /usr/sbin).")
        var leafProgram: String?

        @Flag(help: "Only enrol and write the configuration.")
        var noStart = false

        func validate() throws {
            for word in [underlay, locator].compactMap({ $0 }) where !HostJoining.isPlain(word) {
                throw ValidationError("'\(word)' is no name of a device and no address.")
            }
        }

        func run() async throws {
            let text = (token == "-" ? readLine() ?? "" : token).trimmingCharacters(in: .whitespacesAndNewlines)
            let joining = HostJoining(
                token: try JoinToken(parsing: text), state: state, configuration: configuration,
                program: try HostJoining.program(leafProgram))
            // Everything that can be wrong is looked at before the token is used: it works once.
            let device: String
            if let underlay { device = underlay } else { device = try await joining.deviceToController() }
            try joining.checkConfiguration()
            Screen.line(try await joining.enrol(text))
            try joining.writeConfiguration(device: device, locator: locator)
            Screen.line("Its options are in \(configuration).")
            if noStart { return }
            try await joining.start()
        }
    }
}

/// The steps by which a machine becomes a host.
struct HostJoining {
    let token: JoinToken
    let state: String
    let configuration: String
    let program: String

    /// Where the program of the leaf is.
    static func program(_ given: String?) throws -> String {
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        let beside = (own as NSString).deletingLastPathComponent + "/patchbay-leaf"
        let places = given.map { [$0] } ?? [beside, "/usr/sbin/patchbay-leaf"]
        guard let found = places.first(where: FileManager.default.isExecutableFile) else {
            throw ValidationError(
                "There is no leaf at \(places.joined(separator: " or ")): install patchbay-leaf, or give --leaf-program."
            )
        }
        return found
    }

    /// Whether a word may stand in the configuration as it is.
    static func isPlain(_ word: String) -> Bool {
        !word.isEmpty && word.utf8.count <= 64 && !word.hasPrefix("-")
            && word.utf8.allSatisfy { octet in
                (0x30...0x3A).contains(octet) || (0x41...0x5A).contains(octet) || (0x61...0x7A).contains(octet)
                    || [0x2D, 0x2E, 0x40, 0x5F].contains(octet)
            }
    }

    /// The device by which the system would send to the controller.
    func deviceToController() async throws -> String {
        let host = URL(string: token.controllerURL)?.host()?.trimmingCharacters(in: ["[", "]"]) ?? ""
        guard Self.isPlain(host) else {
            throw ValidationError("The token names no controller: '\(token.controllerURL)'. Make a new token.")
        }
        let route = try await Command.run(["ip", "-o", "route", "get", "to", host])
        let words = route.output.split(separator: " ").map(String.init)
        if route.code == 0, let place = words.firstIndex(of: "dev"), place + 1 < words.count, words[place + 1] != "lo",
            Self.isPlain(words[place + 1])
        {
            return words[place + 1]
        }
        throw ValidationError(
            "The device that leads to the other hosts is not to be seen from the way to \(host). Give --underlay DEVICE."
        )
    }

    /// Refuses to write over options that somebody has written.
    func checkConfiguration() throws {
        guard FileManager.default.fileExists(atPath: configuration) else { return }
        throw ValidationError(
            "\(configuration) exists: this machine was made a host before, or is about to be. Move it away to begin anew."
        )
    }

    /// Enrols the leaf; says what it said.
    func enrol(_ text: String) async throws -> String {
        let result = try await Command.run(
            [program, "join", "--token", "-", "--state", state], input: text + "\n", limit: .seconds(60))
        guard result.code == 0 else {
            throw LabError("the leaf could not join", log: result.lastLines)
        }
        return result.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Writes the options with which systemd starts the leaf.
    func writeConfiguration(device: String, locator: String?) throws {
        let directory = (configuration as NSString).deletingLastPathComponent
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
        let place = locator.map { " --locator \($0)" } ?? ""
        let text = """
            # How systemd starts the leaf: options of patchbay-leaf run, see patchbay-leaf(8). Written by: patchbay host join
            OPTIONS="--underlay \(device)\(place) --metrics 127.0.0.1:9471 --crypt-metrics 127.0.0.1:9472"

            """
        try Data(text.utf8).write(to: URL(filePath: configuration), options: .atomic)
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: configuration)
    }

    /// Has systemd run the leaf, or says how to run it without.
    func start() async throws {
        guard FileManager.default.fileExists(atPath: "/run/systemd/system") else {
            Screen.line(
                "systemd does not run here. Start the leaf with: \(program) run --state \(state) --underlay DEVICE")
            return
        }
        let result = try await Command.run(["systemctl", "enable", "--now", "patchbay-leaf.service"])
        guard result.code == 0 else {
            throw LabError("systemd does not start patchbay-leaf.service", log: result.lastLines)
        }
        Screen.line("patchbay-leaf.service runs.")
    }
}
