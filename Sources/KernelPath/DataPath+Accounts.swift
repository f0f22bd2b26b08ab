internal import CKernelPath
internal import CLibbpf
internal import Glibc
public import NetTypes
internal import Synchronization

/// Whose packets an end of a wire counts.
public struct WireAccount: Hashable, Sendable {
    /// Who sends; the border, where the address outside is there.
    public var source: Identity
    public var destination: Identity
    public var outsideSource: IPAddress?
    public var outsideDestination: IPAddress?

    public init(
        source: Identity, destination: Identity, outsideSource: IPAddress? = nil, outsideDestination: IPAddress? = nil
    ) {
        self.source = source
        self.destination = destination
        self.outsideSource = outsideSource
        self.outsideDestination = outsideDestination
    }
}

/// Which end of a wire has counted.
public enum CountingEnd: UInt32, Hashable, Sendable {
    case send = 1
    case receive = 2
    /// Both ends are on this host.
    case local = 3
}

/// What an end of a wire that is plugged has counted so far. It only grows, over restarts of the leaf too, until the wire
/// is taken out; what counts afterwards has another id.
public struct LiveCount: Hashable, Sendable {
    /// Where it is counted.
    public enum Place: Hashable, Sendable {
        case send(port: UInt32, destination: IPv6Address, isLocal: Bool)
        case receive(Label)
    }

    /// Never given again on this host; below 2^63.
    public let id: UInt64
    public let place: Place
    public let counters: WireCounters
}

/// What an end of a wire had counted when it was taken out. It is kept until it is forgotten.
public struct EndedCount: Hashable, Sendable {
    public let id: UInt64
    public let counters: WireCounters
    public let endedAt: Timestamp
    public let end: CountingEnd?
    /// Nil: whoever took it out did not know.
    public let account: WireAccount?
}

extension DataPath {
    /// What all wires count that are plugged, and what those had counted that are not any more.
    ///
    /// A wire that ends meanwhile is among the ended ones, and may be among both.
    public func counts() throws(DataPathError) -> (live: [LiveCount], ended: [EndedCount]) {
        var live = try maps.wires.entries(emptyKey: .init(), emptyValue: .init()).map { key, value in
            LiveCount(
                id: value.id,
                place: .send(
                    port: key.port, destination: key.destination.value, isLocal: value.label == KP_WIRE_LOCAL),
                counters: WireCounters(packets: value.packets, bytes: value.bytes))
        }
        for (key, value) in try maps.receive.entries(emptyKey: .init(), emptyValue: .init()) {
            guard let label = Label(key.label & ~KP_RECEIVE_PROTECTED) else { continue }
            live.append(
                LiveCount(
                    id: UInt64(label.value) << 32 | UInt64(value.chance), place: .receive(label),
                    counters: WireCounters(packets: value.packets, bytes: value.bytes)))
        }
        let pinned = try maps.ended.entries(emptyKey: 0, emptyValue: .init()).map { EndedCount(id: $0, $1) }
        return (live, pinned + homeless.withLock { $0.counts })
    }

    /// Forgets what wires had counted that are no more: it is booked.
    public func forget(ended ids: some Collection<UInt64>) {
        for id in ids { _ = maps.ended.remove(id, empty: kp_ended()) }
        let all = Set(ids)
        homeless.withLock { $0.counts.removeAll { all.contains($0.id) } }
    }

    /// Adds what the leaf itself has sent on a wire in place of its endpoint; false when there is no such wire.
    @discardableResult
    public func count(_ counters: WireCounters, sentFrom port: UInt32, to destination: IPv6Address) -> Bool {
        var request = kp_account_request()
        request.act = KP_ACCOUNT_COUNT.rawValue
        request.wire = kp_wire_key(port, destination)
        request.ended.packets = counters.packets
        request.ended.bytes = counters.bytes
        return (try? run(request)) == KP_ACCOUNT_DONE
    }

    // MARK: Ending; the caller holds the lock of `peers`

    /// Takes the sending end of a wire out, and returns it with what it had counted; nil when there was none. Whatever
    /// happens, it is out afterwards.
    func end(_ key: kp_wire_key, _ account: WireAccount?) -> kp_wire? {
        guard var former = maps.wires.lookup(key, empty: kp_wire()) else { return nil }
        var request = kp_account_request()
        request.act = KP_ACCOUNT_END.rawValue
        request.wire = key
        let kept = ended(former, account)
        do throws(DataPathError) {
            guard let counters = try take(&request, kept) else { return nil }
            (former.packets, former.bytes) = (counters.packets, counters.bytes)
        } catch {
            guard let removed = maps.wires.remove(key, empty: kp_wire()) else { return nil }
            former = removed
            keep(ended(removed, account))
        }
        return former
    }

    /// The same for a receiving end.
    func end(_ key: kp_receive_key, _ account: WireAccount?) -> kp_receive? {
        guard var former = maps.receive.lookup(key, empty: kp_receive()) else { return nil }
        var request = kp_account_request()
        request.act = KP_ACCOUNT_END.rawValue
        request.is_receive = 1
        request.receive = key
        do throws(DataPathError) {
            guard let counters = try take(&request, ended(key, former, account)) else { return nil }
            (former.packets, former.bytes) = (counters.packets, counters.bytes)
        } catch {
            guard let removed = maps.receive.remove(key, empty: kp_receive()) else { return nil }
            former = removed
            keep(ended(key, removed, account))
        }
        return former
    }

