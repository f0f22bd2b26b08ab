import FoundationEssentials

/// Shows on the running lab what Patchbay does. Every command that is told is run, with the real programs, and every
/// statement is checked; the first that does not hold ends the tour.
public struct Tour: Sendable {
    let narrator: any TourNarrator
    /// The path of this program, which the tour runs as a person would.
    let program: String

    /// Makes a tour.
    public init(narrator: any TourNarrator) {
        self.narrator = narrator
        program = "\(Lab.ownDirectory)/patchbay"
    }

    private static let chapters = 6

    /// Gives the whole tour.
    public func run() async throws(LabError) {
        guard let status = try await LabStatus.read() else { throw .notUp }
        guard status.healthy else {
            throw LabError(
                "the lab is not whole: \(status.problems.joined(separator: "; "))",
                remedy: "make it anew with 'patchbay lab up'")
        }
        guard status.endpoints.contains(where: { $0.name == "globex/probe1" }), status.hosts.count >= 3 else {
            throw LabError("the tour needs the lab's own seven endpoints", remedy: "run 'patchbay lab up'")
        }
        try checkTools()
        try await reset()
        try await chapter(1, "Closed at the start", closedAtTheStart)
        try await chapter(2, "Plug a wire", plugAWire)
        try await chapter(3, "One way only", oneWayOnly)
        try await chapter(4, "Pull a wire out under a running transfer", pullUnderTransfer)
        try await chapter(5, "Move an endpoint while a transfer runs", moveUnderTransfer)
        try await chapter(6, "A scan sees nothing that is unplugged", scan)
        goOn(status)
    }

    private func chapter(
        _ number: Int, _ title: String, _ body: () async throws(LabError) -> Void
    ) async throws(LabError) {
        narrator.chapter(number, of: Self.chapters, title)
        do {
            try await body()
        } catch {
            throw LabError(
                "step \(number) of the tour (\(title)) failed: \(error.what)",
                remedy: error.remedy ?? "the lab stays up; the logs are in \(LabLayout.logDirectory)", log: error.log,
                logFile: error.logFile)
        }
    }

    private func checkTools() throws(LabError) {
        for (tool, package) in [
            ("curl", "curl"), ("iperf3", "iperf3"), ("nginx", "nginx-light"), ("ping", "iputils-ping"),
        ]
        where !Lab.canFind(tool) {
            throw LabError("the tour needs '\(tool)'", remedy: "install it: apt-get install \(package)")
        }
    }

    /// The state in which the tour begins: nothing plugged, everybody at home, web servers running.
    private func reset() async throws(LabError) {
        for tenant in ["acme", "globex"] {
            let policy: PolicyAnswer = try await json(["policy", "show", tenant])
            for entry in policy.entries {
                _ = try await quiet(["unplug", "\(tenant)/\(entry.from)", "\(tenant)/\(entry.to)"])
            }
        }
        let database: EndpointAnswer = try await json(["endpoint", "show", "acme/db1"])
        if database.host != "h2" {
            _ = try await quiet(["endpoint", "move", "acme/db1", "h2"])
            try await waitUntilRunning("acme/db1")
        }
        // What an earlier tour learned would not be the answer to this one's scan.
        _ = try await quiet(["lab", "exec", "globex/probe1", "--", "ip", "neigh", "flush", "all"])
        for name in ["acme/web1", "acme/web2", "acme/db1", "globex/web1", "globex/db1"] {
            try await WebServer.start(in: name)
        }
    }

    // MARK: What the chapters use

    /// Runs a command as a person would, and shows it with its output.
    func show(
        _ arguments: [String], lines: Int = 6, limit: Duration = .seconds(30),
        filter: ([String]) -> [String] = { $0 }
    ) async throws(LabError) -> CommandResult {
        narrator.command((["patchbay"] + arguments).joined(separator: " "))
        let result = try await Command.run([program] + arguments, limit: limit)
        let said = (result.output + result.error).split(separator: "\n").map(String.init)
        narrator.output(Array(filter(said).prefix(lines)))
        return result
    }

