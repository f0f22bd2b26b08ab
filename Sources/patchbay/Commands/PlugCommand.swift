import APIClient
public import APITypes
public import ArgumentParser

struct PlugCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plug", abstract: "Have a wire plugged between two endpoints or groups.",
        discussion: """
            The wire itself is plugged by the leaves when the first packet comes. Doing it twice changes nothing.

            'none' is plain VXLAN; 'auth' is ESP with AES-GMAC: nobody on the way changes, forges or replays a packet; \
            'conf' is ESP with AES-GCM: nobody on the way reads one either. What is asked for is what holds: plugging \
            the pair again with another level changes its entry, and without --security it is 'none'.

              patchbay plug acme/web1 acme/db1
              patchbay plug acme/web1 acme/db1 --security conf
              patchbay plug acme/batch1 acme/db1 --one-way      nothing comes back, at either end
              patchbay plug acme/group:web acme/group:db
            """)
    @Argument(help: "The source.", transform: Typed.pairEnd) var from: PairEnd
    @Argument(help: "The destination.", transform: Typed.pairEnd) var to: PairEnd
    @Flag(help: "Only from the source to the destination.") var oneWay = false
    @Option(help: ArgumentHelp("How the wire is protected between the hosts.", valueName: "level"))
    var security = Security.none
    @OptionGroup var options: ControllerOptions

    func run() async throws {
        let tenant = try PairEnd.tenant(from, to)
        let pair = PlugPair(from: from.selector, to: to.selector, oneWay: oneWay, security: security)
        guard from.isGroup || to.isGroup else {
            try await options.show({ try await $0.plug(pair, of: tenant) }) { $0.write() }
            return
        }
        try await options.show({ try await entry($0, pair, tenant) }) { entry in
            Screen.line(
                "\(from) \(entry.oneWay ? "→" : "⇄") \(to): plug\(entry.security.suffix), "
                    + "by entry \(entry.id) of the policy.")
        }
    }

    /// The entry that plugs a pair with a group, once the controller has put it in the place of what was there.
    private func entry(_ client: APIClient, _ pair: PlugPair, _ tenant: String) async throws -> PolicyEntry {
        _ = try await client.plug(pair, of: tenant)
        let entries = try await client.policy(of: tenant).entries
        let ends = [[pair.from, pair.to], [pair.to, pair.from]]
        let entry = entries.first {
            $0.action == .plug && $0.oneWay == oneWay && $0.security == security
                && ends.prefix(oneWay ? 1 : 2).contains([$0.from, $0.to])
        }
        guard let entry else {
            throw ValidationError(
                "somebody else changed the entry of \(from) and \(to) at the same time; look at 'policy show'")
        }
        return entry
    }
}

extension Security: ExpressibleByArgument {}

extension Security {
    /// The level behind other words; nothing where there is none.
    var suffix: String { self == .none ? "" : ", \(rawValue)" }

    /// The level for people.
    var words: String {
        switch self {
        case .none: "none: plain VXLAN"
        case .auth: "auth: ESP, AES-GMAC; not changed, forged or replayed"
        case .conf: "conf: ESP, AES-GCM; not read, changed, forged or replayed"
        }
    }
}

struct UnplugCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unplug", abstract: "Pull the wire between two endpoints or groups, both ways.",
        discussion: """
            Live wires are cut at both ends. Two endpoints that a group's entry would still plug get an entry of their \
            own that keeps them apart.

              patchbay unplug acme/web1 acme/db1
            """)
    @Argument(help: "The one end.", transform: Typed.pairEnd) var from: PairEnd
    @Argument(help: "The other end.", transform: Typed.pairEnd) var to: PairEnd
    @OptionGroup var options: ControllerOptions

    func run() async throws {
        let tenant = try PairEnd.tenant(from, to)
        guard from.isGroup || to.isGroup else {
            let pair = UnplugPair(from: from.selector, to: to.selector)
            try await options.show({ try await $0.unplug(pair, of: tenant) }) { $0.write() }
            return
        }
        try await options.show({ client in
            let pair = [from.selector, to.selector]
            for entry in try await client.policy(of: tenant).entries
            where entry.action == .plug && ([entry.from, entry.to] == pair || [entry.to, entry.from] == pair) {
                try await client.deletePolicyEntry(entry.id, of: tenant)
            }
            return try await client.policy(of: tenant)
        }) { policy in
            Screen.line("\(from) ⇄ \(to): no entry plugs this pair any more (revision \(policy.revision)).")
        }
    }
}

extension PairVerdict {
    /// The verdicts of both directions, in words.
    fileprivate func write() {
        let style = Style.output
        defer { (notes ?? []).forEach { Screen.line("  \(style.yellow("Note:")) \($0)") } }
        let (a, b) = ("\(tenant)/\(from)", "\(tenant)/\(to)")
        switch (verdict, reverseVerdict) {
        case (.plug, .plug): Screen.line("\(a) ⇄ \(b): \(style.green("plug")), both ways\(security.suffix).")
        case (.plug, .unplug): Screen.line("\(a) → \(b): \(style.green("plug")), one way\(security.suffix).")
        case (.unplug, .plug): Screen.line("\(b) → \(a): \(style.green("plug")), one way\(reverseSecurity.suffix).")
        case (.unplug, .unplug): Screen.line("\(a) ⇄ \(b): \(style.red("unplug")).")
        }
    }
}
