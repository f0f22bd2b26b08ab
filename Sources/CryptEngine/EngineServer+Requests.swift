internal import CryptProtocol
internal import LinuxKit
internal import PacketIO

extension EngineServer {
    /// Does what a request asks and replies, or throws why not.
    func answer(
        _ request: borrowing Request, _ number: UInt32, _ peer: ControlPeer, _ descriptors: inout DescriptorList
    ) throws(Refusal) {
        switch request {
        case .info: peer.send(.info(info), number: number)
        case .installReceive(let group):
            try changing().install(group)
            peer.send(.done, number: number)
        case .installTransmit(let group):
            try changing().install(group)
            peer.send(.done, number: number)
        case .retireReceive(let spiBase):
            try changing().retireReceive(spiBase: spiBase)
            peer.send(.done, number: number)
        case .retireTransmit(let slot, let spiBase):
            try changing().retireTransmit(slot: slot, spiBase: spiBase)
            peer.send(.done, number: number)
        case .setPathMTU(let slot, let pathMTU):
            try changing().setPathMTU(slot: slot, pathMTU: pathMTU)
            peer.send(.done, number: number)
        case .readCounters(let direction, let first):
            let page = try running().counters(direction, from: first)
            peer.send(.counters(page.groups, next: page.next), number: number)
        case .readDrops:
            let engine = try running()
            engine.publishFilterDrops()
            peer.send(.drops(engine.table.dropCounts()), number: number)
        case .descriptors: try lend(peer, number, hasListener: false)
        case .subscribe:
            peer.isSubscribed = true
            peer.send(.done, number: number)
        case .takeOver:
            guard !hasSuccessor || peer.isSuccessor else { throw Refusal(.busy, "another engine takes over already") }
            try lend(peer, number, hasListener: true)
            peer.isSuccessor = true
            hasLentSockets = true
        case .handOver: try handOver(peer, number)
        case .adopt(let layout): try adopt(layout, &descriptors, peer, number)
        case .stop:
            if let engine {
                try? engine.stop()
                engine.table.wipe()
            }
            peer.send(.done, number: number)
            end("a client's request")
        }
    }

    /// The packet threads, if there are any yet.
    private func running() throws(Refusal) -> PacketEngine {
        guard let engine else {
            throw Refusal(.notReady, "the engine waits for the descriptors that it is to adopt")
        }
        return engine
    }

    /// The packet threads, if their table may be changed now.
    private func changing() throws(Refusal) -> PacketEngine {
        let engine = try running()
        guard !hasSuccessor else {
            throw Refusal(.busy, "another engine is taking over: connect again and repeat the request")
        }
        takeSocketsBack()
        return engine
    }

    private var info: EngineInfo {
        engine?.info
            ?? EngineInfo(
                phase: .waiting, processID: UInt32(ChildProcess.ownID), tableVersion: UInt16(TableLayout.version),
                generation: 0, queues: UInt8(configuration.queues), receiveCapacity: 0, transmitCapacity: 0, port: 0,
                cutsInKernel: false, joinsInKernel: false, filtersInKernel: false, takesUDPSuperPackets: false,
                backend: backend.backend.rawValue, backendReason: backend.reason, device: "")
    }

    private func lend(_ peer: ControlPeer, _ number: UInt32, hasListener: Bool) throws(Refusal) {
        let engine = try running()
        let layout = engine.devices.layout(hasListener: hasListener)
        do throws(SystemCallError) {
            let list = try engine.devices.list(table: engine.table.memory)
            if hasListener {
                var all = DescriptorList()
                var rest = list
                if let table = rest.removeFirst() { try all.append(table) }
                try all.append(try listener.descriptor.duplicate())
                while let next = rest.removeFirst() { try all.append(next) }
                peer.send(.descriptors(layout), number: number, with: all)
            } else {
                peer.send(.descriptors(layout), number: number, with: list)
            }
        } catch {
            throw Refusal(.system, error.description)
        }
    }

    /// The successor is ready: stop between two packets, and leave everything to it.
    private func handOver(_ peer: ControlPeer, _ number: UInt32) throws(Refusal) {
        guard peer.isSuccessor else { throw Refusal(.malformed, "hand over: take over comes first") }
        let engine = try running()
        do throws(EngineError) {
            try engine.stop()
        } catch {
            throw error.refusal
        }
        engine.table.header.withElement(0) { $0.isAtRest = 1 }
        peer.send(.done, number: number)
        end("hand-over to a successor")
    }

    /// Starts with what a leaf kept of an engine that died.
    private func adopt(
        _ layout: DescriptorLayout, _ descriptors: inout DescriptorList, _ peer: ControlPeer, _ number: UInt32
    ) throws(Refusal) {
        guard engine == nil, configuration.start == .adopt else {
            throw Refusal(.busy, "this engine has its own table and devices")
        }
        guard !layout.hasListener, descriptors.count == layout.count, let memory = descriptors.removeFirst() else {
            throw Refusal(
                .malformed, "\(MessageError.descriptors(expected: layout.count, found: descriptors.count))")
        }
        do throws(EngineError) {
            let table = try EngineTable(adopting: memory)
            guard table.queues == Int(layout.queues) else {
                throw .descriptors("the table has \(table.queues) queues, \(layout.queues) are given")
            }
            let devices = try EngineDevices(
                adopting: &descriptors, layout: layout,
                takesUDPSuperPackets: table.header[0].takesUDPSuperPackets == 1)
            let engine = try Self.prepare(table, devices, backend, filter, configuration, logger)
            try engine.begin()
            self.engine = engine
        } catch {
            throw error.refusal
        }
        peer.send(.done, number: number)
        logger.notice("engine adopted a table", metadata: ["device": "\(engine?.devices.device ?? "")"])
    }
}
