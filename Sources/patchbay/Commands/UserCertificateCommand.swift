import APIClient
import APITypes
import Accounts
import ArgumentParser
import Foundation
import Trust

// Certificates of people: made here, with a key that never leaves this machine.

extension CertificateCommand {
    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a key on this machine and have it certified for a user, who signs in for it.",
            discussion: """
                Writes NAME.pem and NAME.key (which nobody else may read) into the directory of your settings, \
                ~/.config/patchbay, or where --out says. Every command takes them by --certificate or \
                PATCHBAY_CERTIFICATE in place of a token; they may do what the user may.

                  patchbay certificate create ada@acme --label laptop --days 30
                  patchbay endpoint list acme --certificate ~/.config/patchbay/ada@acme.pem
                """)
        @Argument(help: "NAME@TENANT, or NAME.", transform: UserCommand.account) var name: AccountName
        @Option(help: "What it is for; this machine's name when left out.") var label: String?
        @Option(help: "For how many days it is good, 1 to 90.") var days: Int = 30
        @Option(
            help: ArgumentHelp("Where the files go, without .pem and .key.", valueName: "path"),
            completion: .file()) var out: String?
        @OptionGroup var options: ControllerOptions

        func validate() throws {
            guard (1...90).contains(days) else { throw ValidationError("--days is 1 to 90") }
        }

        func run() async throws {
            let place = out ?? "\(SettingsDirectory.path)/\(name)"
            let files = (certificate: place + ".pem", key: place + ".key")
            for file in [files.certificate, files.key] where FileManager.default.fileExists(atPath: file) {
                throw ValidationError("\(file) is there already; name another place by --out.")
            }
            if out == nil { try SettingsDirectory.make() }
            let key = SigningKey()
            let request = NewCertificate(
                csr: try SigningRequest(key: key).pem, label: label ?? ProcessInfo.processInfo.hostName,
                days: UInt64(days))
            let made = try await options.withClient(as: name) { try await $0.create(request) }
            // The key first: a certificate without its key is good for nothing.
            try SettingsDirectory.write(key.pem, files.key, mode: 0o600)
            try SettingsDirectory.write(
                (made.certificate.pem ?? "") + (made.issuer ?? ""), files.certificate, mode: 0o644)
            if options.json { return try JSONOutput.write(made) }
            Screen.line("Made the certificate \(made.id), good until \(Formatting.moment(made.certificate.expiresAt)):")
            Screen.line("  \(files.certificate)")
            Screen.line("  \(files.key)")
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List your certificates, or those of a user.",
            discussion: "Yours are those of the user whose certificate asks: --certificate.")
        @Argument(help: "NAME@TENANT, or NAME.", transform: UserCommand.account) var name: AccountName?
        @OptionGroup var list: ListOptions
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.showList(
                { try await $0.certificates(of: name?.owner, limit: list.limit) }, none: "No certificates."
            ) { certificates in
                var table = Table("CERTIFICATE", "LABEL", "STATE", "UNTIL", "LAST USED")
                for one in certificates {
                    let state = one.holds ? "good" : one.revokedAt == nil ? "over" : "revoked"
                    table.add(one.id, one.label, state, one.certificate.expiresAt, one.lastUsedAt ?? "-")
                }
                return table
            }
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Revoke a certificate of yours, or of a user, at once.")
        @Argument(help: "The certificate's id, as list shows it.") var id: String
        @Option(help: "NAME@TENANT, or NAME: whose it is.", transform: UserCommand.account) var user: AccountName?
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.withClient { try await $0.revokeCertificate(id, of: user?.owner) }
            if options.json { try JSONOutput.write(["revoked": id]) } else { Screen.line("Revoked \(id).") }
        }
    }
}

/// Where a user's own files are.
enum SettingsDirectory {
    /// `$XDG_CONFIG_HOME/patchbay`, or `~/.config/patchbay`.
    static var path: String {
        let environment = ProcessInfo.processInfo.environment
        return (environment["XDG_CONFIG_HOME"] ?? NSHomeDirectory() + "/.config") + "/patchbay"
    }

    /// Makes it, for its user alone.
    static func make() throws {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw APIClientError.setting("cannot make \(path)", remedy: "name another place by --out")
        }
    }

    /// Writes a new file that has its mode from the beginning.
    static func write(_ text: String, _ path: String, mode: Int) throws {
        let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode_t(mode))
        guard descriptor >= 0, case let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true),
            (try? file.write(contentsOf: Data(text.utf8))) != nil
        else {
            throw APIClientError.setting("cannot write \(path)", remedy: "name another place by --out")
        }
    }
}

/// Secrets that are typed.
enum Secret {
    /// The password: of a file, of standard input, or typed without being shown.
    static func password(_ file: String?) throws -> String {
        guard let file else { return try ask("Password") }
        return try line(file, "password")
    }

    /// A new password, which is typed twice where it is in no file.
    static func new(_ file: String?) throws -> String {
        guard file == nil else { return try password(file) }
        let text = try ask("New password")
        guard try ask("Once more") == text else {
            throw APIClientError.setting("the two are not the same", remedy: "type the new password twice")
        }
        return text
    }

    /// The first line of a file, or of standard input.
    static func line(_ file: String, _ what: String) throws -> String {
        let text: String?
        if file == "-" {
            text = readLine()
        } else {
            text = (try? String(contentsOfFile: file, encoding: .utf8))?.split(whereSeparator: \.isNewline).first
                .map(String.init)
        }
        guard let text, !text.isEmpty else {
            throw APIClientError.setting(
                "there is no \(what) in \(file == "-" ? "the input" : file)", remedy: "give it in one line")
        }
        return text
    }

    /// Asks at the terminal; what is typed is not shown.
    static func ask(_ what: String) throws -> String {
        guard isatty(STDIN_FILENO) == 1 else {
            throw APIClientError.setting(
                "\(what) is asked for, and there is no terminal",
                remedy: "give --password-file, and --code where needed")
        }
        FileHandle.standardError.write(Data("\(what): ".utf8))
        var shown = termios()
        guard unsafe tcgetattr(STDIN_FILENO, &shown) == 0 else {
            throw APIClientError.setting("the terminal cannot be asked", remedy: "give --password-file")
        }
        var hidden = shown
        hidden.c_lflag &= ~tcflag_t(ECHO)
        _ = unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden)
        defer {
            _ = unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown)
            FileHandle.standardError.write(Data("\n".utf8))
        }
        return readLine() ?? ""
    }
}
