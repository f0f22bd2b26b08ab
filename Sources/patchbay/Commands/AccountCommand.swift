import APIClient
import APITypes
import Accounts
import ArgumentParser

struct AccountCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "account", abstract: "Your own account: its password and its one-time codes.",
        discussion: """
            All of it is for who signs in for it, by --as; the password is asked for, or read from --password-file.

              patchbay account set-up ada@acme --secret-file link.txt
              patchbay account password --as ada@acme
              patchbay account codes begin --as ada@acme
              patchbay account codes confirm 123456 --as ada@acme
            """,
        subcommands: [SetUp.self, Password.self, Codes.self])

    struct SetUp: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "set-up", abstract: "Set the password by the link of an invitation.",
            discussion: """
                What is behind 'secret=' in the link that 'user create' and 'user invite' print is its secret. It is read from \
                a file or from standard input, never from an argument, which others on the machine could see.
                """)
        @Argument(help: "NAME@TENANT, or NAME.", transform: UserCommand.account) var name: AccountName
        @Option(help: "The file with the secret of the link; - is standard input.", completion: .file())
        var secretFile: String
        @Option(help: "The file with the new password; asked for when left out.", completion: .file())
        var newPasswordFile: String?
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            let new = PasswordByLink(
                name: name.description, secret: try Secret.line(secretFile, "secret"),
                password: try Secret.new(newPasswordFile))
            try await options.withClient(needsCredentials: false) { try await $0.setUp(new) }
            if options.json {
                try JSONOutput.write(["set_up": name.description])
            } else {
                Screen.line("\(name) signs in with the new password.")
            }
        }
    }

    struct Password: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Change your password; your other sessions end.",
            discussion: "The present one is that by which --as signs in.")
        @Option(help: "The file with the new password; asked for when left out.", completion: .file())
        var newPasswordFile: String?
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            let account = try options.signsIn()
            let present = try Secret.password(options.passwordFile)
            let change = ChangePassword(current: present, password: try Secret.new(newPasswordFile))
            try await options.withClient(password: present) { try await $0.change(change) }
            if options.json {
                try JSONOutput.write(["changed": account.description])
            } else {
                Screen.line("\(account) signs in with the new password.")
            }
        }
    }

    struct Codes: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "One-time codes (RFC 6238) as your second factor.",
            subcommands: [Begin.self, Confirm.self, Remove.self])

        struct Begin: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Show a new secret for your authenticator; codes are asked for once you have confirmed it.")
            @OptionGroup var options: ControllerOptions

            func run() async throws {
                _ = try options.signsIn()
                try await options.show({ try await $0.enrolOneTimeCodes() }) {
                    Facts([("Secret", $0.secret), ("Address", $0.uri)]).write()
                }
            }
        }

        struct Confirm: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Confirm the secret by a first code; prints recovery codes, once.")
            @Argument(help: "The six digits that your authenticator shows.") var digits: String
            @OptionGroup var options: ControllerOptions

            func run() async throws {
                _ = try options.signsIn()
                try await options.show({ try await $0.confirmOneTimeCodes(digits) }) { codes in
                    Screen.line(
                        "A code is asked for from now on. Each of these is good once in its place; shown only now:")
                    for code in codes.recoveryCodes { Screen.line("  \(code)") }
                }
            }
        }

        struct Remove: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Take your one-time codes away; your other sessions end.")
            @OptionGroup var options: ControllerOptions

            func run() async throws {
                let account = try options.signsIn()
                try await options.withClient { try await $0.removeOneTimeCodes() }
                try options.deleted("the one-time codes of \(account)")
            }
        }
    }
}
