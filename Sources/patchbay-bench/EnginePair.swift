import CryptClient
import CryptProtocol
import ESP
import Foundation
import LinuxKit
import NetTypes

/// The engines of two hosts, real processes, and the keys of one protected wire there and back.
final class EnginePair {
    /// The TAP device of either engine.
    static let device = "crypt"
    /// The number of the wire at the sending and at the receiving end.
    static let transmitSlot: UInt32 = 0
    static let receiveSlot: UInt32 = 1

    private let kind: EngineKind
    private var engines: [Running] = []
    private var clients: [EngineClient] = []

    init(_ kind: EngineKind, hosts: [String]) throws {
        self.kind = kind
        for (index, host) in hosts.enumerated() {
            let control = "\(Platform.directory)/\(kind.name)-\(index + 1).sock"
            var words: [String] =
                switch kind.processors {
                case .all: []
                case .oneForEachHost: ["taskset", "-c", "\(index)"]
                case .oneForBoth: ["taskset", "-c", "1"]
                }
            words += [try Self.program(), "run", "--control", control, "--device", Self.device]
            words += ["--queues", "\(kind.queues)", "--locator", "\(Platform.locator(UInt32(index + 1)))"]
            words += ["--capacity", "64"]
            words += kind.busyPoll.map { ["--busy-poll", "\($0)"] } ?? []
            words += kind.backend.map { ["--backend", $0] } ?? []
            let engine = try Running(Command.inside(host) + words)
            engines.append(engine)
            clients.append(try Self.connect(control, to: engine))
        }
        try key(from: 0, to: 1)
        try key(from: 1, to: 0)
    }

    func close() {
        for engine in engines { engine.stop() }
    }

    /// What was dropped so far, for an error's text.
    func drops() -> String {
        clients.map { client in
            ((try? client.drops()) ?? []).map { "\($0.direction) \($0.reason): \($0.count)" }.joined(separator: ", ")
        }.joined(separator: "; ")
    }

    /// How many packets both have dropped so far, for whatever reason.
    func dropCount() throws -> Double {
        try clients.flatMap { try $0.drops() }.reduce(0) { $0 + Double($1.count) }
    }

    /// What the super-packets of an endpoint should hold at most to leave in one burst.
    static func superPackets() throws -> (bytes: Int, segments: Int) {
        let path = try ESPPath(pathMTU: Int(Platform.underlayMTU), family: .v4, level: .conf)
        return (path.superPacketByteCount, path.superPacketSegments)
    }

    /// Installs new keys, first the receiver's.
    private func key(from: Int, to: Int) throws {
        let bytes = (0..<CryptLimits.secretByteCount).map { _ in UInt8.random(in: .min ... .max) }
        guard let secret = WireSecret(copying: bytes.span) else { throw BenchError("a secret has another length") }
        let receive = ReceiveGroup(
            slot: Self.receiveSlot, spiBase: Self.spiBase, protection: kind.protection, queues: UInt8(kind.queues),
            secret: secret.duplicate())
        try clients[to].install(receive)
        let transmit = TransmitGroup(
            slot: Self.transmitSlot, spiBase: Self.spiBase, protection: kind.protection, queues: UInt8(kind.queues),
            local: .v4(Platform.locator(UInt32(from + 1))), peer: .v4(Platform.locator(UInt32(to + 1))),
            pathMTU: UInt16(Platform.underlayMTU), secret: secret)
        try clients[from].install(transmit)
    }

    private static let spiBase: UInt32 = 4_096

    /// `patchbay-crypt` beside this program.
    private static func program() throws -> String {
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let path = URL(fileURLWithPath: own).deletingLastPathComponent().appending(path: "patchbay-crypt").path
        guard FileManager.default.isExecutableFile(atPath: path) else {
            throw BenchError("\(path) is missing: build the product patchbay-crypt")
        }
        return path
    }

    private static func connect(_ control: String, to engine: Running) throws -> EngineClient {
        let end = Date().addingTimeInterval(10)
        while true {
            do {
                let client = try EngineClient(path: control)
                _ = try client.info()
                return client
            } catch {
                guard try !engine.hasEnded(), Date() < end else { throw try engine.failure("\(error)") }
                Thread.sleep(forTimeInterval: 0.01)
            }
        }
    }
}
