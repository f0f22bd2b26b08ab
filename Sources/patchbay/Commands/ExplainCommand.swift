import APITypes
import ArgumentParser
import NetTypes

struct ExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Say whether a pair is plugged, and why.",
        discussion: """
            Shows the verdict, the level of security that the policy asks for, the entry or the rule that decides with \
            its line and revision, the rules that came nearest and what each lacked, guardrails and levels, where each \
            end is, and what the leaves of both ends have plugged of the pair now.

              patchbay explain acme/web1 acme/db1
              patchbay explain acme/web1 acme/db1 tcp/22
              patchbay explain acme/web1 acme/db1 icmp/8
              patchbay explain acme/web1 203.0.113.9 tcp/443
              patchbay explain acme/web1 acme/db1 --live
              patchbay explain acme/web1 acme/db1 --json
            """)
    @Argument(help: "The source: TENANT/NAME, or an address outside.", transform: FlowEnd.init(typed:)) var from:
        FlowEnd
    @Argument(help: "The destination, likewise.", transform: FlowEnd.init(typed:)) var to: FlowEnd
    @Argument(help: "One port, such as tcp/22, udp/53 or icmp/8; the pair as a whole when left out.") var port: String?
    @Flag(help: "Go on with what the leaves report, once a second, until interrupted.") var live = false
    @OptionGroup var options: ControllerOptions

    func validate() throws { _ = try FlowEnd.tenant(of: from, to) }

    func run() async throws {
        let tenant = try FlowEnd.tenant(of: from, to).text
        let show = { (isFirst: Bool) in
            try await options.show({
                try await $0.explain(from: from.text, to: to.text, port: port, of: tenant)
            }) { isFirst ? $0.write() : $0.writeLeaves() }
        }
        try await show(true)
        while live {
            try await Task.sleep(for: .seconds(1))
            try await show(false)
        }
    }
}

extension Explanation {
    fileprivate func write() {
        let style = Style.output
        func colour(_ verdict: Verdict) -> String {
            verdict == .plug ? style.green("plug") : style.red("unplug")
        }
        Screen.line("\(from.name) → \(to.name)\(port.map { " \($0)" } ?? ""): \(colour(verdict))")
        let differs = reverseVerdict == .plug && (verdict == .unplug || security != reverseSecurity)
        Facts([
            ("Why", reason), ("Ports", ports.isEmpty ? nil : (ports + ["all else: \(effect)"]).joined(separator: "\n")),
            ("Security", verdict == .plug ? security.words : nil),
            ("Way back", colour(reverseVerdict) + (differs ? ", \(reverseSecurity.words)" : "")),
            ("Near", nearest.isEmpty ? nil : nearest.map(\.words).joined(separator: "\n")),
            ("Guardrails", guardrails.isEmpty ? nil : guardrails.joined(separator: "\n")), ("Levels", levels),
            ("Dry run", dryRun.map { "\($0) would decide" }), ("Source", from.words), ("Destination", to.words),
        ]).write(indent: 2)
        writeLeaves()
    }

    fileprivate func writeLeaves() {
        for leaf in leaves {
            guard leaf.answered else {
                Screen.line("  \(leaf.host): \(leaf.connected ? "did not answer in time" : "not connected")")
                continue
            }
            if let pair = leaf.pair { Screen.line("  \(leaf.host): \(pair.words)") }
            for flow in leaf.pair?.flows ?? [] { Screen.line("    \(flow.words)") }
            if leaf.wires.isEmpty { Screen.line("  \(leaf.host): nothing of this pair is plugged now") }
            for wire in leaf.wires {
                let label = wire.label == 0 ? "" : " label \(wire.label),"
                Screen.line(
                    "  \(leaf.host): \(wire.source) → \(wire.destination), \(wire.direction.rawValue), "
                        + "\(wire.security),\(label) \(wire.packets) packets, \(Formatting.bytes(wire.bytes))")
            }
        }
    }
}

extension Explanation.End {
    fileprivate var words: String {
        "\(name)\(border.map { " behind \($0)" } ?? "") on \(host)\(locator.map { " (\($0))" } ?? ""), \(state.rawValue), epoch \(epoch)\n"
            + "\(ipv4), \(identity)"
    }
}

extension Explanation.Rule {
    fileprivate var words: String {
        "\(document == "platform" ? "guardrail" : "rule") \(name)\(line > 0 ? " (line \(line))" : ""), \(verdict): "
            + (lacks ?? []).joined(separator: "; ")
    }
}

extension LeafVerdict {
    fileprivate var words: String {
        let revisions = "revision \(revision)" + (guardrailsRevision > 0 ? ", guardrails \(guardrailsRevision)" : "")
        let judged = effect.isEmpty ? "no verdict" : effect + (rule.map { " by \($0)" } ?? "")
        return "\(judged) (\(revisions))" + (detail.map { "; last refusal: \($0)" } ?? "")
    }
}

extension LeafVerdict.Flow {
    fileprivate var words: String {
        "\(`protocol`) \(source):\(sourcePort) → \(destination):\(destinationPort), \(state), "
            + "\(packets) packets, idle \(idleMilliseconds) ms"
    }
}
