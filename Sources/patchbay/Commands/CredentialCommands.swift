import APITypes
import Accounts
import ArgumentParser

// By what people ask: sessions, tokens and passkeys, one's own or a user's.

struct SessionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "session", abstract: "Sessions of people.", subcommands: [List.self, End.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List your sessions, or those of a user.")
        @Argument(help: "NAME@TENANT, or NAME; yours when left out.", transform: UserCommand.account)
        var name: AccountName?
        @OptionGroup var list: ListOptions
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.showList(
                { try await $0.sessions(of: name?.owner, limit: list.limit) }, none: "No sessions."
            ) { sessions in
                var table = Table("SESSION", "BEGUN", "LAST SEEN", "FROM", "BROWSER")
                for one in sessions {
                    table.add(
                        one.id, one.createdAt, one.lastSeenAt, one.source, one.isCurrent ? "this one" : one.agent)
                }
                return table
            }
        }
    }

    struct End: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "End a session of yours, or of a user, at once.")
        @Argument(help: "The session's id, as list shows it.") var id: String
        @Option(help: "NAME@TENANT, or NAME: whose it is.", transform: UserCommand.account) var user: AccountName?
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.withClient { try await $0.endSession(id, of: user?.owner) }
            if options.json { try JSONOutput.write(["ended": id]) } else { Screen.line("Ended \(id).") }
        }
    }
}

struct TokenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "Personal tokens, by which programs ask for people.",
        discussion: """
              patchbay token create --label backup --scope read --scope audit --days 30 --as ada@acme
              patchbay token list ada@acme
            """,
        subcommands: [Create.self, List.self, Delete.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a token of your own; its text is shown once.",
            discussion: "Making one is for who has just signed in: --as NAME@TENANT.")
        @Option(help: "What it is for, 1 to 64 characters.") var label: String
        @Option(
            help: """
                A scope: read, network, policy-read, policy, people, platform, audit or usage; may be given several times.
                """) var scope: [String]
        @Option(help: "For how many days it is good, 1 to 366.") var days: UInt64
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.show({ try await $0.create(NewToken(label: label, scopes: scope, days: days)) }) { made in
                let end = Formatting.moment(made.expiresAt)
                Screen.line("Made the token \(made.id), good until \(end); shown only now:")
                Screen.line(made.token ?? "")
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List your tokens, or those of a user.")
        @Argument(help: "NAME@TENANT, or NAME; yours when left out.", transform: UserCommand.account)
        var name: AccountName?
        @OptionGroup var list: ListOptions
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.showList(
                { try await $0.tokens(of: name?.owner, limit: list.limit) }, none: "No tokens."
            ) { tokens in
                var table = Table("TOKEN", "LABEL", "SCOPES", "UNTIL", "LAST USED")
                for one in tokens {
                    table.add(one.id, one.label, Formatting.list(one.scopes), one.expiresAt, one.lastUsedAt ?? "-")
                }
                return table
            }
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Delete a token of yours, or of a user; it is good for nothing at once.")
        @Argument(help: "The token's id, as list shows it.") var id: String
        @Option(help: "NAME@TENANT, or NAME: whose it is.", transform: UserCommand.account) var user: AccountName?
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.withClient { try await $0.deleteToken(id, of: user?.owner) }
            try options.deleted("the token \(id)")
        }
    }
}

struct PasskeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "passkey", abstract: "Passkeys of people. They are made in the console, by a browser.",
        subcommands: [List.self, Rename.self, Remove.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List your passkeys, or those of a user.")
        @Argument(help: "NAME@TENANT, or NAME; yours when left out.", transform: UserCommand.account)
        var name: AccountName?
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.showList({ try await $0.passkeys(of: name?.owner) }, none: "No passkeys.") { passkeys in
                var table = Table("PASSKEY", "LABEL", "BACKED UP", "MADE", "LAST USED")
                for one in passkeys {
                    table.add(
                        one.id, one.label, one.isBackedUp ? "yes" : "no", one.createdAt, one.lastUsedAt ?? "-")
                }
                return table
            }
        }
    }

    struct Rename: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Give a passkey of yours another name.")
        @Argument(help: "The passkey's id, as list shows it.") var id: String
        @Argument(help: "What it is called, 1 to 64 characters.") var label: String
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.show({ try await $0.renamePasskey(id, label) }) {
                Screen.line("\($0.id) is called \($0.label).")
            }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take a passkey of yours, or of a user, away; other sessions of the account end.")
        @Argument(help: "The passkey's id, as list shows it.") var id: String
        @Option(help: "NAME@TENANT, or NAME: whose it is.", transform: UserCommand.account) var user: AccountName?
        @OptionGroup var options: ControllerOptions

        func run() async throws {
            try await options.withClient { try await $0.removePasskey(id, of: user?.owner) }
            try options.deleted("the passkey \(id)")
        }
    }
}
