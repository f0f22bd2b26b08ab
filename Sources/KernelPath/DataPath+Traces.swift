internal import CKernelPath
internal import CLinux
internal import Synchronization

/// A packet that is followed on this host.
public struct PacketTrace: Hashable, Sendable {
    let place: Int
    /// Tells it from an earlier one in the same place.
    let until: UInt64
}

/// What one program of the kernel did with a packet that is followed.
public struct TraceStep: Hashable, Sendable {
    /// Which program, in the order of `enum kp_trace_place`.
    public enum Place: UInt8, Hashable, Sendable {
        case port, shaper, underlay, vxlanDevice, engine
    }

    public enum Outcome: Hashable, Sendable {
        case dropped(DropReason)
        /// Into the wire, or to the port.
        case passed
        /// To the queue of its limit.
        case shaped
        /// To the host's own stack, which takes it to the VXLAN device.
        case handedOn
    }

    /// What the rules of the pair said.
    public struct Decision: Hashable, Sendable {
        public let passes: Bool
        /// The number of the rule that decided (``FlowAction/rule``); 0 for none.
        public let rule: UInt32
        /// That of one which was only tried and would have decided otherwise; 0 for none.
        public let dryRun: UInt32

        public init(passes: Bool, rule: UInt32, dryRun: UInt32) {
            self.passes = passes
            self.rule = rule
            self.dryRun = dryRun
        }
    }

    /// CLOCK_MONOTONIC in nanoseconds, when the program had finished.
    public let time: UInt64
    public let place: Place
    public let outcome: Outcome
    /// Nil: they were not asked, or it was an ICMP error, which passes with its flow.
    public let decision: Decision?
}

extension DataPath {
    /// How many packets can be followed at once.
    public static var maximumTraces: Int { Int(KP_TRACES) }

    /// Follows a packet on this host for a time: each program that meets it tells what it did, up to sixteen times.
    ///
    /// It is known by its addresses, its protocol, the first four bytes behind its IP header, and what only it has: the
    /// flow label, or the identification of an IPv4 packet. IP options and extension headers are not looked for.
    ///
    /// - Parameter frame: The packet in its Ethernet frame. An IPv4 address of 0.0.0.0 is any.
    /// - Returns: nil when there are ``maximumTraces`` already, or the frame is too short.
    public func follow(_ frame: [UInt8], for duration: Duration) throws(DataPathError) -> PacketTrace? {
        guard var trace = kp_trace(frame) else { return nil }
        let now = cl_monotonic_ns()
        let until = now + UInt64(max(0, duration / .nanoseconds(1)))
        trace.until = until
        return try traces.withLock { (ends) throws(DataPathError) -> PacketTrace? in
            guard let place = ends.indices.first(where: { ends[$0] <= now }) else { return nil }
            try followed(place, false)
            for step in 0..<Int(KP_TRACE_STEPS) { maps.traceSteps[place * Int(KP_TRACE_STEPS) + step] = kp_step() }
            maps.traces[place] = trace
            try followed(place, true)
            ends[place] = until
            return PacketTrace(place: place, until: until)
        }
    }

    /// What was told of a packet up to now, the first first; none when it is followed no more.
    public func steps(of trace: PacketTrace) -> [TraceStep] {
        traces.withLock { ends in
            guard ends[trace.place] == trace.until else { return [] }
            let first = trace.place * Int(KP_TRACE_STEPS)
            return (first..<first + Int(KP_TRACE_STEPS)).compactMap { TraceStep(maps.traceSteps[$0]) }
                .sorted { $0.time < $1.time }
        }
    }

    /// Ends it; its place is free.
    public func unfollow(_ trace: PacketTrace) {
        traces.withLock { ends in
            guard ends[trace.place] == trace.until else { return }
            ends[trace.place] = 0
            // If that fails, the programs still see that its time is over.
            try? followed(trace.place, false)
        }
    }

    /// Sets the bit of a place in the configuration, which others change under either of these locks.
    private func followed(_ place: Int, _ isOn: Bool) throws(DataPathError) {
        try peers.withLock { _ throws(DataPathError) in
            try ruleTable.withLock { _ throws(DataPathError) in
                guard var host = maps.config.lookup(0, empty: kp_config()) else { return }
                host.traces = isOn ? host.traces | 1 << UInt32(place) : host.traces & ~(1 << UInt32(place))
                try maps.config.update(0, host)
            }
        }
    }
}

extension kp_trace {
    /// What a packet is known by: the words in which a mask has bits.
    fileprivate init?(_ frame: [UInt8]) {
        let packet = frame.dropFirst(14)
        guard let first = packet.first else { return nil }
        // Version and flow label, next header, addresses, ports; or version, identification, protocol and the same.
        let six: [UInt32] = [0xf00f_ffff, 0x0000_ff00] + [UInt32](repeating: ~0, count: 9)
        let four: [UInt32] = [0xff00_0000, 0xffff_0000, 0x00ff_0000, ~0, ~0, ~0]
        let masks = first >> 4 == 6 ? six : four
        guard packet.count >= masks.count * 4 else { return nil }
        self.init()
        unsafe withUnsafeMutableBytes(of: &words) { bytes in
            for (index, byte) in packet.prefix(masks.count * 4).enumerated() { unsafe bytes[index] = byte }
        }
        unsafe withUnsafeMutableBytes(of: &self.masks) { bytes in
            // An IPv4 address of 0.0.0.0 is any.
            for (index, mask) in masks.enumerated()
            where masks.count == 11 || packet.dropFirst(index * 4).prefix(4).contains(where: { $0 != 0 }) {
                unsafe bytes.storeBytes(of: mask.bigEndian, toByteOffset: index * 4, as: UInt32.self)
            }
        }
    }
}

extension TraceStep {
    fileprivate init?(_ step: kp_step) {
        guard step.time != 0, let place = Place(rawValue: step.place) else { return nil }
        time = step.time
        self.place = place
        if let reason = DropReason(rawValue: UInt32(step.reason)) {
            outcome = .dropped(reason)
        } else if step.is_shaped != 0 {
            outcome = .shaped
        } else {
            // TC_ACT_UNSPEC is -1, of which a byte is kept; TC_ACT_SHOT of no reason is a redirect that failed.
            outcome = step.action == 0xff ? .handedOn : step.action == 2 ? .dropped(.encapsulation) : .passed
        }
        let decided = UInt32(step.decided)
        decision =
            decided == KP_DECIDED_NOTHING.rawValue
            ? nil
            : Decision(passes: decided == KP_DECIDED_PASS.rawValue, rule: step.rule, dryRun: step.dry_run)
    }
}
