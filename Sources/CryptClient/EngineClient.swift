public import CryptProtocol
internal import LinuxKit
public import PacketIO
internal import Synchronization

/// A leaf's connection to its engine. Calls block: make them on a thread that may wait.
///
/// One call is under way at a time. Every call can be repeated after ``EngineClientError/closed`` or
/// ``EngineClientError/timedOut`` on a new connection: what is done already is then not done twice.
public final class EngineClient: Sendable {
    /// The socket and the buffer of the message under way.
    private let connection: Mutex<EngineConnection>

    /// Connects to the engine that listens at a path.
    ///
    /// - Parameter timeout: How long each call may take.
    public init(path: String, timeout: Duration = .seconds(2)) throws(EngineClientError) {
        connection = Mutex(try EngineConnection(path: path, timeout: timeout))
    }

    /// Speaks with an engine over a connection that there is already.
    public init(_ connected: consuming ControlConnection, timeout: Duration = .seconds(2)) throws(EngineClientError) {
        connection = Mutex(try EngineConnection(connected, timeout: timeout))
    }

    /// Who the engine is and what it uses.
    public func info() throws(EngineClientError) -> EngineInfo {
        guard case .info(let info) = try call(.info) else { throw .unexpected }
        return info
    }

    /// Receives by a group from now on. The same group with the same keys again is fine; with others it is `taken`.
    public func install(_ group: borrowing ReceiveGroup) throws(EngineClientError) {
        defer { StackResidue.overwrite() }
        try done(.installReceive(group.duplicate()))
    }

    /// Sends by a group from now on, in place of the slot's former one, whose keys are overwritten.
    public func install(_ group: borrowing TransmitGroup) throws(EngineClientError) {
        defer { StackResidue.overwrite() }
        try done(.installTransmit(group.duplicate()))
    }

    /// Ends receiving by a group; when this returns its keys are overwritten.
    public func retireReceive(spiBase: UInt32) throws(EngineClientError) {
        try done(.retireReceive(spiBase: spiBase))
    }

    /// Ends sending by a slot's group; when this returns its keys are overwritten. SPI base 0 is whichever is there.
    public func retireTransmit(slot: UInt32, spiBase: UInt32 = 0) throws(EngineClientError) {
        try done(.retireTransmit(slot: slot, spiBase: spiBase))
    }

    /// Tells that a slot's way takes packets of another size, in bytes with the outer IP header.
    public func setPathMTU(_ pathMTU: UInt16, slot: UInt32) throws(EngineClientError) {
        try done(.setPathMTU(slot: slot, pathMTU: pathMTU))
    }

    /// The counters of all groups, which is also the list of what is installed.
    public func counters(_ direction: Direction) throws(EngineClientError) -> [GroupCounters] {
        var groups: [GroupCounters] = []
        var place: UInt32? = 0
        while let from = place {
            guard case .counters(let page, let next) = try call(.readCounters(direction, from: from)) else {
                throw .unexpected
            }
            groups += page
            if let next, next <= from { throw .unexpected }
            place = next
        }
        return groups
    }

    /// The packets that were dropped, by reason; what never happened is left out.
    public func drops() throws(EngineClientError) -> [DropCount] {
        guard case .drops(let counts) = try call(.readDrops) else { throw .unexpected }
        return counts
    }

    /// Duplicates of the engine's descriptors. Ask after every start, and keep them.
    public func descriptors() throws(EngineClientError) -> KeptDescriptors {
        var list = DescriptorList()
        let result = exchange(.descriptors, DescriptorList(), &list)
        guard case .descriptors(let layout) = try result.get() else { throw .unexpected }
        return try KeptDescriptors(layout: layout, list: list)
    }

    /// Gives kept descriptors to an engine that was started to adopt them.
    public func adopt(_ kept: borrowing KeptDescriptors) throws(EngineClientError) {
        var none = DescriptorList()
        guard case .done = try exchange(.adopt(kept.layout), kept.list, &none).get() else { throw .unexpected }
    }

    /// Ends the engine: it overwrites all keys and closes everything.
    public func stop() throws(EngineClientError) { try done(.stop) }

    private func done(_ request: consuming Request) throws(EngineClientError) {
        guard case .done = try call(request) else { throw .unexpected }
    }

    private func call(_ request: consuming Request) throws(EngineClientError) -> Reply {
        var none = DescriptorList()
        return try exchange(request, DescriptorList(), &none).get()
    }

    private func exchange(
        _ request: borrowing Request, _ sending: borrowing DescriptorList, _ receiving: inout DescriptorList
    ) -> Result<Reply, EngineClientError> {
        connection.withLock { connection in
            do throws(EngineClientError) {
                return .success(try connection.call(request, sending: sending, receiving: &receiving))
            } catch {
                return .failure(error)
            }
        }
    }
}

/// What an engine says by itself, on a connection of its own.
public final class EngineEvents: Sendable {
    /// The socket; a waiter holds the lock.
    private let connection: Mutex<EngineConnection>

    /// Connects and subscribes.
    public init(path: String) throws(EngineClientError) {
        var connection = try EngineConnection(path: path, timeout: .seconds(2))
        var none = DescriptorList()
        guard case .done = try connection.call(.subscribe, sending: DescriptorList(), receiving: &none) else {
            throw .unexpected
        }
        self.connection = Mutex(connection)
    }

    /// Waits for the next event; nil when none came in time.
    public func next(timeout: Duration) throws(EngineClientError) -> EngineEvent? {
        let result: Result<EngineEvent?, EngineClientError> = connection.withLock { connection in
            var none = DescriptorList()
            do throws(EngineClientError) {
                try connection.setTimeout(timeout)
                while true {
                    if case .event(let event) = try connection.receive(&none).reply { return .success(event) }
                }
            } catch {
                return error == .timedOut ? .success(nil) : .failure(error)
            }
        }
        return try result.get()
    }
}