    /// Runs a command inside an endpoint and shows it.
    func inside(
        _ endpoint: String, _ command: [String], lines: Int = 6, limit: Duration = .seconds(30),
        filter: ([String]) -> [String] = { $0 }
    ) async throws(LabError) -> CommandResult {
        try await show(["lab", "exec", endpoint, "--"] + command, lines: lines, limit: limit, filter: filter)
    }

    /// Runs a command of ours that must succeed, without showing it.
    func quiet(_ arguments: [String]) async throws(LabError) -> CommandResult {
        try await Command.check([program] + arguments)
    }

    /// Starts a command inside an endpoint, which goes on while the tour does other things.
    func start(_ endpoint: String, _ command: [String], shown: Bool = true) throws(LabError) -> Command {
        let arguments = ["lab", "exec", endpoint, "--"] + command
        if shown { narrator.command((["patchbay"] + arguments).joined(separator: " ") + " &") }
        return try Command([program] + arguments)
    }

    /// Asks a command of ours for JSON.
    func json<Answer: Decodable>(_ arguments: [String]) async throws(LabError) -> Answer {
        let result = try await quiet(arguments + ["--json"])
        do {
            return try JSONDecoder().decode(Answer.self, from: Data(result.output.utf8))
        } catch {
            throw LabError("the answer of 'patchbay \(arguments.joined(separator: " "))' cannot be read: \(error)")
        }
    }

    /// What was shown must hold; says so, or ends the tour.
    func check(
        _ holds: Bool, _ finding: String, otherwise problem: @autoclosure () -> String, _ result: CommandResult? = nil
    ) throws(LabError) {
        guard holds else { throw LabError(problem(), log: result?.lastLines ?? []) }
        narrator.finding(finding)
    }

    func waitUntilRunning(_ endpoint: String) async throws(LabError) {
        for _ in 0..<200 {
            let now: EndpointAnswer = try await json(["endpoint", "show", endpoint])
            if now.state == "running" { return }
            await pauseEvenIfCancelled(milliseconds: 100)
            if Task.isCancelled { throw LabError("interrupted") }
        }
        throw LabError("\(endpoint) is not running after 20 seconds")
    }

    func pause(_ seconds: Double) async throws(LabError) {
        do { try await Task.sleep(for: .milliseconds(Int(seconds * 1000))) } catch { throw LabError("interrupted") }
    }

    private func goOn(_ status: LabStatus) {
        narrator.plain([
            "", "The tour is done; the lab stays up. Go on by hand, as root:", "",
            "  alias patchbay=\(program)",
            "  patchbay lab status                         hosts, endpoints, controller",
            "  patchbay lab exec acme/web1 -- bash         a shell inside an endpoint",
            "  patchbay plug acme/web2 acme/db1            then: curl http://db1/ in web2",
            "  patchbay explain acme/web1 acme/batch1      why a pair is plugged or not",
            "  patchbay wires                              every wire with its counters",
            "  patchbay --help", "", "  make stop                                   removes everything",
        ])
    }
}

/// What the tour reads of `policy show --json`.
struct PolicyAnswer: Decodable {
    struct Entry: Decodable {
        var from: String
        var to: String
    }
    var entries: [Entry]
}

/// What the tour reads of `endpoint show --json`.
struct EndpointAnswer: Decodable {
    var host: String
    var state: String
    var epoch: UInt64
}

/// What the tour reads of `explain --json`.
struct ExplanationAnswer: Decodable {
    var verdict: String
    var reason: String
}

/// What the tour reads of `wires --json`.
struct WiresAnswer: Decodable {
    struct Wire: Decodable {
        var source: String
        var destination: String
        var host: String
        var direction: String
        var packets: UInt64
    }
    var items: [Wire]

    /// The packets that one end of a wire has counted.
    func packets(_ source: String, _ destination: String, _ directions: [String]) -> UInt64 {
        items.filter { $0.source == source && $0.destination == destination && directions.contains($0.direction) }
            .reduce(0) { $0 + $1.packets }
    }
}
