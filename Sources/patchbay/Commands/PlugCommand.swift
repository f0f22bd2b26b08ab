import APIClient
import APITypes
import ArgumentParser

struct PlugCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plug", abstract: "Have a wire plugged between two endpoints or groups.",
        discussion: """
            The wire itself is plugged by the leaves when the first packet comes. Doing it twice changes nothing.

              patchbay plug acme/web1 acme/db1
              patchbay plug acme/batch1 acme/db1 --one-way      nothing comes back, at either end
              patchbay plug acme/group:web acme/group:db
            """)
    @Argument(help: "The source.", transform: Typed.pairEnd) var from: PairEnd
    @Argument(help: "The destination.", transform: Typed.pairEnd) var to: PairEnd
    @Flag(help: "Only from the source to the destination.") var oneWay = false
    @OptionGroup var options: ControllerOptions

    func run() async throws {
        let tenant = try PairEnd.tenant(from, to)
        guard from.isGroup || to.isGroup else {
            let pair = PlugPair(from: from.selector, to: to.selector, oneWay: oneWay)
            try await options.show({ try await $0.plug(pair, of: tenant) }) { $0.write() }
            return
        }
        try await options.show({ try await entry($0, tenant) }) { entry in
            Screen.line("\(from) \(entry.oneWay ? "→" : "⇄") \(to): plug, by entry \(entry.id) of the policy.")
        }
    }

    /// The entry for a pair with a group: one that is there already, else a new one.
    private func entry(_ client: APIClient, _ tenant: String) async throws -> PolicyEntry {
        let entries = try await client.policy(of: tenant).entries
        let same = entries.first {
            $0.action == .plug && $0.from == from.selector && $0.to == to.selector && $0.oneWay == oneWay
        }
        if let same { return same }
        return try await client.create(
            NewPolicyEntry(action: .plug, from: from.selector, to: to.selector, oneWay: oneWay), of: tenant)
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
        let (a, b) = ("\(tenant)/\(from)", "\(tenant)/\(to)")
        switch (verdict, reverseVerdict) {
        case (.plug, .plug): Screen.line("\(a) ⇄ \(b): \(style.green("plug")), both ways.")
        case (.plug, .unplug): Screen.line("\(a) → \(b): \(style.green("plug")), one way.")
        case (.unplug, .plug): Screen.line("\(b) → \(a): \(style.green("plug")), one way.")
        case (.unplug, .unplug): Screen.line("\(a) ⇄ \(b): \(style.red("unplug")).")
        }
    }
}
