public import APIClient
import APITypes
import FoundationEssentials
import LinuxKit
public import NetTypes

/// A whole platform on one machine: a controller, hosts and endpoints in network namespaces, with the real programs
/// and real packets.
public struct Lab: Sendable {
    /// The directory with the programs.
    let programs: String
    let reporter: any LabReporter

    /// Describes a lab.
    ///
    /// - Parameters:
    ///   - programs: The directory with `patchbay-controller` and `patchbay-leaf`; nil: that of this program.
    public init(programs: String? = nil, reporter: any LabReporter = SilentReporter()) {
        self.programs = programs ?? Self.ownDirectory
        self.reporter = reporter
    }

    /// The directory of the running program.
    public static var ownDirectory: String {
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? "."
        return own.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" }
    }

    /// Makes the lab anew, whatever was there before. After an error nothing of it is left but its logs' last lines
    /// in the error.
    @discardableResult
    public func up(_ options: LabOptions = LabOptions()) async throws(LabError) -> LabStatus {
        let plan = try LabPlan(options)
        try Self.checkPrivileges()
        try checkPrograms()
        let lock = try Self.lock()
        let old = LabState.read()
        if LabRemover.findsAnything() {
            let isWhole = old.map { $0.isComplete && $0.processes.allSatisfy(\.isRunning) } ?? false
            reporter.note(
                isWhole
                    ? "A lab is up already. It is removed and made anew."
                    : "A lab that crashed or was not finished is here. It is removed and made anew.")
            var remover = LabRemover(state: old)
            let removed = try await remover.removeAll()
            reporter.note("Removed: \(removed).")
            try Files.makeDirectory(LabLayout.runDirectory)
        }
        if let obstacle = try await LabNetwork.obstacle() {
            try Files.removeIfEmpty(LabLayout.runDirectory)
            throw obstacle
        }
        var builder = LabBuilder(plan: plan, programs: programs, reporter: reporter)
        do {
            let status = try await builder.build()
            lock.release()
            return status
        } catch {
            // Clean up even when this task was cancelled; the first error is the one that tells why.
            let state = builder.state
            let cleaned = await Task.detached { () -> String in
                var remover = LabRemover(state: state)
                do { return "removed: \(try await remover.removeAll())" } catch { return "not all removed: \(error)" }
            }.value
            reporter.note("The half-made lab was taken away (\(cleaned)).")
            throw error
        }
    }

    /// Removes the lab and whatever a crash left of one.
    public func down() async throws(LabError) -> LabRemoval {
        try Self.checkPrivileges()
        guard LabRemover.findsAnything() || Files.exists(LabLayout.runDirectory) else { return LabRemoval() }
        let lock = try Self.lock()
        var remover = LabRemover(state: LabState.read())
        let removal = try await remover.removeAll()
        lock.release()
        return removal
    }

    /// The namespace and place of an endpoint or a host of the lab that is up.
    public static func place(ofEndpoint name: TenantName) throws(LabError) -> Command.Place {
        let namespace = LabLayout.namespace(ofEndpoint: name)
        try check(namespace, "endpoint", "\(name)")
        return .namespace(namespace)
    }

    /// Where commands of a host run.
    public static func place(ofHost name: Name) throws(LabError) -> Command.Place {
        let namespace = LabLayout.namespace(ofHost: name.text)
        guard name.text != "underlay" else { throw LabError("'underlay' is not a host") }
        try check(namespace, "host", name.text)
        return .namespace(namespace)
    }

    private static func check(_ namespace: String, _ kind: String, _ name: String) throws(LabError) {
        try checkPrivileges()
        guard let state = LabState.read() else { throw .notUp }
        guard !Files.exists(LabLayout.path(ofNamespace: namespace)) else { return }
        let known = kind == "host" ? state.plan.hosts.map(\.name) : state.plan.endpoints.map(\.fullName)
        throw LabError(
            "the lab has no \(kind) '\(name)'",
            remedy: "it has \(known.prefix(12).joined(separator: ", "))\(known.count > 12 ? ", …" : "")")
    }

    /// Replaces this process by a command inside the lab. Returns only by its error.
    public static func replaceSelf(
        with command: [String], in place: Command.Place
    ) throws(LabError) -> Never {
        do {
            try ChildProcess.replaceSelf(with: place.command(command))
        } catch {
            throw LabError("cannot run '\(command.first ?? "")': \(error)")
        }
    }

    /// Whether a command can be found, so that its absence is told apart from its failure.
    public static func canFind(_ program: String) -> Bool {
        if program.contains("/") { return FileManager.default.isExecutableFile(atPath: program) }
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/sbin:/usr/bin:/sbin:/bin"
        return path.split(separator: ":").contains {
            FileManager.default.isExecutableFile(atPath: "\($0)/\(program)")
        }
    }

    /// Starts a daemon inside an endpoint; it ends with the lab.
    public static func startService(
        _ name: String, _ command: [String], in place: Command.Place
    ) throws(LabError) -> LabProcess {
        guard var state = LabState.read() else { throw .notUp }
        let process = try LabProcess.start(name, command, in: place)
        state.processes.append(process)
        try state.write()
        return process
    }

    /// A client of the lab's controller.
    public static func client() throws(APIClientError) -> APIClient {
        try APIClient(ControllerLocation.find(environment: [:], labFile: LabLayout.clientFile))
    }

    static func checkPrivileges() throws(LabError) {
        guard ChildProcess.isRoot else {
            throw LabError("the lab needs root, for network namespaces and BPF programs", remedy: "run it with sudo")
        }
    }

    private func checkPrograms() throws(LabError) {
        for program in ["patchbay-controller", "patchbay-leaf"] {
            let path = "\(programs)/\(program)"
            guard FileManager.default.isExecutableFile(atPath: path) else {
                throw LabError("there is no program \(path)", remedy: "build it: swift build --product \(program)")
            }
        }
        let tools = [
            ("ip", "iproute2"), ("nsenter", "util-linux"), ("sysctl", "procps"), ("ping", "iputils-ping"),
            ("umount", "mount"),
        ]
        for (tool, package) in tools where !Self.canFind(tool) {
            throw LabError("the command '\(tool)' is missing", remedy: "install it: apt-get install \(package)")
        }
    }

    private static func lock() throws(LabError) -> DirectoryLock {
        try Files.makeDirectory(LabLayout.runDirectory)
        do {
            if let lock = try DirectoryLock(path: LabLayout.runDirectory) { return lock }
        } catch {
            throw LabError("\(error)")
        }
        throw LabError("another 'patchbay lab up' or 'down' is at work", remedy: "wait until it has ended")
    }
}
