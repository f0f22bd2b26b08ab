// The chapters on what is plugged and what is not.

extension Tour {
    /// 1: without a word of the policy there is nothing between two endpoints, and one can ask why.
    func closedAtTheStart() async throws(LabError) {
        narrator.say(
            "acme has web1 on host h1 and db1 on h2, both in 10.0.0.0/24. Nobody has plugged anything yet, so not "
                + "even a ping gets through: h1 drops it before it reaches a network.")
        let ping = try await inside(
            "acme/web1", ["ping", "-c", "2", "-i", "0.3", "-W", "1", "db1"], filter: Self.pingSummary)
        try check(
            ping.code != 0 && ping.output.contains("100% packet loss"), "No answer: unplugged is the default.",
            otherwise: "acme/web1 reached acme/db1 though nothing is plugged", ping)
        narrator.say("Every verdict can be explained:")
        _ = try await show(["explain", "acme/web1", "acme/db1"], lines: 12)
        let answer: ExplanationAnswer = try await json(["explain", "acme/web1", "acme/db1"])
        try check(
            answer.verdict == "unplug", "The verdict is 'unplug', with its reason.",
            otherwise: "explain says '\(answer.verdict)' (\(answer.reason)), not 'unplug'")
    }

    /// 2: a wire is for its pair only, and an address means nothing across tenants.
    func plugAWire() async throws(LabError) {
        narrator.say(
            "One command has a wire plugged. The first packet is held, both leaves verify and decide, and it goes on:")
        let plug = try await show(["plug", "acme/web1", "acme/db1"])
        try require(plug)
        let ping = try await inside(
            "acme/web1", ["ping", "-4", "-c", "3", "-i", "0.2", "-W", "2", "db1"], filter: Self.pingSummary)
        try check(
            ping.code == 0 && ping.output.contains(" 0% packet loss"),
            "All three came back, the very first as well; it took a little longer, since it plugged the wire.",
            otherwise: "not every ping was answered", ping)
        let six = try await inside("acme/web1", ["ping", "-6", "-c", "1", "-W", "2", "db1"], filter: Self.pingSummary)
        try check(
            six.code == 0, "Its permanent IPv6 identity answers too.", otherwise: "the identity does not answer", six)
        try await page("acme/web1", "http://db1/", "This is acme/db1.", "A real page from nginx in db1, by name.")
        narrator.say("The wire is for that pair alone. web2 is in the same network and gets nothing:")
        try await noPage(
            "acme/web2", "http://db1/", "web2 is not plugged to db1; its packets are dropped on its own host.")
        narrator.say(
            "globex is another tenant with the very same addresses: its db1 is 10.0.0.3 as well. What acme plugged "
                + "is nothing to globex:")
        try await noPage("globex/web1", "http://10.0.0.3/", "globex/web1 reaches neither db1.")
        try require(try await show(["plug", "globex/web1", "globex/db1"]))
        try await page(
            "globex/web1", "http://10.0.0.3/", "This is globex/db1.", "10.0.0.3 is globex's db1 for globex …")
        try await page("acme/web1", "http://10.0.0.3/", "This is acme/db1.", "… and acme's db1 for acme.")
    }

    /// 3: a diode: the way back exists at neither end.
    func oneWayOnly() async throws(LabError) {
        narrator.say(
            "batch1 (h3) may send to web2 (h2), and nothing may come back: a wire in one direction, like a diode.")
        try require(try await show(["plug", "acme/batch1", "acme/web2", "--one-way"]))
        let ping = try await inside(
            "acme/batch1", ["ping", "-c", "4", "-i", "0.2", "-W", "1", "web2"], filter: Self.pingSummary)
        try check(
            ping.output.contains("100% packet loss"), "No echo comes back to batch1.",
            otherwise: "an answer came back over a one-way wire", ping)
        narrator.say("But the requests did arrive, as the counters of both ends show:")
        let wires = try await show(["wires", "--tenant", "acme"], lines: 8) { lines in
            lines.filter { $0.hasPrefix("SOURCE") || $0.contains("batch1") }
        }
        try require(wires)
        let answer: WiresAnswer = try await json(["wires", "--tenant", "acme"])
        let arrived = answer.packets("acme/batch1", "acme/web2", ["receive", "local"])
        try check(
            arrived >= 3, "\(arrived) packets were delivered to web2.",
            otherwise: "only \(arrived) packets were delivered to acme/web2", wires)
        if answer.packets("acme/batch1", "acme/web2", ["send"]) < arrived {
            narrator.say("  (The first was held until there was a wire; the leaf itself sent it.)")
        }
        try check(
            !answer.items.contains { $0.source == "acme/web2" && $0.destination == "acme/batch1" },
            "There is no wire from web2 to batch1, at either end.",
            otherwise: "a wire from acme/web2 to acme/batch1 exists", wires)
    }

    /// 6: ARP and neighbour discovery are answered by the host, as policy says.
    func scan() async throws(LabError) {
        narrator.say(
            "globex/probe1 tries every address of 10.0.0.0/24, as a scanner would. Its neighbours are up, and so are "
                + "acme's, but nothing is plugged to it:")
        let before = try await sweep()
        try check(
            before.isEmpty, "254 addresses asked, nobody there: not even ARP is answered.",
            otherwise: "the scan found \(before.joined(separator: ", "))")
        try require(try await show(["plug", "globex/probe1", "globex/db1"]))
        let after = try await sweep()
        let seen = after.isEmpty ? "nothing" : after.joined(separator: ", ")
        try check(
            after == ["10.0.0.3"], "Now it sees 10.0.0.3, the one machine that it is plugged to, and no other.",
            otherwise: "after the plug the scan found \(seen), not 10.0.0.3 alone")
        try require(try await quiet(["unplug", "globex/probe1", "globex/db1"]))
    }

    /// The addresses of the prefix for which the kernel of globex/probe1 got an Ethernet address.
    private func sweep() async throws(LabError) -> [String] {
        let script = "for i in $(seq 254); do ping -c1 -W1 10.0.0.$i >/dev/null & done; wait; ip neigh | grep lladdr"
        narrator.command("patchbay lab exec globex/probe1 -- sh -c '\(script)'")
        let result = try await Command.run(
            [program, "lab", "exec", "globex/probe1", "--", "sh", "-c", script], limit: .seconds(60))
        let found = result.output.split(separator: "\n").filter { $0.hasPrefix("10.") }.map(String.init)
        narrator.output(found.isEmpty ? ["(no answer)"] : found)
        return found.compactMap { $0.split(separator: " ").first.map(String.init) }
    }

    private func page(
        _ endpoint: String, _ url: String, _ expected: String, _ finding: String
    ) async throws(LabError) {
        let result = try await inside(endpoint, ["curl", "-s", "-S", "-m", "5", url])
        try check(
            result.code == 0 && result.output.contains(expected), finding,
            otherwise: "\(endpoint) did not get '\(expected)' from \(url)", result)
    }

    private func noPage(_ endpoint: String, _ url: String, _ finding: String) async throws(LabError) {
        let result = try await inside(endpoint, ["curl", "-s", "-S", "-m", "2", url])
        try check(result.code != 0, finding, otherwise: "\(endpoint) got an answer from \(url)", result)
    }

    func require(_ result: CommandResult) throws(LabError) {
        guard result.code == 0 else {
            throw LabError("the command failed with exit code \(result.code)", log: result.lastLines)
        }
    }

    /// Of what ping writes, the line that sums up.
    static func pingSummary(_ lines: [String]) -> [String] {
        lines.filter { $0.contains("packet loss") || $0.contains("bytes from") || $0.hasPrefix("From ") }
    }
}
