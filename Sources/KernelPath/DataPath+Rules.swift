internal import CKernelPath
internal import CLibbpf
internal import Glibc
public import NetTypes
internal import Synchronization

extension DataPath {
    /// Sets the rules of a pair of endpoints, for both directions and for all of its wires on this host in one step.
    ///
    /// Flows that the new rules pass go on undisturbed; what they forbid is cut at once. The same rules again change
    /// nothing. When this fails, what was set before is still in force.
    ///
    /// Nil takes the rules away: wires that still carry the binding pass everything from then on, so a pair that may do
    /// nothing any more is unplugged before. The pair's number, and with it the state of its flows, lives until the last
    /// wire that carries it is unplugged or led elsewhere.
    /// - Returns: what wires of the pair are plugged with; nil for no rules.
    @discardableResult
    public func setRules(_ rules: PairRules?, of ends: PairEnds) throws(DataPathError) -> PairBinding? {
        // Not between a look at a binding and the plug of a wire that carries it.
        try peers.withLock { _ throws(DataPathError) in
            try ruleTable.withLock { (table) throws(DataPathError) in
                if let rules, !rules.limits.isEmpty, rules.fault == nil, table.shaper == nil {
                    table.shaper = try makeShaper()
                }
                return try table.set(rules, of: ends)
            }
        }
    }

    private func makeShaper() throws(DataPathError) -> Shaper {
        do {
            return try Shaper(configuration, maps, netlink, shaperPrograms)
        } catch let error as DataPathError {
            throw error
        } catch {
            throw DataPathError(.device, "the shaper \(configuration.shaperDevice): \(error)")
        }
    }

    /// The rules that a pair has here, also those that an earlier process set.
    public func rules(of ends: PairEnds) -> PairRules? { ruleTable.withLock { $0.rules(of: ends) } }

    /// Gives the sending end of a plugged wire the rules of its pair, or takes them away. It stays plugged all the while,
    /// and its counters go on.
    /// - Returns: whether there is such a wire.
    @discardableResult
    public func rebind(
        sendPort port: UInt32, destination: IPv6Address, rules: PairBinding?
    ) throws(DataPathError) -> Bool {
        try peers.withLock { _ throws(DataPathError) in
            let key = kp_wire_key(port, destination)
            let pair = try self.pair(rules, sendingFrom: port)
            guard let previous = maps.wires.lookup(key, empty: kp_wire()) else { return false }
            var request = kp_pair_request()
            request.pair = pair
            request.wire = key
            return try change(request, from: previous.pair)
        }
    }

    /// The same for a receiving end.
    @discardableResult
    public func rebind(
        receiveFrom locator: IPAddress?, label: Label, rules: PairBinding?
    ) throws(DataPathError) -> Bool {
        try peers.withLock { _ throws(DataPathError) in
            let key = kp_receive_key(locator, label)
            guard let previous = maps.receive.lookup(key, empty: kp_receive()) else { return false }
            var request = kp_pair_request()
            request.is_receive = 1
            request.pair = try self.pair(rules, from: previous.source.value)
            request.receive = key
            return try change(request, from: previous.pair)
        }
    }

    /// What each numbered rule decided on this host (``FlowAction/rule``, ``FlowAction/dryRun``).
    public func ruleCounters() -> [UInt32: RuleCounters] { ruleTable.withLock { _ in maps.ruleCounts.all } }

    // MARK: Pairs of wires

    /// What a wire from a port carries; 0 for no rules.
    func pair(_ rules: PairBinding?, sendingFrom port: UInt32) throws(DataPathError) -> UInt32 {
        guard let rules else { return 0 }
        guard let entry = maps.ports.lookup(port, empty: kp_port()) else {
            throw DataPathError(.noPort, number: ENODEV, "the port of device \(port) is not open, so it has no rules")
        }
        return try pair(rules, from: entry.identity.value)
    }

    /// What a wire from an endpoint, or an address outside, carries.
    func pair(_ rules: PairBinding?, from source: IPv6Address) throws(DataPathError) -> UInt32 {
        guard let rules else { return 0 }
        guard let side = rules.ends.side(of: source) else {
            throw DataPathError(
                .rules, number: EINVAL, "the rules of \(rules.ends) are not for a wire from \(source)")
        }
        guard ruleTable.withLock({ $0.isCurrent(rules) }) else {
            throw DataPathError(
                .rules, number: ESTALE, "the pair of \(rules.ends) has no rules any more; set them first")
        }
        return rules.number << 1 | side
    }

    /// Counts a wire that carries another pair than before.
    func exchange(pair old: UInt32, for new: UInt32) {
        if old != 0 || new != 0 { ruleTable.withLock { $0.exchange(old, for: new) } }
    }

    /// What is known of the pair that a wire carries.
    func binding(_ pair: UInt32) -> PairBinding? {
        pair == 0 ? nil : ruleTable.withLock { $0.binding(pair >> 1) }
    }

    private func change(_ request: kp_pair_request, from previous: UInt32) throws(DataPathError) -> Bool {
        // The request stands behind an Ethernet header of no protocol's.
        var frame = [UInt8](repeating: 0, count: 12) + [0x88, 0xb5]
        unsafe withUnsafeBytes(of: request) { unsafe frame.append(contentsOf: $0) }
        var options = unsafe bpf_test_run_opts()
        let result = unsafe frame.withUnsafeBytes { bytes in
            unsafe options.sz = MemoryLayout<bpf_test_run_opts>.size
            unsafe options.data_in = bytes.baseAddress
            unsafe options.data_size_in = UInt32(bytes.count)
            unsafe options.repeat = 1
            return unsafe bpf_prog_test_run_opts(wirePairProgram.descriptor, &options)
        }
        if result < 0 { throw .system(result, "giving a wire the rules of its pair") }
        guard unsafe options.retval == 1 else { return false }
        exchange(pair: previous, for: request.pair)
        return true
    }
}
