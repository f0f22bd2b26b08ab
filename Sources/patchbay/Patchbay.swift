import APIClient
import APITypes
import ArgumentParser
import Foundation
import Lab
import Trust

/// Everything that a person types.
@main
struct Patchbay: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "patchbay",
        abstract: "Plugs private wires between machines, because of who they are.",
        discussion: """
            Endpoints are written TENANT/NAME, groups TENANT/group:NAME. What neither an entry nor a rule of the \
            policy speaks of is unplugged.

              patchbay plug acme/web1 acme/db1           a wire, both ways
              patchbay plug acme/batch1 acme/db1 --one-way
              patchbay explain acme/web1 acme/batch1     the verdict, and why
              patchbay policy apply shop.yaml            a document of rules, with its tests
              patchbay lab up                            a whole platform on this machine

            The controller is found by --controller, --token-file or --certificate, and --root-certificate, else by \
            PATCHBAY_CONTROLLER, PATCHBAY_TOKEN_FILE or PATCHBAY_CERTIFICATE, and PATCHBAY_ROOT, else it is the lab's.
            --as NAME@TENANT signs in with a password, for one command; some of what people do is for who has just signed in.

            Exit codes: 0 done; 1 refused or failed; 2 the controller cannot be reached or is not the one of this \
            platform; 64 the command line is wrong.

            Shell completion (also zsh, fish):
              patchbay --generate-completion-script bash \\
                > /etc/bash_completion.d/patchbay
            """,
        version: "0.1.0",
        subcommands: [],
        groupedSubcommands: [
            CommandGroup(
                name: "Directory",
                subcommands: [
                    TenantCommand.self, VNetCommand.self, GroupCommand.self, EndpointCommand.self, HostCommand.self,
                    CertificateCommand.self, PlatformCommand.self,
                ]),
            CommandGroup(
                name: "Wires",
                subcommands: [
                    PlugCommand.self, UnplugCommand.self, ExplainCommand.self, TraceCommand.self, WiresCommand.self,
                    TrafficCommand.self, UsageCommand.self, EventsCommand.self, PolicyCommand.self,
                    GuardrailsCommand.self,
                ]),
            CommandGroup(
                name: "People",
                subcommands: [
                    UserCommand.self, AccessCommand.self, IdentityCommand.self, IdentityProviderCommand.self,
                    SessionCommand.self, TokenCommand.self, PasskeyCommand.self, AccountCommand.self,
                    AuditCommand.self, WhoAmICommand.self,
                ]),
            CommandGroup(name: "This machine", subcommands: [LabCommand.self]),
        ])

    static func main() async {
        do {
            var command = try await asyncParseAsRoot(nil)
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            guard let code = Failure.report(error) else { exit(withError: error) }
            exit(withError: code)
        }
    }
}

/// How errors are told: one or two lines, what, where and the remedy.
enum Failure {
    /// Writes an error of ours and gives its exit code; nil for errors of the command line.
    static func report(_ error: any Error) -> ExitCode? {
        switch error {
        case let error as APIClientError: report(error)
        case let error as LabError: report(error)
        case let error as DocumentFailure: report(error)
        case let error as TrustRefusal: report("\(error)", nil, code: .failure)
        default: nil
        }
    }

    private static func report(_ error: APIClientError) -> ExitCode {
        switch error {
        case .problem(let problem):
            let place = problem.pointer.map { " (at \($0))" } ?? ""
            return report((problem.detail ?? problem.title) + place, problem.remedy, code: .failure)
        case .setting(let what, let remedy):
            return report(what, remedy, code: .unreachable)
        case .unreachable, .untrusted:
            return report("\(error)", nil, code: .unreachable)
        case .badAnswer:
            return report("\(error)", nil, code: .failure)
        }
    }

    /// What is wrong with documents, as compilers write it: a line each, nothing before it.
    private static func report(_ error: DocumentFailure) -> ExitCode {
        error.lines.forEach { Screen.error($0) }
        return .failure
    }

    private static func report(_ error: LabError) -> ExitCode {
        let code = report(error.what, error.remedy, code: .failure)
        if !error.log.isEmpty {
            Screen.error(Style.error.faint(error.logFile.map { "the last lines of \($0):" } ?? "it said:"))
            for line in error.log { Screen.error(Style.error.faint("  \(line)")) }
        }
        return code
    }

    private static func report(_ what: String, _ remedy: String?, code: ExitCode) -> ExitCode {
        Screen.error("\(Style.error.red("patchbay:")) \(what)")
        if let remedy { Screen.error("  \(remedy)") }
        return code
    }
}

extension ExitCode {
    /// The controller cannot be reached, or does not prove to be the one of this platform.
    static let unreachable = ExitCode(2)
}
