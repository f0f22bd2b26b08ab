import ArgumentParser
import Foundation
import NetTypes
import PolicyImport
import PolicyLanguage

extension PolicyCommand {
    struct Import: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a policy document out of another system's rules.",
            discussion: """
                Reads Kubernetes NetworkPolicies and AdminNetworkPolicies (YAML), OpenStack security groups (JSON) or \
                firewall sections of Nebula (YAML), and writes a document to standard output. What could not be \
                carried over is told on standard error: 'opens' lets something through that the source does not, \
                'closes' stops something that the source lets through.

                  patchbay policy import acme --from kubernetes policies.yaml > acme.yaml
                  patchbay policy import acme --from openstack groups.json > acme.yaml
                  patchbay policy import acme --from nebula --applies-to group:web web.yml > acme.yaml

                Nothing is put in force; look at 'patchbay policy diff' first. Exit code 1 when --exact is given and \
                something could not be carried over.
                """)

        enum Source: String, ExpressibleByArgument, CaseIterable {
            case kubernetes, openstack, nebula
        }

        @Argument(help: "The tenant whose document it will be.", transform: Typed.name) var tenant: Name
        @Argument(help: "The files; '-' is standard input.") var files: [String]
        @Option(help: "What the files are: kubernetes, openstack or nebula.") var from: Source
        @Option(help: "Nebula: whose configuration each file is: group:NAME, host:NAME or a label; one for each file.")
        var appliesTo: [String] = []
        @Flag(help: "Fail when something could not be carried over.") var exact = false

        func validate() throws {
            if from == .nebula, appliesTo.count != files.count {
                throw ValidationError("Nebula needs one --applies-to for each file, in their order")
            }
            if from != .nebula, !appliesTo.isEmpty {
                throw ValidationError("--applies-to is for Nebula only")
            }
        }

        func run() async throws {
            let sources = try files.map { ImportSource(name: $0, text: try DocumentFile($0).text) }
            let imported: PolicyImport
            do throws(ImportError) {
                imported = try read(sources)
            } catch {
                throw DocumentFailure(lines: ["\(error)"])
            }
            for note in imported.report { Screen.error("\(note)") }
            Screen.line(imported.text.hasSuffix("\n") ? String(imported.text.dropLast()) : imported.text)
            if exact, !imported.isExact { throw ExitCode.failure }
        }

        private func read(_ sources: [ImportSource]) throws(ImportError) -> PolicyImport {
            switch from {
            case .kubernetes: return try .kubernetes(sources, options: KubernetesOptions(tenant: tenant))
            case .openstack: return try .openStack(sources, options: OpenStackOptions(tenant: tenant))
            case .nebula:
                var all: [NebulaSource] = []
                for (source, text) in zip(sources, appliesTo) {
                    let hosts: NebulaHosts
                    do throws(DocumentTextError) {
                        hosts = try NebulaHosts(parsing: text)
                    } catch {
                        throw ImportError(
                            source.name,
                            Finding(
                                .badValue, at: .unknown, text: text, "'\(text.prefix(80))' is not \(error.expected)",
                                remedy: "give --applies-to such as group:web"))
                    }
                    all.append(NebulaSource(source, appliesTo: hosts))
                }
                return try .nebula(all, options: NebulaOptions(tenant: tenant))
            }
        }
    }
}
