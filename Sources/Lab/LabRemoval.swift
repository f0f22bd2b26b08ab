import FoundationEssentials
import LinuxKit

/// What was removed of a lab.
public struct LabRemoval: Sendable, Hashable, CustomStringConvertible {
    /// Daemons and whatever else ran in the lab's namespaces.
    public var processes = 0
    /// Network namespaces, with every device in them.
    public var namespaces = 0
    /// Entries of the BPF file system.
    public var pins = 0
    /// Whether there were files of a lab.
    public var files = false

    /// Whether there was nothing to remove.
    public var isEmpty: Bool { self == LabRemoval() }

    public var description: String {
        func count(_ number: Int, _ one: String, _ many: String) -> String? {
            number == 0 ? nil : "\(number) \(number == 1 ? one : many)"
        }
        let parts = [
            count(processes, "process", "processes"), count(namespaces, "namespace", "namespaces"),
            count(pins, "directory of pins", "directories of pins"), files ? "files" : nil,
        ].compactMap(\.self)
        return parts.isEmpty ? "nothing" : parts.joined(separator: ", ")
    }
}

/// Removes a lab, whole or in parts. What is recorded is only a hint: namespaces, pins and files are found by name, so
/// that a lab is removed too of which a crash left nothing but these.
struct LabRemover {
    let state: LabState?
    private var removal = LabRemoval()

    init(state: LabState?) { self.state = state }

    /// The lab's namespaces that are there now.
    static func namespaces() -> [String] {
        Files.names(LabLayout.namespaceDirectory).filter { $0.hasPrefix(LabLayout.prefix) }
    }

    /// Whether there is anything of a lab.
    static func findsAnything() -> Bool {
        !namespaces().isEmpty || Files.exists(LabLayout.directory) || Files.exists(LabLayout.pinDirectory)
            || Files.exists("/sys/class/net/\(LabLayout.controllerDevice)")
    }

    /// Removes everything, in the order in which nothing can be made anew behind our back.
    mutating func removeAll() async throws(LabError) -> LabRemoval {
        try await endProcesses()
        try await removeNamespaces()
        try await removePins()
        try await removeFiles()
        return removal
    }

    /// 1: the daemons that are still ours, leaves before the controller; then whatever else runs inside.
    private mutating func endProcesses() async throws(LabError) {
        let daemons = (state?.processes ?? []).reversed().filter(\.isRunning)
        for daemon in daemons where daemon.signal(15) { removal.processes += 1 }
        await wait(milliseconds: 3_000) { daemons.allSatisfy { !$0.isRunning } }
        for daemon in daemons { _ = daemon.signal(9) }
        await wait(milliseconds: 3_000) { daemons.allSatisfy { !$0.isRunning } }
        if let survivor = daemons.first(where: { $0.isRunning }) {
            throw LabError("\(survivor.name) (process \(survivor.pid)) does not end even when it is killed")
        }
        for signal in [Int32(15), 9] {
            let strangers = try await processesInside()
            if strangers.isEmpty { break }
            if signal == 15 { removal.processes += strangers.count }
            for pid in strangers { ChildProcess.signal(signal, to: pid) }
            for _ in 0..<60 {
                if try await processesInside().isEmpty { break }
                await pauseEvenIfCancelled(milliseconds: 50)
            }
        }
    }

    /// The processes in the lab's namespaces, but this one.
    private func processesInside() async throws(LabError) -> [Int32] {
        var found: [Int32] = []
        for namespace in Self.namespaces() {
            let result = try await Command.run(["ip", "netns", "pids", namespace])
            found += result.output.split(separator: "\n").compactMap { Int32($0) }
        }
        return found.filter { $0 != ChildProcess.ownID }
    }

    /// 2: the devices on the underlay first, since the kernel clears a namespace later than its name.
    private mutating func removeNamespaces() async throws(LabError) {
        if Files.exists("/sys/class/net/\(LabLayout.controllerDevice)") {
            try await Command.check(["ip", "link", "delete", LabLayout.controllerDevice])
        }
        for namespace in Self.namespaces() {
            let result = try await Command.run(["ip", "netns", "delete", namespace])
            // A name without a namespace is a plain file that a crash of `ip netns add` left.
            if result.code != 0 { try Files.remove(LabLayout.path(ofNamespace: namespace)) }
            removal.namespaces += 1
        }
        for overlay in Files.names(LabLayout.overlayDirectory) where overlay.hasPrefix(LabLayout.prefix) {
            try Files.remove(LabLayout.overlay(ofNamespace: overlay))
        }
    }

    /// 3: the pins; the kernel frees programs and maps with the last of them.
    private mutating func removePins() async throws(LabError) {
        let directory = LabLayout.pinDirectory
        guard Files.exists(directory) else { return }
        if BPFFileSystem.isMounted(at: directory) {
            // The kernel's own entries (maps.debug) have a dot, which no pin can have; they go by unmounting.
            for name in Files.names(directory) where !name.contains(".") {
                if try Files.remove("\(directory)/\(name)") { removal.pins += 1 }
            }
            try await Command.check(["umount", directory])
        }
        try Files.remove(directory)
    }

    /// 4: the files, and the directories that were made for them.
    private mutating func removeFiles() async throws(LabError) {
        removal.files = try Files.remove(LabLayout.directory)
        for directory in state?.madeDirectories ?? [] where Files.names(directory).isEmpty {
            // `ip netns add` makes its directory a mount of itself.
            if directory == LabLayout.namespaceDirectory { _ = try await Command.run(["umount", directory]) }
            try Files.removeIfEmpty(directory)
        }
        try Files.removeIfEmpty(LabLayout.runDirectory)
    }

    private func wait(milliseconds: Int, until done: () -> Bool) async {
        for _ in 0..<(milliseconds / 20) where !done() { await pauseEvenIfCancelled(milliseconds: 20) }
    }
}
