import Foundation
import Synchronization

/// A real machine: QEMU under tcg with one virtio network card on a TAP device, and a serial line for commands.
///
/// tcg always: `/dev/kvm` may open and then hang the guest. `vhost=off` always: QEMU 7.2 aborts where /dev/vhost-net
/// is missing.
final class Guest: Sendable {
    static let greeting = "PATCHBAY-GUEST-READY"

    private struct Line {
        var received: [UInt8] = []
        var nextToken = 1
    }

    /// Protects the process object, which Foundation does not.
    private let machine: Mutex<Process>
    private let keyboard: FileHandle
    private let screen: FileHandle
    /// Protects what the serial line has brought so far.
    private let line = Mutex(Line())

    /// Starts the machine and waits until it takes commands.
    /// - Parameter prefix: the words that put QEMU where the TAP device is, such as `ip netns exec NAME`.
    /// - Parameter mtu: what the network card tells the guest's kernel.
    static func boot(
        _ image: GuestImage, prefix: [String], tap: String, mac: String, mtu: Int = 1500,
        seconds limit: Double = 60
    ) async throws -> Guest {
        let guest = try Guest(image, prefix: prefix, tap: tap, mac: mac, mtu: mtu)
        let ready = try await eventually(within: limit, every: 0.05) {
            guest.screenText.contains(greeting) || !guest.isRunning
        }
        guard ready, guest.isRunning else {
            await guest.powerOff()
            throw Command.Failed(description: "the guest did not boot in \(limit) s:\n\(guest.screenText)")
        }
        return guest
    }

    private init(_ image: GuestImage, prefix: [String], tap: String, mac: String, mtu: Int) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments =
            prefix + [
                "qemu-system-x86_64", "-M", "q35", "-accel", "tcg", "-cpu", "max", "-smp", "1", "-m", "256",
                "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-monitor", "none",
                "-serial", "stdio", "-kernel", image.kernel.path, "-initrd", image.initramfs.path,
                "-append", "console=ttyS0 quiet loglevel=1 panic=-1 net.ifnames=0",
                "-netdev", "tap,id=n0,ifname=\(tap),script=no,downscript=no,vhost=off",
                "-device", "virtio-net-pci,netdev=n0,mac=\(mac),host_mtu=\(mtu),romfile=",
            ]
        let input = Pipe()
        let output = Pipe()
        process.standardInput = input
        process.standardOutput = output
        process.standardError = output
        keyboard = input.fileHandleForWriting
        screen = output.fileHandleForReading
        machine = Mutex(process)
        screen.readabilityHandler = { [weak self] handle in
            let data = handle.availableData
            guard !data.isEmpty else {
                handle.readabilityHandler = nil
                return
            }
            self?.line.withLock { $0.received += data.filter { $0 != UInt8(ascii: "\r") } }
        }
        try machine.withLock { try $0.run() }
    }

    var isRunning: Bool { machine.withLock { $0.isRunning } }
    var screenText: String { line.withLock { String(decoding: $0.received, as: UTF8.self) } }

    /// Runs one line of shell in the guest.
    func run(_ command: String, seconds limit: Double = 30) async throws -> Finished {
        let begin = ContinuousClock.now
        let token = line.withLock { line in
            defer { line.nextToken += 1 }
            line.received.removeAll()
            return "T\(line.nextToken)"
        }
        try keyboard.write(contentsOf: Data("\(token) \(command)\n".utf8))
        var answer: (text: String, status: Int32)?
        _ = try await eventually(within: limit, every: 0.01) {
            answer = Self.answer(to: token, in: screenText)
            return answer != nil || !isRunning
        }
        guard let answer else {
            throw Command.Failed(description: "the guest did not answer `\(command)` in \(limit) s:\n\(screenText)")
        }
        let elapsed = ContinuousClock.now - begin
        return Finished(
            words: ["guest", command], status: answer.status, output: answer.text, errors: "",
            seconds: Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18)
    }

    /// Runs one line of shell in the guest and throws unless it succeeds.
    @discardableResult
    func succeed(_ command: String, seconds limit: Double = 30) async throws -> Finished {
        let finished = try await run(command, seconds: limit)
        guard finished.succeeded else { throw Command.Failed(description: "\(finished)") }
        return finished
    }

    func powerOff() async {
        if isRunning { try? keyboard.write(contentsOf: Data("T0 poweroff -f\n".utf8)) }
        for _ in 0..<150 where isRunning { try? await Task.sleep(for: .milliseconds(20)) }
        machine.withLock { if $0.isRunning { _ = kill($0.processIdentifier, SIGTERM) } }
        for _ in 0..<100 where isRunning { try? await Task.sleep(for: .milliseconds(20)) }
        machine.withLock { if $0.isRunning { _ = kill($0.processIdentifier, SIGKILL) } }
        screen.readabilityHandler = nil
    }

    deinit {
        machine.withLock { if $0.isRunning { _ = kill($0.processIdentifier, SIGKILL) } }
    }

    /// What stands between the two marks of a command, when both have arrived.
    private static func answer(to token: String, in text: String) -> (text: String, status: Int32)? {
        guard let begin = text.range(of: "\n<\(token)\n"),
            let end = text.range(of: "\n>\(token) ", range: text.index(before: begin.upperBound)..<text.endIndex),
            let newline = text[end.upperBound...].firstIndex(of: "\n"),
            let status = Int32(text[end.upperBound..<newline])
        else { return nil }
        let answer = begin.upperBound <= end.lowerBound ? text[begin.upperBound..<end.lowerBound] : ""
        return (String(answer), status)
    }
}