    /// Puts another wire in the place of one; false when there is none.
    func replace(_ key: kp_wire_key, with new: kp_wire, _ account: WireAccount?) throws(DataPathError) -> Bool {
        guard let former = maps.wires.lookup(key, empty: kp_wire()) else { return false }
        var request = kp_account_request()
        request.act = KP_ACCOUNT_REPLACE.rawValue
        request.wire = key
        request.new_wire = new
        return try take(&request, ended(former, account)) != nil
    }

    /// Has the kernel end a wire and keep what it had counted; nil when there is no such wire.
    private func take(
        _ request: inout kp_account_request, _ former: EndedCount
    ) throws(DataPathError) -> WireCounters? {
        request.ended = kp_ended(former)
        switch try run(request) {
        case KP_ACCOUNT_DONE:
            // Nothing is kept of a wire that has counted nothing.
            return maps.ended.lookup(former.id, empty: kp_ended())
                .map { WireCounters(packets: $0.packets, bytes: $0.bytes) } ?? WireCounters()
        case KP_ACCOUNT_NO_ROOM:
            // The kernel says only that it is full: what was counted since the look just before is not known.
            keep(former)
            return former.counters
        case KP_ACCOUNT_ABSENT: return nil
        default: throw .system(-ENOMEM, "ending a wire")
        }
    }

    private func keep(_ ended: EndedCount) {
        guard ended.counters.packets > 0 else { return }
        homeless.withLock { $0.keep(ended) }
    }

    private func ended(_ wire: kp_wire, _ account: WireAccount?) -> EndedCount {
        EndedCount(
            id: wire.id, counters: WireCounters(packets: wire.packets, bytes: wire.bytes), endedAt: Self.now,
            end: wire.label == KP_WIRE_LOCAL ? .local : .send, account: account)
    }

    private func ended(_ key: kp_receive_key, _ wire: kp_receive, _ account: WireAccount?) -> EndedCount {
        EndedCount(
            id: UInt64(key.label & Label.highest) << 32 | UInt64(wire.chance),
            counters: WireCounters(packets: wire.packets, bytes: wire.bytes), endedAt: Self.now, end: .receive,
            account: account)
    }

    private static var now: Timestamp { Timestamp(Int64(time(nil))) }

    private func run(_ request: kp_account_request) throws(DataPathError) -> kp_account_answer {
        var frame = [UInt8](repeating: 0, count: 12) + [0x88, 0xb5]
        unsafe withUnsafeBytes(of: request) { unsafe frame.append(contentsOf: $0) }
        var options = unsafe bpf_test_run_opts()
        let result = unsafe frame.withUnsafeBytes { bytes in
            unsafe options.sz = MemoryLayout<bpf_test_run_opts>.size
            unsafe options.data_in = bytes.baseAddress
            unsafe options.data_size_in = UInt32(bytes.count)
            unsafe options.repeat = 1
            return unsafe bpf_prog_test_run_opts(wireAccountProgram.descriptor, &options)
        }
        if result < 0 { throw .system(result, "the account of a wire") }
        return unsafe kp_account_answer(rawValue: options.retval)
    }
}

/// What wires had counted for which the kernel had no room: it waits for a controller in the memory of the leaf.
struct HomelessCounts {
    var counts: [EndedCount] = []
    /// Packets for which there was no room here either.
    private(set) var lost: UInt64 = 0

    mutating func keep(_ count: EndedCount) {
        if counts.count < 65_536 { counts.append(count) } else { lost &+= count.counters.packets }
    }
}

extension kp_ended {
    fileprivate init(_ count: EndedCount) {
        self.init()
        packets = count.counters.packets
        bytes = count.counters.bytes
        time = UInt64(clamping: count.endedAt.seconds)
        role = count.end?.rawValue ?? KP_ROLE_NONE.rawValue
        guard let account = count.account else { return }
        source = kp_address(account.source.address)
        destination = kp_address(account.destination.address)
        if let outside = account.outsideSource { outside_source = kp_address(outside.mapped) }
        if let outside = account.outsideDestination { outside_destination = kp_address(outside.mapped) }
    }
}

extension EndedCount {
    fileprivate init(id: UInt64, _ entry: kp_ended) {
        self.id = id
        counters = WireCounters(packets: entry.packets, bytes: entry.bytes)
        endedAt = Timestamp(Int64(clamping: entry.time))
        end = CountingEnd(rawValue: entry.role)
        func outside(_ address: kp_address) -> IPAddress? {
            address.value.value == 0 ? nil : IPAddress(unmapping: address.value)
        }
        if let source = Identity(entry.source.value), let destination = Identity(entry.destination.value) {
            account = WireAccount(
                source: source, destination: destination, outsideSource: outside(entry.outside_source),
                outsideDestination: outside(entry.outside_destination))
        } else {
            account = nil
        }
    }
}
