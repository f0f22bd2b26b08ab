import DirectoryCore
import GRPCCore
import LeafProtocol
import Logging
import NetTypes

/// Takes what one leaf says on its Attach stream.
struct LeafReader: Sendable {
    let directory: Directory
    let leaves: LeafHub
    let session: LeafSession
    let logger: Logger

    /// Reads until the leaf leaves or says something that cannot be.
    func run(_ messages: RPCAsyncSequence<Patchbay_Leaf_V1_FromLeaf, any Error>) async throws {
        for try await message in messages {
            switch message.message {
            case .hello(let hello):
                try await greet(hello)
            case .port(let port):
                try requireHello()
                try await take(port)
            case .wires(let report):
                try requireHello()
                leaves.answer(.wires(report), to: report.request, by: session.leaf)
            case .pair(let report):
                try requireHello()
                leaves.answer(.pair(report), to: report.request, by: session.leaf)
            case .flows(let flows):
                try requireHello()
                leaves.answer(.flows(flows), to: flows.request, by: session.leaf)
            case nil:
                // A message of a later version: nothing that this one could do with it.
                continue
            }
        }
    }

    private func requireHello() throws(RPCError) {
        guard session.hello != nil else {
            throw RPCError(code: .failedPrecondition, message: "The first message of a leaf is its hello.")
        }
    }

    private func greet(_ hello: Patchbay_Leaf_V1_Hello) async throws {
        guard (1...ControllerLimits.helloLocators).contains(hello.locators.count),
            hello.running.count <= ControllerLimits.helloIdentities,
            let plugPort = UInt16(exactly: hello.plugPort), plugPort > 0
        else {
            throw RPCError(
                code: .invalidArgument,
                message: "A hello names 1 to \(ControllerLimits.helloLocators) locators, a TCP port and at most "
                    + "\(ControllerLimits.helloIdentities) identities.")
        }
        var locators: [IPAddress] = []
        for octets in hello.locators {
            guard let locator = IPAddress(octets: octets) else { throw DirectoryService.malformed("locators") }
            locators.append(locator)
        }
        var running: Set<Identity> = []
        for octets in hello.running { running.insert(try DirectoryService.identity(octets, "running")) }
        let said = LeafSession.Hello(
            locators: locators, underlayDevice: String(hello.underlayDevice.prefix(ControllerLimits.leafTextBytes)),
            version: String(hello.version.prefix(ControllerLimits.leafTextBytes)),
            engine: hello.hasEngine ? Self.words(hello.engine) : nil)
        guard session.greet(said) else {
            throw RPCError(code: .failedPrecondition, message: "A leaf says hello once.")
        }
        _ = try await directory.attach(
            leaf: session.leaf, locators: locators, plugPort: plugPort, running: running)
        leaves.attach(session)
    }

    /// The engine of a leaf in words. What comes from a leaf is cut and cleaned.
    private static func words(_ engine: Patchbay_Leaf_V1_Engine) -> String {
        let offload = engine.segments ? "segmentation offload" : "no segmentation offload"
        let queues = engine.queues == 1 ? "1 queue" : "\(engine.queues) queues"
        let filter = engine.filters ? "SPI filter" : "no SPI filter"
        let text = "\(engine.backend), \(queues), \(offload), \(filter): \(engine.reason)"
        let clean = text.unicodeScalars.map { (" "..."~").contains($0) ? Character($0) : "?" }
        return String(clean.prefix(ControllerLimits.leafTextBytes))
    }

    private func take(_ port: Patchbay_Leaf_V1_PortState) async throws {
        let identity = try DirectoryService.identity(port.identity, "identity")
        let report: PortReport
        switch port.state {
        case .open: report = .open
        case .closed: report = .closed
        case .failed:
            report = .failed(detail: port.detail)
            logger.warning(
                "port failed",
                metadata: [
                    "host": "\(session.host.name)", "identity": "\(identity)",
                    "reason": "\(port.detail.prefix(ControllerLimits.leafTextBytes))",
                ])
        case .unknown, .UNRECOGNIZED: return
        }
        try await directory.report(leaf: session.leaf, identity: identity, report)
    }
}
