import ArgumentParser
import Dispatch
import Foundation
import Glibc
import LinuxKit

/// `make bench`: measures the data path and the whole product, case by case in interleaved rounds.
@main
struct PatchbayBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "patchbay-bench",
        abstract: "Measure Patchbay against the routed path and the kernel's VXLAN and bridge.",
        discussion: "Run it on a machine where nothing else runs. bench/README.md says what each row is.",
        subcommands: [Run.self, Load.self], defaultSubcommand: Run.self)
}

/// One interleaved run.
struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Run every case once a round (the default).")

    @Option(help: "How many times every case runs.") var rounds = 5
    @Option(
        help: "Only this suite: \(Self.suites.joined(separator: ", ")). May be given again.")
    var suite: [String] = []
    @Option(
        name: .customLong("case"), parsing: .unconditionalSingleValue,
        help: "Only the case of this name, or else those whose name has this in it. May be given again.")
    var cases: [String] = []
    @Flag(help: "One round of short measurements: does everything work?") var quick = false
    @Flag(help: "Name the cases and end.") var list = false
    @Option(help: "The file that the results are written to.") var output = "bench/results.jsonl"
    @Option(help: "The seed of the order of cases.") var seed: UInt64 = 1

    private static let suites =
        ["whole", "segmented"] + ProtectedSuites.names + ["rules", "wires", "policy", "change", "api", "plugging"]

    func validate() throws {
        guard rounds > 0 else { throw ValidationError("--rounds must be at least 1") }
        if let unknown = suite.first(where: { !Self.suites.contains($0) }) {
            throw ValidationError("there is no suite \(unknown); there are \(Self.suites.joined(separator: ", "))")
        }
    }

    func run() throws {
        let durations: Durations = quick ? .quick : .full
        let paths = PairPaths()
        let plain = PathSuites(durations: durations, paths: paths)
        let protected = ProtectedSuites(durations: quick ? .quick : .short, paths: paths)
        let rules = RulesSuite(durations: durations, paths: paths)
        let wires = WiresSuite(durations: durations)
        let policy = PolicySuite(isQuick: quick)
        let change = ChangeSuite(isQuick: quick)
        let api = APISuite(isQuick: quick)
        let plugging = PluggingSuite(isQuick: quick)
        let all =
            plain.steps() + protected.steps() + rules.steps() + wires.steps() + policy.steps() + change.steps()
            + api.steps() + plugging.steps()
        let names = Set(all.map(\.name))
        let isExact = { (name: String) in names.contains(name) }
        let steps = all.filter { step in
            (suite.isEmpty || suite.contains(step.suite))
                && (cases.isEmpty || cases.contains { isExact($0) ? step.name == $0 : step.name.contains($0) })
        }
        if list {
            for step in steps { print(step.suite, step.name) }
            return
        }
        guard !steps.isEmpty else {
            throw ValidationError("no case is left; `patchbay-bench --list` names them all")
        }
        let lock = try Preparation.begin()
        if steps.contains(where: { $0.suite == "plugging" }) { try PluggingSuite.checkThatNoLabIsUp() }
        let interruption = Interruption()
        var rounds = Rounds(steps: steps, count: quick ? 1 : rounds, seed: seed)
        rounds.run()
        change.close()
        api.close()
        plugging.close()
        wires.close()
        paths.close()
        Platform.removeAll()
        interruption.end()
        Platform.removeDirectory()
        lock.release()
        try rounds.report(to: output)
    }
}

/// What must be so before the first case.
enum Preparation {
    static let programs = ["ip", "ethtool", "iperf3", "taskset", "ping", "sysctl", "umount"]

    private static let packages = "iproute2 ethtool iperf3 util-linux iputils-ping procps"

    /// Checks privileges and programs, takes the lock of the machine's one benchmark, and clears what a killed one left.
    static func begin() throws -> DirectoryLock {
        guard ChildProcess.isRoot else { throw BenchError("the benchmark makes network namespaces: run it as root") }
        if let missing = Capabilities.missing() { throw BenchError(missing) }
        for program in programs where (try? Command.script(["command -v \(program)"])) == nil {
            throw BenchError("\(program) is missing: apt-get install \(packages)")
        }
        try FileManager.default.createDirectory(atPath: Platform.directory, withIntermediateDirectories: true)
        guard let lock = try DirectoryLock(path: Platform.directory) else {
            throw BenchError("another patchbay-bench is running; two at once measure each other")
        }
        Platform.removeAll()
        return lock
    }
}

/// The rounds of a run and what came of them.
struct Rounds {
    private let steps: [Step]
    private let count: Int
    private var generator: SeededGenerator
    private var results = Results()
    private var failures: [String] = []
    /// Why cases have no row, by case.
    private var leftOut: [String: String] = [:]

    init(steps: [Step], count: Int, seed: UInt64) {
        self.steps = steps
        self.count = count
        generator = SeededGenerator(seed: seed)
    }

    /// Runs every step once a round, each round in another order. A step that fails is named at the end.
    mutating func run() {
        var progress = Progress(
            expected: steps.map { $0.seconds * ($0.runsOnce ? 1 : Double(count)) }.reduce(0, +))
        for round in 1...count {
            let fixed = steps.filter { !$0.isMovable && !$0.runsOnce }
            let order =
                steps.filter(\.isMovable).shuffled(using: &generator)
                + (round.isMultiple(of: 2) ? fixed.reversed() : fixed)
                + (round == count ? steps.filter(\.runsOnce) : [])
            for step in order {
                progress.begin("round \(round) of \(count): \(step.suite) \(step.name)")
                do {
                    results.add(try step.run(), suite: step.suite, name: step.name, reference: step.reference)
                } catch let reason as LeftOut {
                    progress.clear()
                    if leftOut.updateValue("\(reason)", forKey: "\(step.suite) \(step.name)") == nil {
                        Progress.write("patchbay-bench: left out: \(step.suite) \(step.name): \(reason)\n")
                    }
                } catch {
                    // The thread that handles the signal ends the process.
                    while Interruption.isEnding { Thread.sleep(forTimeInterval: 1) }
                    progress.clear()
                    Progress.write("patchbay-bench: round \(round), \(step.suite) \(step.name): \(error)\n")
                    failures.append("\(step.suite) \(step.name)")
                }
                progress.end(expected: step.seconds)
            }
        }
        progress.clear()
    }

    /// Writes the file and the table; fails when a case failed.
    func report(to path: String) throws {
        var order: [String: Int] = [:]
        for (index, step) in steps.enumerated() { order["\(step.suite)/\(step.name)"] = index }
        let file = URL(fileURLWithPath: path)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        if !results.isEmpty { try Data(results.jsonLines(order: order).utf8).write(to: file, options: .atomic) }
        print(Table(results: results, steps: steps).text())
        for (name, reason) in leftOut.sorted(by: { $0.key < $1.key }) { print("left out: \(name): \(reason)") }
        guard failures.isEmpty else {
            throw BenchError("\(failures.count) measurements failed: \(Set(failures).sorted().joined(separator: ", "))")
        }
        print("\(count) rounds; results in \(path)")
    }
}
